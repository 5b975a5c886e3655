"""Arrays in `.npy` and `.npz` files: read without running code in them, and whatever their bytes are."""

from __future__ import annotations

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
        return found


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
