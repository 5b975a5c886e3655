"""Converts raw numbers (samples x columns) to microvolts (contacts x samples)."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, load, store, transpose

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Raw = NDArray[np.int16] | F32

# Samples that are transposed at once: they stay in the cache of one core.
SAMPLES_AT_ONCE = 4 * LANES


@nb.njit(cache=True, nogil=True)
def microvolts(raw: Raw, channels: I64, offset_raw: F32, gain_uv: F32, out: F32) -> None:
    """Convert raw numbers to microvolts, in float32.

    Parameters
    ----------
    raw : ndarray of int16 or float32, shape (n_samples, n_columns)
        Raw numbers, C contiguous.
    channels : ndarray of int64, shape (n_contacts,)
        Column of each contact.
    offset_raw : ndarray of float32, shape (n_columns,)
        Raw number that means 0 V.
    gain_uv : ndarray of float32, shape (n_columns,)
        uV per raw number.
    out : ndarray of float32, shape (n_contacts, n_samples)
        Written: ``out[c, t] = (raw[t, k] - offset_raw[k]) * gain_uv[k]`` with ``k = channels[c]``.

    Examples
    --------
    >>> out = np.empty((1, 3), np.float32)
    >>> raw = np.array([[0, 10], [0, 12], [0, 8]], np.int16)
    >>> microvolts(raw, np.array([1]), np.full(2, 10, np.float32), np.full(2, 0.5, np.float32), out)
    >>> out
    array([[ 0.,  1., -1.]], dtype=float32)
    """
    n_samples, n_columns = raw.shape
    width = -(-n_columns // LANES) * LANES
    rows, turned = np.zeros((SAMPLES_AT_ONCE, width), np.float32), np.empty((width, SAMPLES_AT_ONCE), np.float32)
    whole = n_samples - n_samples % SAMPLES_AT_ONCE
    for start in range(0, whole, SAMPLES_AT_ONCE):
        for t in range(SAMPLES_AT_ONCE):
            for c in range(n_columns):
                rows[t, c] = (np.float32(raw[start + t, c]) - offset_raw[c]) * gain_uv[c]
        for c in range(0, width, LANES):
            for t in range(0, SAMPLES_AT_ONCE, LANES):
                transpose(rows, t * width + c, width, turned, c * SAMPLES_AT_ONCE + t, SAMPLES_AT_ONCE)
        for i in range(channels.size):
            for t in range(0, SAMPLES_AT_ONCE, LANES):
                store(out, i * n_samples + start + t, load(turned, channels[i] * SAMPLES_AT_ONCE + t))
    for i in range(channels.size):
        k = channels[i]
        for t in range(whole, n_samples):
            out[i, t] = (np.float32(raw[t, k]) - offset_raw[k]) * gain_uv[k]
