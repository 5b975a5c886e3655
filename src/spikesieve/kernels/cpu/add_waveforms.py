"""Adds spikes of a unit that moves to traces."""

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
    """In place: traces[contacts[c], sample[i] - peak_index + j] += amplitude[i] sum_r s_i[c, r] time[shift[i], r, j].

    s_i is `space` at place[i], linear between its rows: (1 - f) space[p] + f space[p + 1] with p = floor(place[i]).
    What lies outside the traces is left out; a spike may lie outside altogether.

    traces     (n_contacts, n_samples) float32, time contiguous
    sample     (n_spikes,) int64, relative to the start of the traces
    shift      (n_spikes,) int64, which of the time courses
    amplitude  (n_spikes,) float32
    place      (n_spikes,) float32, from 0 to n_places - 1
    space      (n_places, n_near, rank) float32, what each contact sees of each time course
    time       (n_shifts, rank, n_window) float32
    contacts   (n_near,) int64
    """
    n_samples, n_window = traces.shape[1], time.shape[2]
    last = space.shape[0] - 1
    wave = np.empty(n_window, np.float32)
    for i in range(sample.size):
        first = sample[i] - peak_index
        low, high = max(0, -first), min(n_window, n_samples - first)
        if low >= high:
            continue
        here = min(int(place[i]), last)
        there = min(here + 1, last)
        part = np.float32(place[i] - here)
        for c in range(contacts.size):
            wave[:] = 0
            for r in range(space.shape[2]):
                weight = amplitude[i] * (space[here, c, r] + part * (space[there, c, r] - space[here, c, r]))
                course = time[shift[i], r]
                for j in range(n_window):
                    wave[j] += weight * course[j]
            row = traces[contacts[c], first + low : first + high]
            for j in range(high - low):
                row[j] += wave[low + j]
