"""Values of the spikes of a unit, of those that were looked at last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import I32

MOST_BYTES = 2**27
"""Of all values that are remembered."""
PAGE_BYTES = 4096
LOOKED_AT_ONCE = 2**26
"""Bytes of a column that are looked at between two pauses."""


def look_at_all(column: NDArray[Any], pause: Callable[[], None]) -> None:
    """Have all pages of a mapped column at hand.

    The first look at a unit of 300,000 spikes waits 0.3 s for pages that lie all over the files; in their order these
    take a twentieth of that.

    Parameters
    ----------
    column : ndarray, shape (n_spikes, ...)
        The column.
    pause : callable
        Called before each part, of some hundredths of a second if it does not come from the disk.
    """
    values, row_bytes = np.asarray(column), max(column.strides[0], 1)
    at_once, step = max(LOOKED_AT_ONCE // row_bytes, 1), max(PAGE_BYTES // row_bytes, 1)
    for first in range(0, len(values), at_once):
        pause()
        values[first : first + at_once : step].copy()


class Columns:
    """Takes values of spikes out of columns of all spikes, and remembers the last ones.

    The spikes of a unit lie all over the files. Several views of a large one wait for them only once.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], tuple[I32, NDArray[Any]]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def take(self, name: str, column: NDArray[Any], rows: I32) -> NDArray[Any]:
        """Take values of some spikes.

        Parameters
        ----------
        name : str
            Name of the column.
        column : ndarray, shape (n_spikes, ...)
            The column.
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray, shape (n, ...)
            `column[rows]`, not to be changed.
        """
        # The rows are remembered as well, so that no other ones have their number meanwhile.
        key = name, id(rows)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known[1]
        values = np.take(column, rows, axis=0)
        with self._lock:
            if key not in self._known:
                self._known[key] = rows, values
                self._n_bytes += values.nbytes
            while self._n_bytes > MOST_BYTES and len(self._known) > 1:
                self._n_bytes -= self._known.popitem(last=False)[1][1].nbytes
        return values
