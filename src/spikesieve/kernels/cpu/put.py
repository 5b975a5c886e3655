"""Copies numbers in a loop. In a kernel ``out[:] = values`` would have NumPy's messages about shapes compiled: 2 s."""

from typing import Any

import numba as nb
from numpy.typing import NDArray


@nb.njit(cache=True, nogil=True, forceinline=True)
def put(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Write values to the beginning of another array.

    Parameters
    ----------
    values : ndarray, shape (n,)
        What is copied.
    out : ndarray, shape (at least n,)
        Written; not checked.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.zeros(3)
    >>> put(np.ones(2), out)
    >>> out
    array([1., 1., 0.])
    """
    for i in range(values.size):
        out[i] = values[i]
