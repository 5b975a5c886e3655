"""Pictures of a result: figures.py draws, pictures.py writes files."""
