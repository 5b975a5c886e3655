"""Corrections that were made in other programs."""
