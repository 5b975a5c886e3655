"""Sums of rows by what they belong to."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def sum_rows(rows: F32, of: I64, sums: F64) -> None:
    """In place: sums[of[i]] += rows[i], one row after the other.

    rows  (n, n_near, n_pcs) float32;  of (n,) int64, which of the sums each row belongs to
    sums  (n_sums, n_near, n_pcs) float64
    """
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            for p in range(rows.shape[2]):
                sums[of[i], j, p] += rows[i, j, p]
