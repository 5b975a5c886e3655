"""One page a method: the algorithm as a list of calls."""
