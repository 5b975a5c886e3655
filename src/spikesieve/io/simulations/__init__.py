"""Simulated recordings on disk, and the files a simulation can be made from."""
