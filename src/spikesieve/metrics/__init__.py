"""Quality metrics of units, one pure function each: arrays in, numbers out; None where the data cannot tell."""
