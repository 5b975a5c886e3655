"""Checks of files that should hold plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikesieve.errors import InputError

NOT_PLAIN = {
    b"\x93NUMPY": "a NumPy file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"PK\x03\x04": "a zip file",
    b"\x1f\x8b\x08": "a gzip file",
    b"MATLAB 5.0 MAT-f": "a MATLAB file",
}
"""First bytes of files that are not plain numbers, and what they are."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn an error of the system while an input is read into a sentence. Also a decorator.

    Parameters
    ----------
    what : str
        What is read, where the error does not name the file.

    Yields
    ------
    None
        The block in which something is read.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        yield
    except OSError as error:
        name = error.filename or what
        raise InputError(
            f"{name} cannot be read: {error.strerror or error}. Check its permissions and the drive."
        ) from error


def file_size_bytes(path: Path) -> int:
    """Return the size of a raw file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        Size in bytes.

    Raises
    ------
    InputError
        If the file is missing, no plain file, empty or not readable.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a directory or a device, not a file. Give the raw binary file itself.")
        with path.open("rb") as file:
            size: int = file.seek(0, 2)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Check its name and folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions and the drive.") from error
    if size == 0:
        raise InputError(f"{path} is empty. Copy the recording again.")
    return size


def require_plain(path: Path) -> None:
    """Check that a file does not begin as one of a kind that does not hold plain numbers.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If its first bytes are those of such a file.
    """
    with path.open("rb") as file:
        head = file.read(16)
    kind = next((kind for magic, kind in NOT_PLAIN.items() if head.startswith(magic)), None)
    if kind is not None:
        raise InputError(
            f"{path} is {kind}, not plain numbers, and its format was not recognised. Convert it to plain int16, or "
            "open it in Python and sort the array. If it does hold plain numbers, give --format raw."
        )
