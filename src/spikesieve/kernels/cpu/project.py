"""Project every channel on a few temporal components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import HAS_AVX512, LANES, compiled, load, splat, store, times_plus

F32 = NDArray[np.float32]


# Six sums of 16 numbers fill the registers of AVX2; those of AVX-512 hold twelve, with fewer loads per sum.
TWELVE = HAS_AVX512


@compiled
def project(traces: F32, components: F32, peak_index: int, out: F32) -> None:
    """Project every window of every channel on temporal components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components; n_components is a multiple of 6, because six sums at a time stay in registers.
    peak_index : int
        Sample of the components at which the spike's time lies.
    out : ndarray of float32, shape (n_channels, n_components, n_samples)
        out[c, p, t] = sum_j components[p, j] traces[c, t - peak_index + j]; 0 where the window leaves the traces.

    Examples
    --------
    >>> traces, components = np.zeros((1, 9), np.float32), np.ones((6, 3), np.float32)
    >>> traces[0, 4] = 2.0
    >>> out = np.empty((1, 6, 9), np.float32)
    >>> project(traces, components, 1, out)
    >>> out[0, 0]
    array([0., 0., 0., 2., 2., 2., 0., 0., 0.], dtype=float32)
    """
    n_channels, n_samples = traces.shape
    n_components, n_window = components.shape
    last = max(0, n_samples - n_window + 1)
    whole = last - last % LANES
    for c in range(n_channels):
        out[c, :, :peak_index] = 0.0
        out[c, :, last + peak_index :] = 0.0
        for p in range(0, n_components, 6):
            at = (c * n_components + p) * n_samples + peak_index
            six_components(traces, c * n_samples, whole // LANES, components, p, out, at, n_samples, LANES)
            for s in range(whole, last):
                for q in range(p, p + 6):
                    total = np.float32(0.0)
                    for j in range(n_window):
                        total = times_plus(components[q, j], traces[c, s + j], total)
                    out[c, q, s + peak_index] = total


@compiled
def six_components(
    traces: F32, start: int, n_frames: int, components: F32, p: int, out: F32, at: int, step: int, apart: int
) -> None:
    """Project frames of 16 windows on six components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous.
    start : int
        Index in ``traces.ravel()`` at which the first window of the first frame begins.
    n_frames : int
        Number of frames.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components.
    p : int
        First of the six components.
    out : ndarray of float32, C contiguous
        Component p + q of frame f goes to ``out.ravel()[at + q * step + f * apart]`` and the 15 places after it.
    at, step, apart : int
        Where results go; not checked.
    """
    f = 0
    if TWELVE:
        while f + 1 < n_frames:
            _twelve_sums(traces, start + f * LANES, components, p, out, at + f * apart, step, apart)
            f += 2
    while f < n_frames:
        _six_sums(traces, start + f * LANES, components, p, out, at + f * apart, step)
        f += 1


@compiled
def _twelve_sums(traces: F32, start: int, components: F32, p: int, out: F32, at: int, step: int, apart: int) -> None:
    """Six components of one frame and of the next."""
    v0 = v1 = v2 = v3 = v4 = v5 = w0 = w1 = w2 = w3 = w4 = w5 = splat(np.float32(0.0))
    for j in range(components.shape[1]):
        x, y = load(traces, start + j), load(traces, start + LANES + j)
        a, b, c = splat(components[p, j]), splat(components[p + 1, j]), splat(components[p + 2, j])
        v0, v1, v2 = times_plus(a, x, v0), times_plus(b, x, v1), times_plus(c, x, v2)
        w0, w1, w2 = times_plus(a, y, w0), times_plus(b, y, w1), times_plus(c, y, w2)
        a, b, c = splat(components[p + 3, j]), splat(components[p + 4, j]), splat(components[p + 5, j])
        v3, v4, v5 = times_plus(a, x, v3), times_plus(b, x, v4), times_plus(c, x, v5)
        w3, w4, w5 = times_plus(a, y, w3), times_plus(b, y, w4), times_plus(c, y, w5)
    _store_six(v0, v1, v2, v3, v4, v5, out, at, step)
    _store_six(w0, w1, w2, w3, w4, w5, out, at + apart, step)


@compiled
def _six_sums(traces: F32, start: int, components: F32, p: int, out: F32, at: int, step: int) -> None:
    """Six components of one frame."""
    v0 = v1 = v2 = v3 = v4 = v5 = splat(np.float32(0.0))
    for j in range(components.shape[1]):
        x = load(traces, start + j)
        v0 = times_plus(splat(components[p, j]), x, v0)
        v1 = times_plus(splat(components[p + 1, j]), x, v1)
        v2 = times_plus(splat(components[p + 2, j]), x, v2)
        v3 = times_plus(splat(components[p + 3, j]), x, v3)
        v4 = times_plus(splat(components[p + 4, j]), x, v4)
        v5 = times_plus(splat(components[p + 5, j]), x, v5)
    _store_six(v0, v1, v2, v3, v4, v5, out, at, step)


@compiled
def _store_six(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, out: F32, at: int, step: int) -> None:
    store(out, at, v0)
    store(out, at + step, v1)
    store(out, at + 2 * step, v2)
    store(out, at + 3 * step, v3)
    store(out, at + 4 * step, v4)
    store(out, at + 5 * step, v5)
