"""Count coincident spikes of the units of two sortings."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.put import put

I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def coincidences(
    sample_a: I64, unit_a: I64, sample_b: I64, unit_b: I64, n_units_a: int, n_units_b: int, window_samples: int
) -> tuple[I64, I64, I64]:
    """Count matching spikes of every pair of units (a, b) with any coincidence.

    Parameters
    ----------
    sample_a, unit_a : ndarray of int64, shape (n_a,)
        Spike times of the first sorting, sorted, and the unit of each spike, 0..n_units_a-1.
    sample_b, unit_b : ndarray of int64, shape (n_b,)
        The same of the second sorting.
    n_units_a, n_units_b : int
        Number of units.
    window_samples : int
        Spikes at most this far apart coincide.

    Returns
    -------
    a, b, count : ndarray of int64, shape (n_pairs,)
        Ordered by (a, b).

    Notes
    -----
    For each spike of a in order of time, the spikes of b within the window are tried in order of time; the first one
    that is not the last matched is a match. The count is at most the number of spikes of b. SpikeInterface counts the
    same way. It differs from a one-to-one assignment only where a unit fires several times within the window.
    """
    first = _window_starts(sample_a, sample_b, window_samples)
    order, offsets = _group(unit_a, n_units_a)
    spikes_b = np.bincount(unit_b, minlength=n_units_b)
    row, column, matches = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    n_pairs = 0
    count = np.zeros(n_units_b, np.int64)
    last_a, last_b = np.full(n_units_b, -1), np.full(n_units_b, -1)
    met, n_met = np.empty(n_units_b, np.int64), 0
    for a in range(n_units_a):
        for i in order[offsets[a] : offsets[a + 1]]:
            j = first[i]
            while j < sample_b.size and sample_b[j] <= sample_a[i] + window_samples:
                b = unit_b[j]
                if last_a[b] != i and last_b[b] != j:
                    if count[b] == 0:
                        met[n_met] = b
                        n_met += 1
                    last_a[b], last_b[b] = i, j
                    count[b] += 1
                j += 1
        while n_pairs + n_met > row.size:
            row, column, matches = _doubled(row), _doubled(column), _doubled(matches)
        for b in np.sort(met[:n_met]):
            row[n_pairs], column[n_pairs], matches[n_pairs] = a, b, min(count[b], spikes_b[b])
            n_pairs += 1
            count[b], last_b[b] = 0, -1
        n_met = 0
    return row[:n_pairs].copy(), column[:n_pairs].copy(), matches[:n_pairs].copy()


@nb.njit(cache=True, nogil=True)
def _window_starts(sample_a: I64, sample_b: I64, window_samples: int) -> I64:
    """Return for each spike of a the first of b that is at most the window earlier."""
    first = np.empty(sample_a.size, np.int64)
    j = 0
    for i in range(sample_a.size):
        while j < sample_b.size and sample_b[j] < sample_a[i] - window_samples:
            j += 1
        first[i] = j
    return first


@nb.njit(cache=True, nogil=True)
def _group(unit: I64, n_units: int) -> tuple[I64, I64]:
    """Sort spikes by unit: those of unit k, in order of time, are order[offsets[k]:offsets[k + 1]]."""
    offsets = np.zeros(n_units + 1, np.int64)
    for u in unit:
        offsets[u + 1] += 1
    offsets = np.cumsum(offsets)
    following = offsets[:-1].copy()
    order = np.empty(unit.size, np.int64)
    for i in range(unit.size):
        order[following[unit[i]]] = i
        following[unit[i]] += 1
    return order, offsets


@nb.njit(cache=True, nogil=True)
def _doubled(values: I64) -> I64:
    larger = np.empty(2 * values.size, values.dtype)
    put(values, larger)
    return larger
