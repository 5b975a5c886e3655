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
    counts = np.zeros(2 * n_bins + 1, np.int64)
    reach = (n_bins + 0.5) * bin_samples
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
