"""The result folder: written after a sort, and read back."""
