"""Sum rows by group."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def sum_rows(rows: F32 | F64 | I64, group: I64, sums: F64 | I64) -> None:
    """Add each row to the sum of its group, in place and in order.

    Parameters
    ----------
    rows : ndarray of float32, float64 or int64, shape (n, n_near, n_pcs)
        Rows to add.
    group : ndarray of int64, shape (n,)
        Group of each row.
    sums : ndarray of float64 or int64, shape (n_sums, n_near, n_pcs)
        Changed in place.

    Examples
    --------
    >>> sums = np.zeros((2, 1, 1))
    >>> sum_rows(np.ones((3, 1, 1), np.float32), np.array([0, 1, 1]), sums)
    >>> sums.ravel()
    array([1., 2.])
    """
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            for p in range(rows.shape[2]):
                sums[group[i], j, p] += rows[i, j, p]
