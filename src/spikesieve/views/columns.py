"""Values of the spikes of a unit, of those that were looked at last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import I32

MOST_BYTES = 2**27
"""Of all values that are remembered."""
PAGE_BYTES = 4096
_ORDER = "order of the parts"
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

    The spikes of a unit lie all over the files. Several views of a large one wait for them only once, and not at all
    for a unit that is made of others which were shown.
    """

    def __init__(self) -> None:
        # The rows are remembered as well, so that no other ones have their number meanwhile.
        self._known: OrderedDict[tuple[str, int], tuple[I32, Future[NDArray[Any]]]] = OrderedDict()
        self._parts: dict[int, tuple[I32, tuple[I32, ...]]] = {}
        self._n_bytes = 0
        self._lock = threading.Lock()

    def join(self, rows: I32, parts: Sequence[I32]) -> None:
        """Note that spikes are those of several units together: values of these need not be read again.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes, ascending.
        parts : sequence of ndarray of int32
            Those of each unit.
        """
        self._parts[id(rows)] = rows, tuple(parts)

    def know(self, name: str, rows: I32, values: NDArray[Any]) -> None:
        """Remember values that are known without their column.

        Parameters
        ----------
        name : str
            Name of the column.
        rows : ndarray of int32, shape (n,)
            The spikes.
        values : ndarray, shape (n, ...)
            Their values.
        """
        self._once(name, rows, lambda: values)

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
        _, parts = self._parts.get(id(rows), (rows, ()))
        if parts and all((name, id(part)) in self._known for part in parts):
            return self._once(name, rows, lambda: self._joined(name, column, rows, parts))
        return self._once(name, rows, lambda: np.take(column, rows, axis=0))

    def _joined(self, name: str, column: NDArray[Any], rows: I32, parts: Sequence[I32]) -> NDArray[Any]:
        order = self._once(_ORDER, rows, lambda: np.concatenate(parts).argsort(kind="stable"))
        return np.take(np.concatenate([self.take(name, column, part) for part in parts]), order, axis=0)

    def _once(self, name: str, rows: I32, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Make values that are not known. Whoever asks for them meanwhile waits, and does not make them as well."""
        key, mine = (name, id(rows)), Future[NDArray[Any]]()
        with self._lock:
            _, found = self._known.setdefault(key, (rows, mine))
            self._known.move_to_end(key)
        if found is mine:
            try:
                mine.set_result(make())
            except BaseException as error:
                with self._lock:
                    del self._known[key]
                mine.set_exception(error)
                raise
            self._forget(_size(mine.result()))
        return found.result()

    def _forget(self, n_new_bytes: int) -> None:
        """Forget what was looked at longest ago, as far as it is too much with what is new."""
        with self._lock:
            self._n_bytes += n_new_bytes
            while self._n_bytes > MOST_BYTES and (oldest := self._oldest()) is not None:
                self._n_bytes -= _size(self._known.pop(oldest)[1].result())

    def _oldest(self) -> tuple[str, int] | None:
        """What was looked at longest ago of what is there, but for the last."""
        known = islice(self._known.items(), len(self._known) - 1)
        return next((key for key, (_, values) in known if values.done()), None)


def _size(values: NDArray[Any]) -> int:
    """Bytes that values take; one that stands for all takes none."""
    return 0 if 0 in values.strides else values.nbytes
