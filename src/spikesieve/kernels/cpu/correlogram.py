"""Counts of time differences between two sorted spike trains."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def correlogram(a: I64, b: I64, bin_samples: float, n_bins: int, same: bool) -> I64:
    """counts[n_bins + d] = pairs with floor-to-nearest-bin lag d = round((b - a) / bin), |d| <= n_bins.

    a, b         (n,) int64, non-decreasing
    bin_samples  width of a bin in samples (float)
    same         True when a is b: a spike is not paired with itself
    Returns (2 n_bins + 1,) int64.
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
