"""Sortings by other programs."""
