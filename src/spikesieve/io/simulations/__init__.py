"""Simulated recordings on disk, and what they are made from."""
