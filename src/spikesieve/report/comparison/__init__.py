"""Report of a comparison: page, pictures and tables."""
