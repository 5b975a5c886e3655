"""Formats of recordings: one module for each, which says whether a path holds it, and opens it."""
