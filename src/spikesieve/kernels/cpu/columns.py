"""The smallest and the largest value of each column of a picture of traces."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@nb.njit(cache=True, nogil=True)
def column_extremes(rows: F32, low: F32, high: F32) -> None:
    """Find the smallest and the largest of the samples that become one column.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, n)
        Traces.
    low, high : ndarray of float32, shape (n_rows, n_columns)
        Written: of n // n_columns samples each; NaN where one of them is not a number.

    Examples
    --------
    >>> low, high = np.empty((1, 2), np.float32), np.empty((1, 2), np.float32)
    >>> column_extremes(np.array([[1, -3, 2, np.nan]], np.float32), low, high)
    >>> low, high
    (array([[-3., nan]], dtype=float32), array([[ 1., nan]], dtype=float32))
    """
    n_columns = low.shape[1]
    step = rows.shape[1] // n_columns
    for i in range(rows.shape[0]):
        for k in range(n_columns):
            first = k * step
            least = largest = rows[i, first]
            # 0, or NaN if a value is no number.
            zero = least - least
            for t in range(first + 1, first + step):
                value = rows[i, t]
                zero += value - value
                least, largest = min(least, value), max(largest, value)
            low[i, k], high[i, k] = least + zero, largest + zero
