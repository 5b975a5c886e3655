"""Sortings of other programs."""
