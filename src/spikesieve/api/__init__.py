"""What a user of the library calls: sort, compare, simulate, and the demo."""
