"""Correlates every channel with a few temporal components."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.vector import LANES, load, splat, store, times_plus

F32 = NDArray[np.float32]


@nb.njit(cache=True, nogil=True)
def project(traces: F32, components: F32, peak_index: int, out: F32) -> None:
    """out[c, p, t] = sum_j components[p, j] traces[c, t - peak_index + j]; 0 where the window leaves the block.

    traces      (n_channels, n_samples) float32, time contiguous
    components  (n_components, n_window) float32, n_components a multiple of 6 (six sums at a time stay in registers)
    out         (n_channels, n_components, n_samples) float32
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
            for s in range(0, whole, LANES):
                six_sums(traces, c * n_samples + s, components, p, out, at + s, n_samples)
            for s in range(whole, last):
                for q in range(p, p + 6):
                    total = np.float32(0.0)
                    for j in range(n_window):
                        total = times_plus(components[q, j], traces[c, s + j], total)
                    out[c, q, s + peak_index] = total


@nb.njit(cache=True, nogil=True)
def six_sums(traces: F32, start: int, components: F32, p: int, out: F32, at: int, step: int) -> None:
    """Six components from p on, for the 16 windows that begin at `start`; component p + q goes to out[at + q step]."""
    v0 = v1 = v2 = v3 = v4 = v5 = splat(np.float32(0.0))
    for j in range(components.shape[1]):
        x = load(traces, start + j)
        v0 = times_plus(splat(components[p, j]), x, v0)
        v1 = times_plus(splat(components[p + 1, j]), x, v1)
        v2 = times_plus(splat(components[p + 2, j]), x, v2)
        v3 = times_plus(splat(components[p + 3, j]), x, v3)
        v4 = times_plus(splat(components[p + 4, j]), x, v4)
        v5 = times_plus(splat(components[p + 5, j]), x, v5)
    store(out, at, v0)
    store(out, at + step, v1)
    store(out, at + 2 * step, v2)
    store(out, at + 3 * step, v3)
    store(out, at + 4 * step, v4)
    store(out, at + 5 * step, v5)
