"""Common median reference: subtract the median over a group of channels at every sample.

The median comes from a sorting network (Batcher's merge exchange, Knuth TAOCP 5.2.2 algorithm M) that runs on many
samples at once: its comparisons do not depend on the values, so they are minima and maxima of vectors.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, minus, store, where_above

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Samples per tile: two vectors, so that one need not wait for the other.
WIDTH = 2 * LANES


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
    tile, median = np.zeros((n, WIDTH), np.float32), np.empty(WIDTH, np.float32)
    whole = n_samples - n_samples % WIDTH
    for start in range(0, whole, WIDTH):
        for i in range(n):
            at = rows[i] * n_samples + start
            store(tile, i * WIDTH, load(traces, at))
            store(tile, i * WIDTH + LANES, load(traces, at + LANES))
        _medians(tile, network, median)
        for i in range(n):
            at = rows[i] * n_samples + start
            store(traces, at, minus(load(traces, at), load(median, 0)))
            store(traces, at + LANES, minus(load(traces, at + LANES), load(median, LANES)))
    for i in range(n):
        tile[i, : n_samples - whole] = traces[rows[i], whole:]
    _medians(tile, network, median)
    for i in range(n):
        traces[rows[i], whole:] -= median[: n_samples - whole]


@compiled
def _medians(tile: F32, network: I64, median: F32) -> None:
    """Write the median of each column of the tile to `median`; changes the tile."""
    for k in range(network.shape[0]):
        i, j = network[k, 0] * WIDTH, network[k, 1] * WIDTH
        x, y = load(tile, i), load(tile, j)
        v, w = load(tile, i + LANES), load(tile, j + LANES)
        store(tile, i, where_above(x, y, y, x))
        store(tile, j, where_above(x, y, x, y))
        store(tile, i + LANES, where_above(v, w, w, v))
        store(tile, j + LANES, where_above(v, w, v, w))
    upper, lower = tile[tile.shape[0] // 2], tile[(tile.shape[0] - 1) // 2]
    for t in range(WIDTH):
        median[t] = np.float32(0.5) * (lower[t] + upper[t])
