"""Arrays on disk that grow row by row, for what grows with the duration of the recording."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray


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
        if self.n_rows == 0:
            return np.empty((0, *self.row_shape), self.dtype)
        return np.memmap(self.path, self.dtype, mode="r", shape=(self.n_rows, *self.row_shape))

    def __enter__(self) -> GrowingArray:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
