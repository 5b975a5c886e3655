"""Lags from each spike of a train to some that come much later."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def count_later(train: I64, away: F64, n_later: int, n_lags: int) -> I64:
    """Count the lags from each spike to the next ones after some time.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    away : ndarray of float64, shape (n,)
        For each spike: those that come at least this number of samples later are looked at.
    n_later : int
        How many of them.
    n_lags : int
        Lags of this number of samples and more are left out.

    Returns
    -------
    ndarray of int64, shape (n_lags,)
        Number of pairs with a lag of 0, 1 ... samples.

    Examples
    --------
    >>> count_later(np.array([0, 2, 3, 7]), np.array([2.5, 1.0, 1.0, 1.0]), 2, 6).tolist()
    [0, 1, 0, 1, 1, 1]
    """
    counts = np.zeros(n_lags, np.int64)
    nearest, first = np.inf, 0
    for least in away:
        nearest = min(nearest, least)
    for i in range(train.size):
        while first < train.size and train[first] < train[i] + nearest:
            first += 1
        j = first
        while j < train.size and train[j] < train[i] + away[i]:
            j += 1
        for later in range(j, min(j + n_later, train.size)):
            lag = train[later] - train[i]
            if lag < n_lags:
                counts[lag] += 1
    return counts
