"""Smooth each channel and keep every second sample."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times_plus

F32 = NDArray[np.float32]

# Four sums of 16 numbers at once, because a product takes as long as four begin.
AT_ONCE = 4 * LANES


@compiled
def thin(traces: F32, taps: F32, out: F32) -> None:
    """Filter each channel, at every second sample.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Before the first and after the last sample they count as 0.
    taps : ndarray of float32, shape (n_taps,)
        Weights; n_taps is odd. Those that are 0 take no time.
    out : ndarray of float32, shape (n_channels, (n_samples + 1) // 2)
        ``out[c, t] = sum_i taps[i] traces[c, 2 t - n_taps // 2 + i]``.

    Examples
    --------
    >>> out = np.empty((1, 3), np.float32)
    >>> thin(np.arange(5, dtype=np.float32)[None], np.array([0.5, 1, 0.5], np.float32), out)
    >>> out
    array([[0.5, 4. , 5.5]], dtype=float32)
    """
    n_out, before = out.shape[1], taps.size // 2
    margin, whole = before // 2 + 1, n_out - n_out % AT_ONCE
    # Even samples, then odd ones, with zeros around them.
    length = n_out + 2 * margin + AT_ONCE
    phases, rest = np.zeros((2, length), np.float32), np.empty(AT_ONCE, np.float32)
    places = np.empty(taps.size, np.int64)
    for i in range(taps.size):
        places[i] = (i - before) % 2 * length + margin + (i - before) // 2
    for c in range(traces.shape[0] if n_out else 0):
        _split(traces[c], phases, margin)
        for t in range(0, whole, AT_ONCE):
            _filter(phases, t, taps, places, out, c * n_out + t)
        _filter(phases, whole, taps, places, rest, 0)
        for t in range(whole, n_out):
            out[c, t] = rest[t - whole]


@compiled
def _split(row: F32, phases: F32, margin: int) -> None:
    """Write even samples to ``phases[0, margin:]`` and odd ones to ``phases[1, margin:]``."""
    n = row.size // 2
    for i in range(n):
        phases[0, margin + i] = row[2 * i]
        phases[1, margin + i] = row[2 * i + 1]
    if row.size % 2:
        phases[0, margin + n] = row[2 * n]


@compiled
def _filter(phases: F32, start: int, taps: F32, places: NDArray[np.int64], out: F32, at: int) -> None:
    """Write 64 samples to ``out.ravel()[at:]``."""
    v0 = v1 = v2 = v3 = splat(np.float32(0.0))
    for i in range(taps.size):
        if taps[i] == 0:
            continue
        w, t = splat(taps[i]), start + places[i]
        v0, v1 = times_plus(w, load(phases, t), v0), times_plus(w, load(phases, t + LANES), v1)
        v2, v3 = times_plus(w, load(phases, t + 2 * LANES), v2), times_plus(w, load(phases, t + 3 * LANES), v3)
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)
