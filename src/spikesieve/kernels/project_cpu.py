"""Correlates every channel with a few temporal components."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@nb.njit(cache=True, nogil=True, fastmath=True)
def project(traces: F32, components: F32, peak_index: int, out: F32) -> None:
    """out[c, p, t] = sum_j components[p, j] traces[c, t - peak_index + j]; 0 where the window leaves the block.

    traces      (n_channels, n_samples) float32, time contiguous
    components  (n_components, n_window) float32, n_components a multiple of 6 (six sums at a time stay in registers)
    out         (n_channels, n_components, n_samples) float32
    """
    n_channels, n_samples = traces.shape
    n_components, n_window = components.shape
    last = n_samples - n_window + 1
    for c in range(n_channels):
        row = traces[c]
        for p in range(0, n_components, 6):
            w0, w1, w2 = components[p], components[p + 1], components[p + 2]
            w3, w4, w5 = components[p + 3], components[p + 4], components[p + 5]
            out[c, p : p + 6, :peak_index] = 0.0
            out[c, p : p + 6, max(0, last + peak_index) :] = 0.0
            for s in range(last):
                a0 = a1 = a2 = a3 = a4 = a5 = np.float32(0.0)
                for j in range(n_window):
                    v = row[s + j]
                    a0 += w0[j] * v
                    a1 += w1[j] * v
                    a2 += w2[j] * v
                    a3 += w3[j] * v
                    a4 += w4[j] * v
                    a5 += w5[j] * v
                t = s + peak_index
                out[c, p, t] = a0
                out[c, p + 1, t] = a1
                out[c, p + 2, t] = a2
                out[c, p + 3, t] = a3
                out[c, p + 4, t] = a4
                out[c, p + 5, t] = a5
