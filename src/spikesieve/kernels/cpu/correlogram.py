"""Auto- and cross-correlograms of spike trains."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
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


@nb.njit(cache=True, nogil=True)
def pairs_at_lags(counts: I64, reach: int, jitter: int, beside: tuple[int, int], far: int) -> tuple[I64, F64]:
    """Count the pairs around each lag of a correlogram, and estimate how many of them come there by chance.

    Parameters
    ----------
    counts : ndarray of int64, shape (2 n_lags + 1,)
        Pairs at each lag; n_lags is at least `far`, and at least `reach` and the larger of `jitter` and `beside`.
    reach : int
        Largest lag that is looked at.
    jitter : int
        Pairs at most this far from a lag are counted.
    beside : (int, int)
        Lags at these distances, and between them, tell how many pairs come by chance; the first is at least 1.
    far : int
        So do all lags from this one on, together with one pair more than there are.

    Returns
    -------
    n_pairs : ndarray of int64, shape (2 reach + 1,)
        Pairs around each lag.
    by_chance : ndarray of float64, shape (2 reach + 1,)
        Pairs by chance, by the larger estimate.

    Examples
    --------
    >>> n_pairs, by_chance = pairs_at_lags(np.array([0, 1, 2, 9, 3, 1, 1]), 1, 0, (1, 2), 3)
    >>> n_pairs.tolist(), by_chance.tolist()
    ([2, 9, 3], [3.25, 1.75, 3.25])
    """
    middle, (first, last) = counts.size // 2, beside
    before = np.zeros(counts.size + 1, np.int64)
    for k in range(counts.size):
        before[k + 1] = before[k] + counts[k]
    pairs_far = before[-1] - before[middle + far] + before[middle - far + 1]
    mean_far = (pairs_far + 1) / (2 * (middle - far + 1))
    n_pairs, by_chance = np.empty(2 * reach + 1, np.int64), np.empty(2 * reach + 1)
    for k in range(n_pairs.size):
        lag = middle - reach + k
        n_pairs[k] = before[lag + jitter + 1] - before[lag - jitter]
        n_beside = before[lag + last + 1] - before[lag - last] - (before[lag + first] - before[lag - first + 1])
        by_chance[k] = (2 * jitter + 1) * max(n_beside / (2 * (last - first + 1)), mean_far)
    return n_pairs, by_chance
