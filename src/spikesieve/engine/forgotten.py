"""Arrays that no later step needs: their values are removed from the disk, their shape and type stay."""

from __future__ import annotations

import io
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from spikesieve.engine.checksums import HEAD_BYTES

# Ends the name of a file with the first bytes of an array, which say its shape and type.
HEAD = ".head"


class ForgottenError(Exception):
    """The values of an array are needed that were removed from the disk: the step that made them is computed again.

    Parameters
    ----------
    path : str
        File that held the array.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = Path(path)


@dataclass(frozen=True)
class ForgottenArray:
    """Stands for an array whose values were removed. Reading it raises ForgottenError.

    Attributes
    ----------
    path : Path
        File that held the array.
    shape : tuple of int
        Shape of the array.
    dtype : dtype
        Type of the values.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NoReturn:
        """Raise ForgottenError."""
        raise ForgottenError(str(self.path))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        """Raise ForgottenError."""
        raise ForgottenError(str(self.path))


def forget(path: Path) -> None:
    """Remove the values of an array from the disk. The space is free once the array is no longer mapped.

    Arrays in Fortran's order are left alone: they are not mapped when they are loaded.

    Parameters
    ----------
    path : Path
        The `.npy` file of the array.
    """
    with path.open("rb") as array:
        first_bytes = array.read(HEAD_BYTES)
    if _header(first_bytes)[1]:
        return
    with _head(path).open("wb") as head:
        head.write(first_bytes)
        head.flush()
        os.fsync(head.fileno())
    with suppress(PermissionError):  # on Windows, where it is still mapped
        path.unlink()


def is_forgotten(path: Path) -> bool:
    """Whether the values of an array were removed.

    Parameters
    ----------
    path : Path
        The `.npy` file of the array.

    Returns
    -------
    bool
        False as well if nothing is known of the array.
    """
    return not path.exists() and _head(path).is_file()


def head_crc32(path: Path) -> int:
    """Compute the checksum of what is left of an array.

    Parameters
    ----------
    path : Path
        The `.npy` file of the array.

    Returns
    -------
    int
        CRC-32 of the first bytes that it had.
    """
    return zlib.crc32(_head(path).read_bytes())


def open_forgotten(path: Path) -> ForgottenArray:
    """Read what is left of an array.

    Parameters
    ----------
    path : Path
        The `.npy` file of the array.

    Returns
    -------
    ForgottenArray
        Its shape and type.

    Raises
    ------
    ValueError
        These are not the first bytes of such a file.
    """
    shape, _, dtype = _header(_head(path).read_bytes())
    return ForgottenArray(path, shape, dtype)


def _header(first_bytes: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape of an array, whether it is in Fortran's order, and its type."""
    file = io.BytesIO(first_bytes)
    np.lib.format.read_magic(file)
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, is_fortran, dtype


def _head(path: Path) -> Path:
    return path.with_name(path.name + HEAD)
