"""Sum the waveforms of the spikes of each unit."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@nb.njit(cache=True, nogil=True)
def sum_waveforms(
    traces: F32, blanked: Bool, sample: I64, first: I64, contacts: I64, before: int, n_window: int
) -> tuple[F64, F64, I64]:
    """Sum the waveforms of the spikes of each unit, and their squares.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Traces, 0 where blanked.
    blanked : ndarray of bool, shape (n_contacts, n_samples) or (n_contacts, 0)
        Samples that do not count; the second shape if all do.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times relative to the start of the traces, unit after unit, with the whole window inside; not checked.
    first : ndarray of int64, shape (n_units + 1,)
        The spikes of unit k are those from first[k] to before first[k + 1].
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit; -1 marks an unused entry.
    before, n_window : int
        Samples of the window before the spike time, and all of them.

    Returns
    -------
    sums, squares : ndarray of float64, shape (n_units, n_near, n_window)
        Sums over the spikes in their order; the squares are computed in float32.
    counts : ndarray of int64, shape (n_units, n_near, n_window), or (n_units, n_near, 1) if all samples count
        Number of values in each sum.
    """
    n_units, n_near = contacts.shape
    sums, squares = np.zeros((n_units, n_near, n_window)), np.zeros((n_units, n_near, n_window))
    some_blanked = blanked.shape[1] > 0
    counts = np.zeros((n_units, n_near, n_window if some_blanked else 1), np.int64)
    for k in range(n_units):
        spikes = sample[first[k] : first[k + 1]]
        for c in range(n_near):
            contact = contacts[k, c]
            if contact < 0:
                continue
            total, of_squares, n = sums[k, c], squares[k, c], counts[k, c]
            for t in spikes:
                wave = traces[contact, t - before : t - before + n_window]
                for j in range(wave.size):
                    total[j] += wave[j]
                    of_squares[j] += wave[j] * wave[j]
                if some_blanked:
                    lost = blanked[contact, t - before : t - before + n_window]
                    for j in range(lost.size):
                        n[j] += not lost[j]
            if not some_blanked:
                n[0] = spikes.size
    return sums, squares, counts
