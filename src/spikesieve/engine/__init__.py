"""Runs the work of a sort: blocks of a recording, workers, results of steps on disk, time and memory of stages."""
