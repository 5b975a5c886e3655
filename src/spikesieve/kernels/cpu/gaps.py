"""Runs of samples in traces: mark them, fill them with a smooth curve, move what lies between them."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@nb.njit(cache=True, nogil=True)
def mark_runs(row: I64, start: I64, stop: I64, mask: Bool) -> None:
    """Mark runs of samples.

    Parameters
    ----------
    row, start, stop : ndarray of int64, shape (n,)
        Row of each run, its first sample, and the one after its last. Runs may overlap and reach beyond the ends.
    mask : ndarray of bool, shape (n_rows, n_samples)
        Changed in place.

    Examples
    --------
    >>> one, mask = np.ones(1, np.int64), np.zeros((2, 4), np.bool_)
    >>> mark_runs(one, one, one + 2, mask)
    >>> mask[1]
    array([False,  True,  True, False])
    """
    for i in range(row.size):
        for t in range(max(0, start[i]), min(mask.shape[1], stop[i])):
            mask[row[i], t] = True


@nb.njit(cache=True, nogil=True)
def move_pieces(traces: F32, row: I64, start: I64, stop: I64, shift: I64, moved: F32) -> None:
    """Copy pieces of traces to other samples of the same contact.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Traces.
    row, start, stop : ndarray of int64, shape (n,)
        Contact of each piece, its first sample, and the one after its last.
    shift : ndarray of int64, shape (n,)
        How many samples later each piece is afterwards.
    moved : ndarray of float32, shape (n_contacts, n_moved)
        Written where a piece goes.

    Examples
    --------
    >>> zero, moved = np.zeros(1, np.int64), np.zeros((1, 4), np.float32)
    >>> move_pieces(np.array([[5, 6]], np.float32), zero, zero, zero + 2, zero + 1, moved)
    >>> moved
    array([[0., 5., 6., 0.]], dtype=float32)
    """
    for i in range(row.size):
        for t in range(start[i], stop[i]):
            moved[row[i], t + shift[i]] = traces[row[i], t]


@nb.njit(cache=True, nogil=True)
def fill_gaps(row: I64, start: I64, stop: I64, reach: int, traces: F32) -> None:
    """Fill gaps with the cubic that has the level and the slope of both sides.

    Parameters
    ----------
    row, start, stop : ndarray of int64, shape (n,)
        Contact of each gap, its first sample, and the one after its last; ordered by contact, then time. No two touch.
    reach : int
        Level and slope are those of a line through this many samples beside the gap, at least 2. Where there are no
        more than half, before another gap or an end of the traces, the line has no slope; where there is none, it has
        the level of the other side, or 0.
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Changed in place. What was in a gap does not count.

    Examples
    --------
    >>> traces = np.array([[1, 1, 9, 3, 3]], np.float32)
    >>> fill_gaps(np.array([0]), np.array([2]), np.array([3]), 2, traces)
    >>> traces
    array([[1., 1., 2., 3., 3.]], dtype=float32)
    """
    n_gaps, n_samples = row.size, traces.shape[1]
    for i in range(n_gaps):
        trace, a, b = traces[row[i]], start[i], stop[i]
        low = stop[i - 1] if i > 0 and row[i - 1] == row[i] else 0
        high = start[i + 1] if i + 1 < n_gaps and row[i + 1] == row[i] else n_samples
        n_left, n_right = min(reach, a - low), min(reach, high - b)
        left, left_slope = _line(trace, a - 1, -1, n_left, n_left > reach // 2)
        right, right_slope = _line(trace, b, 1, n_right, n_right > reach // 2)
        if n_left == 0:
            left = right
        if n_right == 0:
            right = left
        width = b - a + 1
        for t in range(a, b):
            x = (t - a + 1) / width
            y = 1.0 - x
            curve = (1 + 2 * x) * y**2 * left + x * y**2 * width * left_slope
            trace[t] = curve + x**2 * (3 - 2 * x) * right - x**2 * y * width * right_slope


@nb.njit(cache=True, nogil=True)
def _line(trace: F32, first: int, step: int, n: int, with_slope: bool) -> tuple[float, float]:
    """Level at sample `first`, and slope per sample, of the line through n samples from there on; 0 without any."""
    if n == 0:
        return 0.0, 0.0
    mean = slope = 0.0
    for i in range(n):
        mean += np.float64(trace[first + step * i]) / n
    if not with_slope:
        return mean, 0.0
    middle, size = (n - 1) / 2, n * (n * n - 1) / 12
    for i in range(n):
        slope += (i - middle) * np.float64(trace[first + step * i]) / size
    return mean - slope * middle, slope * step
