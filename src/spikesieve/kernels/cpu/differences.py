"""Undoes differences in time, which compressed recordings hold channel after channel."""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

# Channels whose sums stay in registers, and whose samples lie side by side in the result.
CHANNELS_AT_ONCE = 16


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
    >>> out = np.empty((3, 2), np.int16)
    >>> sum_differences(np.array([[5, 1, -2], [0, 0, 7]], np.int16), out)
    >>> out.T
    array([[5, 6, 4],
           [0, 0, 7]], dtype=int16)
    """
    n_channels, n_samples = differences.shape
    sums = np.zeros(CHANNELS_AT_ONCE, differences.dtype)
    for first in range(0, n_channels, CHANNELS_AT_ONCE):
        n = min(CHANNELS_AT_ONCE, n_channels - first)
        sums[:] = 0
        for t in range(n_samples):
            for c in range(n):
                sums[c] += differences[first + c, t]
                out[t, first + c] = sums[c]
