"""Counts how often units of two sortings fire together."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def coincidences(
    sample_a: I64, unit_a: I64, sample_b: I64, unit_b: I64, n_units_a: int, n_units_b: int, window_samples: int
) -> tuple[I64, I64, I64]:
    """Matches of every pair of units (a, b) that fire together at all.

    For each pair, spikes of a are taken in order of time, and for each the spikes of b within +-window_samples in
    order of time. The first of these that is not the one matched last is a match. The count is at most the number of
    spikes of b. (This is SpikeInterface's count. It differs from a strict one-to-one assignment only when a unit fires
    several times within the window.)

    sample_a, sample_b  (n,) int64, non-decreasing
    unit_a, unit_b      (n,) int64, 0..n_units-1
    Returns (a, b, count), each (n_pairs,) int64, ordered by (a, b).
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
    """For each spike of a the first of b that is not more than the window before it."""
    first = np.empty(sample_a.size, np.int64)
    j = 0
    for i in range(sample_a.size):
        while j < sample_b.size and sample_b[j] < sample_a[i] - window_samples:
            j += 1
        first[i] = j
    return first


@nb.njit(cache=True, nogil=True)
def _group(unit: I64, n_units: int) -> tuple[I64, I64]:
    """Spikes of unit k, in order, are order[offsets[k]:offsets[k + 1]]."""
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
    larger[: values.size] = values
    return larger
