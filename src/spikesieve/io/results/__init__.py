"""The result folder, written and read."""
