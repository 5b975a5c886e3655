"""The functions that users call: sort, compare, simulate, and the demo."""
