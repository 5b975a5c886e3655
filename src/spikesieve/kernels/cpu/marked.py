"""List the few marked places of a row; eight that are not marked are skipped at once."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@nb.njit(cache=True, nogil=True)
def no_marks(n: int) -> U8:
    """Make the marks of a row, none of them set.

    Parameters
    ----------
    n : int
        Number of places.

    Returns
    -------
    ndarray of uint8, shape (n rounded up to a multiple of 8,)
        Zeros.

    Examples
    --------
    >>> no_marks(5)
    array([0, 0, 0, 0, 0, 0, 0, 0], dtype=uint8)
    """
    return np.zeros((n + 7) // 8 * 8, np.uint8)


@nb.njit(cache=True, nogil=True)
def list_marked(marks: U8, places: I64) -> int:
    """List the places whose mark is set.

    Parameters
    ----------
    marks : ndarray of uint8, shape (n_marks,)
        From `no_marks`; not 0 where the mark is set.
    places : ndarray of int64, shape (n_places,)
        Written from its beginning: the places, ascending.

    Returns
    -------
    int
        Number of places that were written.

    Examples
    --------
    >>> marks, places = no_marks(12), np.zeros(3, np.int64)
    >>> marks[[2, 9]] = 1
    >>> list_marked(marks, places), places
    (2, array([2, 9, 0]))
    """
    eights, n = marks.view(np.uint64), 0
    for k in range(eights.size):
        if eights[k] != 0:
            for place in range(8 * k, 8 * k + 8):
                if marks[place] != 0:
                    places[n] = place
                    n += 1
    return n
