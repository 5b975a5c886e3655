"""Values of the spikes of a unit, of those that were looked at last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import I32

MOST_BYTES = 2**27
"""Of all values that are remembered."""


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
