"""Arrays in `.npy` and `.npz` files: read without running code in them, and whatever their bytes are."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

# What NumPy raises for files that are damaged. The header is parsed as Python, and may ask for any amount of memory.
_DAMAGE = (
    *(ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError, MemoryError, RuntimeError),
    *(SyntaxError, TokenError, BadZipFile, zlib.error, struct.error),
)


# If less than one row of 32 is wanted, pages are read one by one; otherwise the system gets ahead in the file.
SPARSE = 32


class MappedFile(np.memmap[Any, np.dtype[Any]]):
    """A mapped file of which some rows are read quickly.

    For each row the system reads the pages around it as well, which takes it 0.1 to 0.5 ms where rows are far apart.
    """

    def __getitem__(self, key: Any) -> Any:
        """Index as in any array. While few rows are read, the system is told that they are far apart."""
        mapping = getattr(self, "_mmap", None)
        is_sparse = isinstance(key, np.ndarray) and key.dtype != np.bool_ and key.size * SPARSE < len(self)
        if mapping is None or not is_sparse or not hasattr(mmap, "MADV_RANDOM"):  # not on Windows
            taken = super().__getitem__(key)
            return taken if getattr(taken, "_mmap", None) is not None else np.asarray(taken)[()]
        mapping.madvise(mmap.MADV_RANDOM)
        try:
            return np.asarray(super().__getitem__(key))
        finally:
            mapping.madvise(mmap.MADV_NORMAL)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of calculations as ordinary arrays."""
        return np.asarray(array)[()] if return_scalar else np.asarray(array)


def load_npy(path: Path, is_mapped: bool = False) -> NDArray[Any]:
    """Read a `.npy` file.

    Parameters
    ----------
    path : Path
        The file.
    is_mapped : bool, optional
        Map it into memory instead of reading it.

    Returns
    -------
    ndarray
        The array; read-only if it is mapped.

    Raises
    ------
    ValueError
        The file is damaged or holds Python objects.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "one.npy", np.arange(3))
    ...     load_npy(Path(folder) / "one.npy")
    array([0, 1, 2])
    """
    with _as_value_error():
        found = np.load(path, mmap_mode="r" if is_mapped else None, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            found.close()
            raise ValueError("it holds several arrays")
        return found.view(MappedFile) if isinstance(found, np.memmap) else found


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read a `.npz` file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        All arrays by their names.

    Raises
    ------
    ValueError
        The file is damaged or holds Python objects.
    OSError
        The file cannot be read.
    """
    with _as_value_error():
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it holds a single array without a name")
        with file:
            return {name: file[name] for name in file.files}


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
