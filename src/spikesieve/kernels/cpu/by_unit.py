"""The spikes of each unit, without sorting."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def rows_by_unit(unit: NDArray[np.integer], first: int, place: I64, n_units: int) -> tuple[I32, I64]:
    """Group spikes by their unit.

    Parameters
    ----------
    unit : ndarray of int, shape (n_spikes,)
        Number of the unit of each spike.
    first : int
        Number that entry 0 of `place` belongs to.
    place : ndarray of int64, shape (n_numbers,)
        Place of each number among the units; -1 for a number that is no unit. Nor are numbers beyond the array.
    n_units : int
        Number of units.

    Returns
    -------
    rows : ndarray of int32, shape (n_placed,)
        Rows of the spikes of the first unit, ascending, then of the second one ...
    edges : ndarray of int64, shape (n_units + 1,)
        Where the rows of each unit begin and end.

    Examples
    --------
    >>> rows_by_unit(np.array([7, 2, 7, 3]), 2, np.array([0, -1, -1, -1, -1, 1]), 2)
    (array([1, 0, 2], dtype=int32), array([0, 1, 3]))
    """
    edges = np.zeros(n_units + 1, np.int64)
    for i in range(unit.size):
        k = np.int64(unit[i]) - first
        if 0 <= k < place.size and place[k] >= 0:
            edges[place[k] + 1] += 1
    edges = np.cumsum(edges)
    rows, free = np.empty(edges[-1], np.int32), edges[:-1].copy()
    for i in range(unit.size):
        k = np.int64(unit[i]) - first
        if 0 <= k < place.size and place[k] >= 0:
            rows[free[place[k]]] = i
            free[place[k]] += 1
    return rows, edges
