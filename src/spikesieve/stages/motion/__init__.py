"""Drift estimation: the displacement of the tissue along each shank, its standard error, and whether to use it."""
