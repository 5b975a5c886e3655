"""The kernels for an ordinary processor, compiled by Numba."""
