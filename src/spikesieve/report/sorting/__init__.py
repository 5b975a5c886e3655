"""Page, pictures and tables of a sorting."""
