"""Where the rows of a table are large, and how large."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def extents(tables: F32, least: float, multiple: int) -> tuple[I64, F32]:
    """Find the part of each row outside of which all magnitudes are below a limit, and the largest magnitude.

    Parameters
    ----------
    tables : ndarray of float32, shape (n_rows, n_columns)
        Numbers of either sign.
    least : float
        The limit.
    multiple : int
        Each part is made longer at its end, until its length is a multiple of this or it reaches the last column.

    Returns
    -------
    part : ndarray of int64, shape (n_rows, 2)
        First column of the part, and the one after its last; twice the same where the whole row is below the limit.
    largest : ndarray of float32, shape (n_rows,)
        Largest magnitude of each row.

    Examples
    --------
    >>> extents(np.array([[0.0, -3.0, 0.1, 2.0, 0.1], [0.1, 0.0, 0.0, 0.0, 0.0]], np.float32), 1.0, 2)[0]
    array([[1, 5],
           [0, 0]])
    """
    n_rows, n_columns = tables.shape
    part, largest = np.zeros((n_rows, 2), np.int64), np.zeros(n_rows, np.float32)
    for row in range(n_rows):
        first = 0
        while first < n_columns and abs(tables[row, first]) < least:
            first += 1
        last = n_columns
        while last > first and abs(tables[row, last - 1]) < least:
            last -= 1
        if first < last:
            length = last - first + -(last - first) % multiple
            part[row, 0], part[row, 1] = first, min(first + length, n_columns)
        else:
            first, last = 0, n_columns
        for column in range(first, last):
            largest[row] = max(largest[row], abs(tables[row, column]))
    return part, largest
