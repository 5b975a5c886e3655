"""Probes from files and by name."""
