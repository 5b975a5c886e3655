"""Undoes differences in time, which compressed recordings hold channel after channel."""

from typing import Any

import numba as nb
from numpy.typing import NDArray

# Samples that are turned at a time: of int16 they fill a cache line of each channel.
SAMPLES_AT_ONCE = 32


@nb.njit(cache=True, nogil=True)
def sum_differences(differences: NDArray[Any], out: NDArray[Any]) -> None:
    """Sum differences in time, and turn channel after channel into sample after sample.

    Parameters
    ----------
    differences : ndarray of any integer, shape (n_channels, n_samples)
        The first sample of each channel, then the difference of each from the one before. Sums wrap around as in the
        type itself.
    out : ndarray of the same type, shape (n_samples, n_channels)
        Written: ``out[t, c] = sum(differences[c, : t + 1])``.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((3, 2), np.int16)
    >>> sum_differences(np.array([[5, 1, -2], [0, 0, 7]], np.int16), out)
    >>> out.T
    array([[5, 6, 4],
           [0, 0, 7]], dtype=int16)
    """
    n_channels, n_samples = differences.shape
    for first in range(0, n_samples, SAMPLES_AT_ONCE):
        end = min(first + SAMPLES_AT_ONCE, n_samples)
        for t in range(first, end):
            for c in range(n_channels):
                out[t, c] = differences[c, t]
        for t in range(max(first, 1), end):
            for c in range(n_channels):
                out[t, c] += out[t - 1, c]
