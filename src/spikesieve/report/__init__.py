"""Reports of a sorting and of a comparison: HTML page, pictures and CSV tables."""
