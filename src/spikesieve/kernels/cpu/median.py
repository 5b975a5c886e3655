"""Common median reference: subtract the median over a group of channels at every sample.

Vectors of 16 samples are treated at once. Two methods give the same bits. On many channels the median is searched: the
channels below a number are counted, and the number moves until they are half of all. On few channels, and where values
are equal so that no number has half of them below, the channels go through a sorting network (Batcher's merge exchange,
Knuth TAOCP 5.2.2 algorithm M), whose comparisons do not depend on the values: they are minima and maxima of vectors.
"""

from functools import lru_cache
from math import inf, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import (
    LANES,
    compiled,
    load,
    minus,
    plus,
    splat,
    store,
    times,
    times_plus,
    where_above,
)

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# From this many channels on, counting is faster than the network.
COUNTED = 128
# Tiles of 16 samples that are copied together: short pieces of many rows are slow to read.
TILES = 8
# Rows that are counted at a time, so that no sum waits for the one before.
ROWS_AT_ONCE = 4
# Traces need 5 to 9 counts. Where values are equal there may be no end.
MAX_COUNTS = 24
# Distance of neighbouring values of a Gaussian at its middle, in SD / number of values.
SPACING = sqrt(2 * pi)


def subtract_median(traces: F32, group: I64, n_groups: int) -> None:
    """Subtract the median over each group of channels at every sample, in place.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Finite; changed in place.
    group : ndarray of int64, shape (n_channels,)
        Group of each channel, 0..n_groups-1; channels of group -1 stay as they are.
    n_groups : int
        Number of groups.

    Examples
    --------
    >>> traces = np.array([[1.0, 5.0], [2.0, 6.0], [9.0, 9.0]], np.float32)
    >>> subtract_median(traces, np.zeros(3, np.int64), 1)
    >>> traces
    array([[-1., -1.],
           [ 0.,  0.],
           [ 7.,  3.]], dtype=float32)
    """
    for g in range(n_groups):
        rows = np.flatnonzero(group == g)
        if rows.size:
            _subtract_median(traces, rows, median_network(rows.size))


@lru_cache(maxsize=64)
def median_network(n: int) -> I64:
    """Return the comparators that bring the middle of n values to its sorted position.

    Parameters
    ----------
    n : int
        Number of values.

    Returns
    -------
    ndarray of int64, shape (n_comparators, 2)
        Pairs (i, j), i < j, in order: the smaller value goes to i. Comparators of the sorting network that cannot
        reach the middle are left out.

    Examples
    --------
    >>> median_network(3)
    array([[0, 2],
           [0, 1],
           [1, 2]])
    """
    pairs: list[tuple[int, int]] = []
    top = 1 << max(0, (n - 1).bit_length() - 1)
    p = top if n > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs.extend((i, i + d) for i in range(n - d) if (i & p) == r)
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    needed = {n // 2, (n - 1) // 2}
    kept = []
    for i, j in reversed(pairs):
        if i in needed or j in needed:
            needed |= {i, j}
            kept.append((i, j))
    return np.array(kept[::-1], np.int64).reshape(-1, 2)


@compiled
def _subtract_median(traces: F32, rows: I64, network: I64) -> None:
    n, n_samples = rows.size, traces.shape[1]
    # Rows of infinity count as above everything. With one row more tiles do not fall on the same lines of the cache.
    tiles = np.full((TILES, n + ROWS_AT_ONCE - n % ROWS_AT_ONCE, LANES), np.float32(inf))
    tiles[:, :n] = 0.0
    medians, search = np.empty((TILES, LANES), np.float32), np.empty((6, LANES), np.float32)
    for start in range(0, n_samples, TILES * LANES):
        width = min(TILES * LANES, n_samples - start)
        _copy_tiles(traces, rows, start, width, tiles)
        for v in range((width + LANES - 1) // LANES):
            if n < COUNTED or not _counted_medians(tiles[v], n, search, medians[v]):
                _medians(tiles[v], n, network, medians[v])
        whole = width - width % LANES
        for i in range(n):
            at = rows[i] * n_samples + start
            for t in range(0, whole, LANES):
                store(traces, at + t, minus(load(traces, at + t), load(medians, t)))
            for t in range(whole, width):
                traces[rows[i], start + t] -= medians[t // LANES, t % LANES]


@compiled
def _copy_tiles(traces: F32, rows: I64, start: int, width: int, tiles: F32) -> None:
    """Set tiles[v, i] to 16 samples of row i; what a row has in the memory is read in one go."""
    n_samples, whole = traces.shape[1], width - width % LANES
    for i in range(rows.size):
        at = rows[i] * n_samples + start
        for t in range(0, whole, LANES):
            store(tiles, (t // LANES * tiles.shape[1] + i) * LANES, load(traces, at + t))
        for t in range(whole, width):
            tiles[t // LANES, i, t % LANES] = traces[rows[i], start + t]


@compiled
def _medians(tile: F32, n: int, network: I64, median: F32) -> None:
    """Write the median of each column of the tile to `median`; changes the tile."""
    for k in range(network.shape[0]):
        i, j = network[k, 0] * LANES, network[k, 1] * LANES
        x, y = load(tile, i), load(tile, j)
        store(tile, i, where_above(x, y, y, x))
        store(tile, j, where_above(x, y, x, y))
    upper, lower = tile[n // 2], tile[(n - 1) // 2]
    for t in range(LANES):
        median[t] = np.float32(0.5) * (lower[t] + upper[t])


@compiled
def _counted_medians(tile: F32, n: int, search: F32, median: F32) -> bool:
    """Write the median of each column of the tile to `median`, unless one is not found.

    A number is searched that exactly half of the values do not exceed, by regula falsi in their count.
    """
    at, spacing = search[0], search[1]
    low, n_low, high, n_high = search[2], search[3], search[4], search[5]
    half, count = np.float32((n + 1) // 2), median
    _first_guess(tile, n, at, spacing)
    low[:], n_low[:], high[:], n_high[:] = -inf, 0, inf, n
    for _ in range(MAX_COUNTS):
        _count(tile, at, count)
        n_found = 0
        for t in range(LANES):
            if count[t] == half:
                n_found += 1
                continue
            if count[t] < half:
                low[t], n_low[t] = at[t], count[t]
            else:
                high[t], n_high[t] = at[t], count[t]
            if high[t] - low[t] < inf:
                share = (half - n_low[t] + np.float32(0.5)) / (n_high[t] - n_low[t] + np.float32(1))
                at[t] = low[t] + share * (high[t] - low[t])
            else:
                at[t] += spacing[t] * (half - count[t])
                spacing[t] *= np.float32(2)
        if n_found == LANES:
            _middle(tile, n, at, median)
            return True
    return False


@compiled
def _first_guess(tile: F32, n: int, mean: F32, spacing: F32) -> None:
    """Write the mean of each column, and the distance that neighbouring values have at the middle of a Gaussian."""
    total = square = splat(np.float32(0.0))
    for i in range(n):
        x = load(tile, i * LANES)
        total, square = plus(total, x), times_plus(x, x, square)
    store(mean, 0, total)
    store(spacing, 0, square)
    for t in range(LANES):
        mean[t] /= np.float32(n)
        variance = max(spacing[t] / np.float32(n) - mean[t] * mean[t], np.float32(0))
        spacing[t] = np.sqrt(variance) * np.float32(SPACING / n)


@compiled
def _count(tile: F32, at: F32, count: F32) -> None:
    """Count the values of each column that are not above a number."""
    number, one = load(at, 0), splat(np.float32(1.0))
    a = b = c = d = splat(np.float32(0.0))
    for i in range(0, tile.size, ROWS_AT_ONCE * LANES):
        a = where_above(load(tile, i), number, a, plus(a, one))
        b = where_above(load(tile, i + LANES), number, b, plus(b, one))
        c = where_above(load(tile, i + 2 * LANES), number, c, plus(c, one))
        d = where_above(load(tile, i + 3 * LANES), number, d, plus(d, one))
    store(count, 0, plus(plus(a, b), plus(c, d)))


@compiled
def _middle(tile: F32, n: int, at: F32, median: F32) -> None:
    """Write the median of each column, of which half of the values do not exceed `at`."""
    number = load(at, 0)
    lower, upper = splat(np.float32(-inf)), splat(np.float32(inf))
    for i in range(n):
        x = load(tile, i * LANES)
        below, above = where_above(x, number, lower, x), where_above(x, number, x, upper)
        lower, upper = where_above(below, lower, below, lower), where_above(upper, above, above, upper)
    if n % 2:
        upper = lower
    store(median, 0, times(splat(np.float32(0.5)), plus(lower, upper)))
