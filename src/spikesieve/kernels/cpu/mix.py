"""Multiplies traces by a matrix that is mostly 0, such as the whitening by near contacts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Rows that are computed together: neighbouring contacts need nearly the same others.
ROWS = 6
# Samples that are computed at once, and those for which the traces stay in the cache.
PAIR, SPAN = 2 * LANES, 64 * LANES


@compiled
def mix(traces: F32, step: int, matrix: F32, out: F32) -> None:
    """Multiply traces by a matrix.

    Parameters
    ----------
    traces : ndarray of float32, shape (n,)
        Channel c begins at c * step.
    step : int
        At least n_samples.
    matrix : ndarray of float32, shape (n_rows, n_channels)
        Columns that are 0 in six consecutive rows take no time, and what the channel holds is not looked at.
    out : ndarray of float32, shape (n_rows, n_samples)
        Written: ``matrix @ traces``.

    Examples
    --------
    >>> out = np.empty((1, 3), np.float32)
    >>> mix(np.ones(6, np.float32), 3, np.array([[2.0, 0.5]], np.float32), out)
    >>> out
    array([[2.5, 2.5, 2.5]], dtype=float32)
    """
    n_rows, n_samples = out.shape
    used, n_used, weights = _needed(matrix)
    last, mixed = np.zeros((matrix.shape[1], PAIR), np.float32), np.empty((ROWS, PAIR), np.float32)
    whole = n_samples - n_samples % PAIR
    for c in range(len(last)):
        for t in range(whole, n_samples):
            last[c, t - whole] = traces[c * step + t]
    for start in range(0, n_samples, SPAN):
        for g in range(n_used.size):
            need, weight, first = used[g, : n_used[g]], weights[g], g * ROWS
            for t in range(start, min(start + SPAN, n_samples), PAIR):
                if t < whole and first + ROWS <= n_rows:
                    _six_rows(traces, t, step, need, weight, out, first * n_samples + t, n_samples)
                    continue
                if t < whole:
                    _six_rows(traces, t, step, need, weight, mixed, 0, PAIR)
                else:
                    _six_rows(last, 0, PAIR, need, weight, mixed, 0, PAIR)
                for i in range(min(ROWS, n_rows - first)):
                    for s in range(min(PAIR, n_samples - t)):
                        out[first + i, t + s] = mixed[i, s]


@compiled
def _needed(matrix: F32) -> tuple[I64, I64, F32]:
    """Return the columns that each six rows need, their number, and [group, place, row] the numbers in them."""
    n_rows, n_channels = matrix.shape
    n_groups = (n_rows + ROWS - 1) // ROWS
    used, n_used = np.empty((n_groups, n_channels), np.int64), np.zeros(n_groups, np.int64)
    weights = np.zeros((n_groups, n_channels + 1, ROWS), np.float32)
    for g in range(n_groups):
        first, last = g * ROWS, min((g + 1) * ROWS, n_rows)
        for c in range(n_channels):
            for r in range(first, last):
                weights[g, n_used[g], r - first] = matrix[r, c]
            if weights[g, n_used[g]].any():
                used[g, n_used[g]] = c
                n_used[g] += 1
    return used, n_used, weights


@compiled
def _six_rows(traces: F32, t: int, step: int, used: I64, weights: F32, out: F32, to: int, apart: int) -> None:
    """Write two vectors of each of six rows: row i to out.ravel()[to + i * apart :]."""
    v0 = v1 = v2 = v3 = v4 = v5 = w0 = w1 = w2 = w3 = w4 = w5 = splat(np.float32(0.0))
    for k in range(used.size):
        at = used[k] * step + t
        x, y = load(traces, at), load(traces, at + LANES)
        a, b, c = splat(weights[k, 0]), splat(weights[k, 1]), splat(weights[k, 2])
        v0, v1, v2 = times_plus(a, x, v0), times_plus(b, x, v1), times_plus(c, x, v2)
        w0, w1, w2 = times_plus(a, y, w0), times_plus(b, y, w1), times_plus(c, y, w2)
        a, b, c = splat(weights[k, 3]), splat(weights[k, 4]), splat(weights[k, 5])
        v3, v4, v5 = times_plus(a, x, v3), times_plus(b, x, v4), times_plus(c, x, v5)
        w3, w4, w5 = times_plus(a, y, w3), times_plus(b, y, w4), times_plus(c, y, w5)
    _store_pair(out, to, v0, w0)
    _store_pair(out, to + apart, v1, w1)
    _store_pair(out, to + 2 * apart, v2, w2)
    _store_pair(out, to + 3 * apart, v3, w3)
    _store_pair(out, to + 4 * apart, v4, w4)
    _store_pair(out, to + 5 * apart, v5, w5)


@compiled
def _store_pair(out: F32, to: int, v: Any, w: Any) -> None:
    store(out, to, v)
    store(out, to + LANES, w)
