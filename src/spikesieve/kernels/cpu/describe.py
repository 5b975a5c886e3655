"""Projections of single windows on temporal components."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.put import put
from spikesieve.kernels.cpu.vector import LANES, compiled, load, plus, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@compiled
def describe(traces: F32, sample: I64, contacts: I64, components: F32, peak_index: int, out: F32) -> None:
    """Project the windows of spikes on temporal components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Traces, which hold every window.
    sample : ndarray of int64, shape (n,)
        Sample of each spike.
    contacts : ndarray of int64, shape (n, n_near)
        Contacts of each spike; -1: none.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components.
    peak_index : int
        Sample of the window at which a spike's time lies.
    out : ndarray of float32, shape (n, n_near, n_components)
        out[i, c, p] = sum_j components[p, j] traces[contacts[i, c], sample[i] - peak_index + j]; 0 for contact -1.

    Notes
    -----
    Sixteen components are summed at once, in four sums, of which none waits for the one before.

    Examples
    --------
    >>> traces, out = np.arange(8, dtype=np.float32)[None], np.empty((1, 1, 1), np.float32)
    >>> describe(traces, np.array([3]), np.zeros((1, 1), np.int64), np.ones((1, 3), np.float32), 1, out)
    >>> out.ravel()
    array([9.], dtype=float32)
    """
    n_components, n_window = components.shape
    n_padded = n_components + -n_components % LANES
    by_sample = np.zeros((n_window, n_padded), np.float32)
    for p in range(n_components):
        put(components[p], by_sample[:, p])
    total = np.empty(n_padded, np.float32)
    for i in range(sample.size):
        for c in range(contacts.shape[1]):
            if contacts[i, c] < 0:
                out[i, c] = 0.0
                continue
            row, begin = traces[contacts[i, c]], sample[i] - peak_index
            for p in range(0, n_padded, LANES):
                a = b = d = e = splat(np.float32(0.0))
                whole = n_window - n_window % 4
                for j in range(0, whole, 4):
                    at = j * n_padded + p
                    a = times_plus(splat(row[begin + j]), load(by_sample, at), a)
                    b = times_plus(splat(row[begin + j + 1]), load(by_sample, at + n_padded), b)
                    d = times_plus(splat(row[begin + j + 2]), load(by_sample, at + 2 * n_padded), d)
                    e = times_plus(splat(row[begin + j + 3]), load(by_sample, at + 3 * n_padded), e)
                for j in range(whole, n_window):
                    a = times_plus(splat(row[begin + j]), load(by_sample, j * n_padded + p), a)
                store(total, p, plus(plus(a, b), plus(d, e)))
            for p in range(n_components):
                out[i, c, p] = total[p]
