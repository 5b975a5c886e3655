"""Arrays in `.npy` files: written row by row, memory-mapped, and pickled as the path of their file."""

from __future__ import annotations

import math
import mmap
import os
import struct
import zlib
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Bytes read from a mapped array before its pages are given back to the system.
RESIDENT_BYTES = 8_000_000
# For one row the system may load this many bytes of a mapped file (seen on ext4).
LOADED_BYTES = 524_288
# The header is written again when the number of rows is known, so its size is fixed.
HEADER_BYTES = 128


class MappedArray(np.memmap[Any, np.dtype[Any]]):
    """A memory-mapped array that keeps little in memory and pickles as the path of its file.

    Pages that were read count as memory of the process. After every 8 MB read from an array of two or more dimensions,
    its pages are given back; the system loads them again when they are needed.
    """

    _taken_bytes = 0

    def __getitem__(self, key: Any) -> Any:
        """Index as in any array. Rows of a large array chosen by an index array are copied part by part."""
        mapping = getattr(self, "_mmap", None)
        is_large_table = self.ndim > 1 and mapping is not None and len(mapping) > RESIDENT_BYTES
        if is_large_table and isinstance(key, np.ndarray) and key.ndim == 1 and key.size:
            return self._rows(self._row_numbers(key))
        taken = super().__getitem__(key)
        if getattr(taken, "_mmap", None) is None:
            return np.asarray(taken)[()]
        if is_large_table:
            # Reading one column touches the same pages as reading whole rows.
            self._taken_bytes += taken.size * len(taken._mmap) // max(1, self.size)
            if self._taken_bytes > RESIDENT_BYTES:
                self._taken_bytes = 0
                release(self)
        return taken

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of calculations as ordinary arrays."""
        plain = np.asarray(array)
        return plain if plain.ndim else plain[()]

    def __reduce__(self) -> Any:
        """Pickle as path, type, offset and shape. Parts that are not contiguous are pickled as values."""
        offset = self._offset_in_file()
        if offset is None:
            return np.array(self.view(np.ndarray)).__reduce__()
        return mapped, (str(self.filename), self.dtype.str, offset, self.shape)

    def _offset_in_file(self) -> int | None:
        mapping = getattr(self, "_mmap", None)
        if mapping is None or not self.flags.c_contiguous:
            return None
        mapped_from = self.offset - self.offset % mmap.ALLOCATIONGRANULARITY
        address = np.frombuffer(mapping, np.uint8).ctypes.data
        return int(mapped_from + self.ctypes.data - address)

    def _row_numbers(self, key: NDArray[Any]) -> NDArray[Any]:
        if key.dtype == np.bool_:
            if len(key) != len(self):
                raise IndexError(f"The mask has {len(key)} entries for {len(self)} rows.")
            return np.flatnonzero(key)
        if key.min() < -len(self) or key.max() >= len(self):
            raise IndexError(f"There are {len(self)} rows; {key.min()} to {key.max()} were asked for.")
        return key.astype(np.int64) % len(self)

    def _rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        plain = self.view(np.ndarray)
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        order = None if (rows[1:] >= rows[:-1]).all() else np.argsort(rows, kind="stable")
        ascending = rows if order is None else rows[order]
        for part in self._parts(ascending):
            # Rows are in range; with mode "raise" NumPy would copy them twice.
            if order is None:
                np.take(plain, ascending[part], axis=0, out=taken[part], mode="clip")
            else:
                taken[order[part]] = plain[ascending[part]]
            release(self)
        return taken

    def _parts(self, ascending: NDArray[Any]) -> list[slice]:
        """Split rows so that each part brings about as many bytes into memory as may stay there."""
        row_bytes = self.nbytes // len(self)
        n_pieces = np.cumsum(np.diff(ascending * row_bytes // LOADED_BYTES, prepend=-1) > 0)
        at_once = max(1, RESIDENT_BYTES // max(LOADED_BYTES, row_bytes))
        edges = np.searchsorted(n_pieces, np.arange(0, n_pieces[-1], at_once), side="right")
        return [slice(a, b) for a, b in pairwise([*edges.tolist(), len(ascending)])]


def mapped(path: str | Path, dtype: DTypeLike, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map a part of a file, read-only.

    Parameters
    ----------
    path : str or Path
        The file.
    dtype : dtype
        Type of the values.
    offset : int
        First byte.
    shape : tuple of int
        Shape of the array, in C order.

    Returns
    -------
    ndarray
        A `MappedArray`; an ordinary array if it is empty.
    """
    if not np.prod(shape):
        return np.empty(shape, dtype)
    return MappedArray(path, np.dtype(dtype), mode="r", offset=offset, shape=shape)


def open_npy(path: Path, in_memory_below: int) -> NDArray[Any]:
    """Open a `.npy` file: small arrays are read, larger ones are memory-mapped.

    Parameters
    ----------
    path : Path
        The file. Pickled objects are refused.
    in_memory_below : int
        Arrays of fewer bytes are read into memory.

    Returns
    -------
    ndarray
        The values; read-only if they are mapped.

    Raises
    ------
    ValueError
        The file is not a `.npy` file, is cut short, or holds Python objects.
    """
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        offset = file.tell()
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if path.stat().st_size != offset + n_bytes:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, not {offset + n_bytes}.")
    if n_bytes < in_memory_below or fortran_order or dtype.hasobject:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
        return array
    return mapped(path, dtype, offset, shape)


def release(array: object) -> None:
    """Give the pages of a mapped array back to the system, if the system supports it.

    Parameters
    ----------
    array : object
        Only memory-mapped arrays have pages to give back; everything else is ignored.
    """
    # Only those of this module: a user's private mapping would lose what was written into it.
    mapping = getattr(array, "_mmap", None) if isinstance(array, MappedArray) else None
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        mapping.madvise(mmap.MADV_DONTNEED)


def release_all(value: object) -> None:
    """Give back the pages of all mapped arrays in a dataclass or a tuple.

    Parameters
    ----------
    value : object
        Any value; `release` is called for each array in it.
    """
    if isinstance(value, np.ndarray):
        release(value)
    elif isinstance(value, tuple):
        for each in value:
            release_all(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            release_all(getattr(value, field.name))


class GrowingArray:
    """A `.npy` file that grows row by row.

    Parameters
    ----------
    path : Path
        File to write.
    row_shape : tuple of int
        Shape of one row.
    dtype : dtype
        Type of the values.
    n_rows : int or None, optional
        Rows of an existing file that are kept; what lies behind them is cut off. None: a new file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, GrowingArray(Path(folder) / "rows.npy", (2,), np.int64) as rows:
    ...     _ = rows.append(np.array([[1, 2]]))
    ...     _ = rows.append(np.array([[3, 4], [5, 6]]))
    ...     rows.finish().sum(axis=0)
    array([ 9, 12])
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: DTypeLike, n_rows: int | None = None) -> None:
        self.path = path
        self.row_shape = row_shape
        self.dtype = np.dtype(dtype)
        self.n_rows = n_rows or 0
        self._file: BinaryIO = path.open("wb" if n_rows is None else "rb+")
        if n_rows is None:
            self._file.write(bytes(HEADER_BYTES))
        else:
            self._file.truncate(HEADER_BYTES + n_rows * row_bytes(row_shape, self.dtype))
            self._file.seek(0, os.SEEK_END)

    def append(self, rows: NDArray[Any], crc32: int = 0) -> int:
        """Append rows.

        Parameters
        ----------
        rows : ndarray, shape (n, *row_shape)
            Their type must fit into that of the array.
        crc32 : int, optional
            CRC-32 of the bytes before them.

        Returns
        -------
        int
            CRC-32 of these and their bytes.

        Raises
        ------
        ValueError
            The rows have another shape or a type that does not fit.
        """
        if not np.can_cast(rows.dtype, self.dtype):
            raise ValueError(f"{self.path.name} holds {self.dtype}. Got {rows.dtype}.")
        if rows.shape[1:] != self.row_shape:
            raise ValueError(f"{self.path.name} has rows of shape {self.row_shape}. Got {rows.shape[1:]}.")
        data = np.ascontiguousarray(rows, dtype=self.dtype).reshape(-1).view(np.uint8).data
        self._file.write(data)
        self.n_rows += len(rows)
        return zlib.crc32(data, crc32)

    def flush(self, to_disk: bool) -> None:
        """Hand what was written to the system, so that it outlives this process.

        Parameters
        ----------
        to_disk : bool
            Also wait until it is on the disk, so that it outlives the system.
        """
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())

    def finish(self) -> NDArray[Any]:
        """Complete the file.

        Returns
        -------
        ndarray, shape (n_rows, *row_shape)
            All rows, mapped read-only.
        """
        shape = (self.n_rows, *self.row_shape)
        self._file.seek(0)
        self._file.write(_npy_header(shape, self.dtype))
        self._file.close()
        return mapped(self.path, self.dtype, HEADER_BYTES, shape)

    def __enter__(self) -> GrowingArray:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def row_bytes(row_shape: tuple[int, ...], dtype: DTypeLike) -> int:
    """Compute the size of a row.

    Parameters
    ----------
    row_shape : tuple of int
        Shape of one row.
    dtype : dtype
        Type of the values.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> row_bytes((2, 3), np.float32)
    24
    """
    return math.prod(row_shape) * np.dtype(dtype).itemsize


def _npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of a `.npy` file of version 1.0, padded to a fixed size."""
    magic = np.lib.format.magic(1, 0)
    text = repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    n_text = HEADER_BYTES - len(magic) - 2
    return magic + struct.pack("<H", n_text) + text.encode("latin1").ljust(n_text - 1) + b"\n"
