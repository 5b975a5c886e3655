"""Page, pictures and tables of a comparison."""
