"""Medians of magnitudes, the robust measure of noise: found by counting, which is ten times faster than by ordering."""

from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.put import put
from spikesieve.kernels.cpu.vector import LANES, any_above, compiled, load, magnitude, plus, splat, store, where_above

F32 = NDArray[np.float32]

# Vectors that are counted at a time, so that no sum waits for the one before.
VECTORS = 4
# Values that are ordered when no more are left.
FEW = 48
# Samples of traces need 5 to 10 steps. After more than that values may be equal, and after the most they are ordered.
MANY, MAX_STEPS = 12, 60
# The median of the magnitudes of a Gaussian, as a share of their mean; and the density there, which is what a step to
# another rank follows from: rank / n changes by 0.43 times the relative change of the value.
OF_MEAN, DENSITY = 0.845, 0.43


@compiled
def median_magnitudes(rows: F32, out: F32) -> None:
    """Find the median of the magnitudes in each row.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, n)
        Values of either sign.
    out : ndarray of float32, shape (n_rows,)
        Written: ``np.median(np.abs(rows), axis=1)``; NaN for rows that hold a NaN, and for n = 0.

    Examples
    --------
    >>> out = np.empty(2, np.float32)
    >>> median_magnitudes(np.array([[1, -3, 2, -4], [0, 0, 0, 9]], np.float32), out)
    >>> out
    array([2.5, 0. ], dtype=float32)
    """
    n = rows.shape[1]
    step = VECTORS * LANES
    # What is added is infinite, and so above everything.
    row, few = np.full(n + -n % step, np.float32(inf)), np.empty(FEW, np.float32)
    for i in range(rows.shape[0]):
        put(rows[i], row)
        out[i] = _median(row, n, few)


@compiled
def _median(row: F32, n: int, few: F32) -> np.float32:
    """Return the median of the first n magnitudes."""
    mean = _mean(row, n)
    if np.isnan(mean):
        return mean
    rank = (n + 1) // 2
    lower = _of_rank(row, n, rank, mean, few)
    if n % 2:
        return lower
    # The next value in order is the same one again, or the smallest above it.
    upper = lower if _count(row, lower) > rank else _smallest_above(row, lower)
    return np.float32(0.5) * (lower + upper)


@compiled
def _mean(row: F32, n: int) -> np.float32:
    """Return the mean of the first n magnitudes; NaN for none."""
    if n == 0:
        return np.float32(nan)
    each = np.empty(LANES, np.float32)
    total = splat(np.float32(0.0))
    whole = n - n % LANES
    for i in range(0, whole, LANES):
        total = plus(total, magnitude(load(row, i)))
    store(each, 0, total)
    return np.float32((each.sum() + np.abs(row[whole:n]).sum()) / np.float32(n))


@compiled
def _of_rank(row: F32, n: int, rank: int, mean: np.float32, few: F32) -> np.float32:
    """Return the magnitude of a rank, 1 for the smallest."""
    low, n_low, high, n_high = np.float32(-1.0), 0, np.float32(inf), n
    at = np.float32(OF_MEAN) * mean
    for step in range(MAX_STEPS):
        count = _count(row, at)
        if count < rank:
            low, n_low = at, count
        else:
            high, n_high = at, count
        if n_high - n_low <= FEW:
            return _among_few(row, low, high, rank - n_low, few)
        # A little beyond the place, so that the other side comes near as well.
        beyond = np.sqrt(np.float32(n_high - n_low))
        aim = np.float32(rank) + (beyond if count < rank else -beyond)
        if high < inf and low >= 0:
            share = (aim - np.float32(n_low)) / np.float32(n_high - n_low)
            at = low + min(max(share, np.float32(0.02)), np.float32(0.98)) * (high - low)
        else:
            at *= max(np.float32(0.5), np.float32(1.0) + (aim - np.float32(count)) / np.float32(n * DENSITY))
        if step >= MANY or not low < at < high:
            # Values are equal: go on with the next one in order.
            at = _smallest_above(row, low)
            if _count(row, at) >= rank:
                return at
    ordered = np.sort(np.abs(row[:n]))
    return np.float32(ordered[rank - 1])


@compiled
def _count(row: F32, at: np.float32) -> int:
    """Count the magnitudes that are not above a number."""
    number, one = splat(at), splat(np.float32(1.0))
    a = b = c = d = splat(np.float32(0.0))
    for i in range(0, row.size, VECTORS * LANES):
        a = where_above(magnitude(load(row, i)), number, a, plus(a, one))
        b = where_above(magnitude(load(row, i + LANES)), number, b, plus(b, one))
        c = where_above(magnitude(load(row, i + 2 * LANES)), number, c, plus(c, one))
        d = where_above(magnitude(load(row, i + 3 * LANES)), number, d, plus(d, one))
    each = np.empty(LANES, np.float32)
    store(each, 0, plus(plus(a, b), plus(c, d)))
    return int(each.sum())


@compiled
def _smallest_above(row: F32, value: np.float32) -> np.float32:
    number, least = splat(value), splat(np.float32(inf))
    for i in range(0, row.size, LANES):
        x = magnitude(load(row, i))
        x = where_above(x, number, x, splat(np.float32(inf)))
        least = where_above(least, x, x, least)
    each = np.empty(LANES, np.float32)
    store(each, 0, least)
    smallest = each[0]
    for i in range(1, LANES):
        smallest = min(smallest, each[i])
    return np.float32(smallest)


@compiled
def _among_few(row: F32, low: np.float32, high: np.float32, rank: int, few: F32) -> np.float32:
    """Return the value of a rank among the magnitudes above `low` and not above `high`."""
    n, top, lowest = 0, splat(high), splat(low)
    for i in range(0, row.size, LANES):
        x = magnitude(load(row, i))
        if any_above(where_above(x, top, lowest, x), lowest):
            for value in row[i : i + LANES]:
                if low < abs(value) <= high and n < few.size:
                    few[n] = abs(value)
                    n += 1
    few[:n].sort()
    return np.float32(few[rank - 1])
