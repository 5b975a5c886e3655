"""Blocks with a halo, a function mapped over them by threads, scratch arrays on disk, time and memory per stage."""
