"""Raw numbers, a row for each sample, as microvolts, a row for each contact."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, load, store, transpose

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Raw = NDArray[np.int16] | F32

# Samples that are turned at once: they stay in the cache of one core.
STRETCH = 4 * LANES


@nb.njit(cache=True, nogil=True)
def microvolts(raw: Raw, channels: I64, offset_raw: F32, gain_uv: F32, out: F32) -> None:
    """out[c, t] = (raw[t, k] - offset_raw[k]) gain_uv[k] with k = channels[c], in float32.

    raw         (n_samples, n_columns) int16 or float32, C contiguous
    channels    (n_contacts,) int64, a column each
    offset_raw  (n_columns,) float32, raw number that means 0 V
    gain_uv     (n_columns,) float32, uV per raw number
    out         (n_contacts, n_samples) float32
    """
    n_samples, n_columns = raw.shape
    width = -(-n_columns // LANES) * LANES
    rows, turned = np.zeros((STRETCH, width), np.float32), np.empty((width, STRETCH), np.float32)
    whole = n_samples - n_samples % STRETCH
    for start in range(0, whole, STRETCH):
        for t in range(STRETCH):
            for c in range(n_columns):
                rows[t, c] = (np.float32(raw[start + t, c]) - offset_raw[c]) * gain_uv[c]
        for c in range(0, width, LANES):
            for t in range(0, STRETCH, LANES):
                transpose(rows, t * width + c, width, turned, c * STRETCH + t, STRETCH)
        for i in range(channels.size):
            for t in range(0, STRETCH, LANES):
                store(out, i * n_samples + start + t, load(turned, channels[i] * STRETCH + t))
    for i in range(channels.size):
        k = channels[i]
        for t in range(whole, n_samples):
            out[i, t] = (np.float32(raw[t, k]) - offset_raw[k]) * gain_uv[k]
