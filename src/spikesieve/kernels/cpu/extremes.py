"""What a first look at traces asks for: the smallest and the largest value of each row, and rows that stand still."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, minus, plus, splat, store, where_above

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


@compiled
def extremes(rows: F32, low: F32, high: F32) -> None:
    """Find the smallest and the largest value of each row.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, n)
        At least one value in each.
    low, high : ndarray of float32, shape (n_rows,)
        Written; NaN for a row in which a value is not finite.

    Examples
    --------
    >>> low, high = np.empty(2, np.float32), np.empty(2, np.float32)
    >>> extremes(np.array([[1, -3, 2], [0, np.inf, 1]], np.float32), low, high)
    >>> low, high
    (array([-3., nan], dtype=float32), array([ 2., nan], dtype=float32))
    """
    n = rows.shape[1]
    whole, each = n - n % LANES, np.empty((3, LANES), np.float32)
    for i in range(rows.shape[0]):
        least = largest = splat(rows[i, 0])
        # 0, or NaN if a value is not finite.
        zero = splat(np.float32(0.0))
        for t in range(i * n, i * n + whole, LANES):
            x = load(rows, t)
            least, largest = where_above(least, x, x, least), where_above(x, largest, x, largest)
            zero = plus(zero, minus(x, x))
        store(each, 0, least)
        store(each, LANES, largest)
        store(each, 2 * LANES, zero)
        low[i], high[i], rest = each[0, 0], each[1, 0], each[2, 0]
        for t in range(1, LANES):
            low[i], high[i] = min(low[i], each[0, t]), max(high[i], each[1, t])
            rest += each[2, t]
        for t in range(whole, n):
            low[i], high[i] = min(low[i], rows[i, t]), max(high[i], rows[i, t])
            rest += rows[i, t] - rows[i, t]
        if rest != 0:
            low[i] = high[i] = np.float32(np.nan)


@compiled
def repeats(rows: F32, length: int, found: Bool) -> None:
    """Tell which rows hold one value over one of the pieces into which they are cut.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, n)
        The rows.
    length : int
        Length of a piece, at least 1. A run of one value that is twice as long holds a whole piece.
    found : ndarray of bool, shape (n_rows,)
        Written.

    Examples
    --------
    >>> found = np.empty(2, np.bool_)
    >>> repeats(np.array([[1, 2, 3, 3, 4], [1, 2, 2, 3, 3]], np.float32), 2, found)
    >>> found
    array([ True, False])
    """
    n, half = rows.shape[1], length // 2
    for i in range(rows.shape[0]):
        row, found[i] = rows[i], False
        for start in range(0, n - length + 1, length):
            value, same = row[start], True
            # Noise ends here.
            if row[start + half] != value or row[start + length - 1] != value:
                continue
            for t in range(start + 1, start + length):
                same = same and row[t] == value
            found[i] = found[i] or same
