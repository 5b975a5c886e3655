"""Arrays on disk that grow row by row, for what grows with the duration of the recording."""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

# So much of a mapped file may be in memory before it is let go.
RESIDENT_BYTES = 8_000_000


class MappedArray(np.memmap[Any, np.dtype[Any]]):
    """A memory-mapped array of which little stays in memory: pages that were read count as memory of the process.

    Once enough was taken out of it its pages are given back; they come again when they are wanted.
    """

    _taken_bytes = 0

    def __getitem__(self, key: Any) -> Any:
        """Like any array's. Rows that are named one by one are copied some at a time, those far apart as well."""
        if isinstance(key, np.ndarray) and key.ndim == 1 and key.size and self.nbytes > RESIDENT_BYTES:
            return self._rows(np.flatnonzero(key) if key.dtype == np.bool_ else key % len(self))
        taken = super().__getitem__(key)
        if getattr(taken, "_mmap", None) is None:
            return np.asarray(taken)[()]
        # A part of one column lies on as many pages as that part of the rows.
        self._taken_bytes += taken.size * len(taken._mmap) // max(1, self.size)
        if self._taken_bytes > RESIDENT_BYTES:
            self._taken_bytes = 0
            release(self)
        return taken

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """What is computed from it is an ordinary array."""
        plain = np.asarray(array)
        return plain if plain.ndim else plain[()]

    def _rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        plain = self.view(np.ndarray)
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        order = np.argsort(rows, kind="stable")
        at_once = max(1, RESIDENT_BYTES * len(self) // self.nbytes)
        edges = np.searchsorted(rows[order], np.arange(at_once, len(self), at_once))
        for some in np.split(order, edges):
            taken[some] = plain[rows[some]]
            release(self)
        return taken


def release(array: np.memmap[Any, np.dtype[Any]]) -> None:
    """Give back the pages of a mapped array that are in memory, where the system can."""
    mapped: mmap.mmap | None = array._mmap  # type: ignore[attr-defined]
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        mapped.madvise(mmap.MADV_DONTNEED)


class GrowingArray:
    """Rows appended to a file; `finish` hands them back as a memory-mapped array.

    path       file to write
    row_shape  shape of one row
    dtype      of the values
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.path = path
        self.row_shape = row_shape
        self.dtype = np.dtype(dtype)
        self.n_rows = 0
        self._file: BinaryIO = path.open("wb")

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows of shape (n, *row_shape)."""
        np.ascontiguousarray(rows, dtype=self.dtype).tofile(self._file)
        self.n_rows += len(rows)

    def finish(self) -> NDArray[Any]:
        """Close the file; all rows as (n_rows, *row_shape), memory-mapped read-only."""
        self._file.close()
        shape = (self.n_rows, *self.row_shape)
        return (
            MappedArray(self.path, self.dtype, mode="r", shape=shape) if np.prod(shape) else np.empty(shape, self.dtype)
        )

    def __enter__(self) -> GrowingArray:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
