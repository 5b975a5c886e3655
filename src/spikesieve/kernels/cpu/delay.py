"""Delay each channel by a fraction of a sample: a short filter in time with weights of its own."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times, times_plus

F32 = NDArray[np.float32]

# Four sums of 16 numbers at once, because a product takes as long as four begin.
AT_ONCE = 4 * LANES


@compiled
def delay(traces: F32, taps: F32) -> None:
    """Filter each channel with its own weights.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Changed in place. Before the first and after the last sample they count as constant.
    taps : ndarray of float32, shape (n_channels, n_taps)
        ``new[c, t] = sum_i taps[c, i] traces[c, t - n_taps // 2 + i]``. Channels whose only weight is 1 at the sample
        itself are left as they are.

    Examples
    --------
    >>> traces = np.arange(6, dtype=np.float32)[None]
    >>> delay(traces, np.array([[1, 0]], np.float32))
    >>> traces
    array([[0., 0., 1., 2., 3., 4.]], dtype=float32)
    """
    n_samples, n_taps = traces.shape[1], taps.shape[1]
    before = n_taps // 2
    whole = n_samples - n_samples % AT_ONCE
    row, rest = np.empty(n_samples + n_taps + AT_ONCE, np.float32), np.empty(AT_ONCE, np.float32)
    for c in range(traces.shape[0] if n_samples else 0):
        if taps[c, before] == 1:
            continue
        _copy_with_ends(traces, c, before, row)
        for t in range(0, whole, AT_ONCE):
            _filter(row, t, taps, c, traces, c * n_samples + t)
        _filter(row, whole, taps, c, rest, 0)
        for t in range(whole, n_samples):
            traces[c, t] = rest[t - whole]


@compiled
def _copy_with_ends(traces: F32, c: int, before: int, row: F32) -> None:
    """Copy a channel to ``row[before:]``, and continue its ends."""
    n_samples = traces.shape[1]
    whole = n_samples - n_samples % LANES
    for t in range(before):
        row[t] = traces[c, 0]
    for t in range(0, whole, LANES):
        store(row, before + t, load(traces, c * n_samples + t))
    for t in range(whole, n_samples):
        row[before + t] = traces[c, t]
    for t in range(before + n_samples, row.size):
        row[t] = traces[c, n_samples - 1]


@compiled
def _filter(row: F32, start: int, taps: F32, c: int, out: F32, at: int) -> None:
    """Write 64 samples: ``out.ravel()[at + t] = sum_i taps[c, i] row[start + t + i]``."""
    w = splat(taps[c, 0])
    v0, v1 = times(w, load(row, start)), times(w, load(row, start + LANES))
    v2, v3 = times(w, load(row, start + 2 * LANES)), times(w, load(row, start + 3 * LANES))
    for i in range(1, taps.shape[1]):
        w, t = splat(taps[c, i]), start + i
        v0, v1 = times_plus(w, load(row, t), v0), times_plus(w, load(row, t + LANES), v1)
        v2, v3 = times_plus(w, load(row, t + 2 * LANES), v2), times_plus(w, load(row, t + 3 * LANES), v3)
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)
