"""Report of a sorting: page, pictures and tables."""
