"""One module a stage: a frozen parameter class and pure functions on arrays."""
