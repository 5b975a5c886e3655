"""Auto- and cross-correlograms of spike trains."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def correlogram(a: I64, b: I64, bin_samples: float, n_bins: int, same: bool) -> I64:
    """Count time differences between two spike trains.

    Parameters
    ----------
    a, b : ndarray of int64, shape (n,)
        Spike times in samples, sorted.
    bin_samples : float
        Width of a bin in samples.
    n_bins : int
        Bins on either side of lag 0.
    same : bool
        True for an autocorrelogram: a spike is not paired with itself.

    Returns
    -------
    ndarray of int64, shape (2 n_bins + 1,)
        Entry n_bins + d counts the pairs with (b - a) / bin_samples nearest to d; halves count for the larger d.

    Examples
    --------
    >>> train = np.array([0, 30, 60])
    >>> correlogram(train, train, 30.0, 2, True)
    array([1, 2, 0, 2, 1])
    """
    reach = (n_bins + 0.5) * bin_samples
    duration = max(b[-1] - b[0], 1) if b.size else 1
    # Pairs that are many more than the lags they can have are counted by their lags, which then go into bins.
    if a.size / duration * b.size > 2.0 and reach < 2.0**22:
        return _by_lags(a, b, bin_samples, n_bins, same)
    counts = np.zeros(2 * n_bins + 1, np.int64)
    first = 0
    for i in range(a.size):
        while first < b.size and b[first] < a[i] - reach:
            first += 1
        j = first
        while j < b.size and b[j] <= a[i] + reach:
            if not (same and i == j):
                lag = int(np.floor((b[j] - a[i]) / bin_samples + 0.5))
                if -n_bins <= lag <= n_bins:
                    counts[n_bins + lag] += 1
            j += 1
    return counts


@nb.njit(cache=True, nogil=True)
def _by_lags(a: I64, b: I64, bin_samples: float, n_bins: int, same: bool) -> I64:
    reach = int((n_bins + 0.5) * bin_samples)
    pairs = np.zeros(2 * reach + 1, np.int64)
    if same:
        _count_own(a, reach, pairs)
    else:
        _count(a, b, reach, pairs)
    counts = np.zeros(2 * n_bins + 1, np.int64)
    for lag in range(-reach, reach + 1):
        nearest = int(np.floor(lag / bin_samples + 0.5))
        if -n_bins <= nearest <= n_bins:
            counts[n_bins + nearest] += pairs[reach + lag]
    return counts


@nb.njit(cache=True, nogil=True)
def _count_own(a: I64, reach: int, pairs: I64) -> None:
    """Count the pairs of a train with itself, each in both orders."""
    for i in range(a.size):
        j = i + 1
        while j < a.size and a[j] - a[i] <= reach:
            pairs[reach + a[j] - a[i]] += 1
            j += 1
    for lag in range(1, reach + 1):
        pairs[reach - lag] = pairs[reach + lag]
    pairs[reach] *= 2


@nb.njit(cache=True, nogil=True)
def _count(a: I64, b: I64, reach: int, pairs: I64) -> None:
    begin = 0
    for spike in a:
        while begin < b.size and spike - b[begin] > reach:
            begin += 1
        j = begin
        while j < b.size and b[j] - spike <= reach:
            pairs[reach + b[j] - spike] += 1
            j += 1
