"""Add the spikes of a moving unit to traces."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def add_waveforms(
    traces: F32,
    sample: I64,
    shift: I64,
    amplitude: F32,
    place: F32,
    space: F32,
    time: F32,
    contacts: I64,
    peak_index: int,
) -> None:
    """Add the spikes of a moving unit to traces, in place.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Changed in place; time is contiguous.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times relative to the start of the traces. What lies outside the traces is left out.
    shift : ndarray of int64, shape (n_spikes,)
        Time course of each spike.
    amplitude : ndarray of float32, shape (n_spikes,)
        Factor on each spike.
    place : ndarray of float32, shape (n_spikes,)
        Row of `space` with its fraction, from 0 to n_places - 1.
    space : ndarray of float32, shape (n_places, n_near, rank)
        Weights of the time courses on each contact.
    time : ndarray of float32, shape (n_shifts, rank, n_window)
        Time courses.
    contacts : ndarray of int64, shape (n_near,)
        Contacts that see the unit.
    peak_index : int
        Sample of the time courses at which the spike's time lies.

    Notes
    -----
    traces[contacts[c], sample[i] - peak_index + j] += amplitude[i] sum_r s_i[c, r] time[shift[i], r, j], where s_i is
    `space` at place[i], linear between rows: (1 - f) space[p] + f space[p + 1] with p = floor(place[i]), f the rest.
    """
    n_samples, n_window = traces.shape[1], time.shape[2]
    last = space.shape[0] - 1
    wave = np.empty(n_window, np.float32)
    for i in range(sample.size):
        first = sample[i] - peak_index
        low, high = max(0, -first), min(n_window, n_samples - first)
        if low >= high:
            continue
        below = min(int(place[i]), last)
        above = min(below + 1, last)
        fraction = np.float32(place[i] - below)
        for c in range(contacts.size):
            wave[:] = 0
            for r in range(space.shape[2]):
                weight = amplitude[i] * (space[below, c, r] + fraction * (space[above, c, r] - space[below, c, r]))
                course = time[shift[i], r]
                for j in range(n_window):
                    wave[j] += weight * course[j]
            row = traces[contacts[c], first + low : first + high]
            for j in range(high - low):
                row[j] += wave[low + j]
