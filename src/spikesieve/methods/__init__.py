"""The methods of sorting, one module each: the algorithm as a list of steps."""
