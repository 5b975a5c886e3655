"""Checksums of files in pieces, so that a large file is checked without holding it in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# The header of an array is a piece of its own: it is written last. The others are read one at a time.
HEAD_BYTES, PIECE_BYTES = 128, 2**24


def checksums_of(path: Path) -> list[int]:
    """Compute the checksums of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of int
        Size in bytes, CRC-32 of the first 128 bytes, and of each 16 MiB after them.

    Raises
    ------
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "file"
    ...     _ = path.write_bytes(b"123456789")
    ...     checksums_of(path)
    [9, 3421780262]
    """
    with path.open("rb") as file:
        pieces = [zlib.crc32(piece) for piece in _pieces(file)]
    return [path.stat().st_size, *pieces]


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    piece = file.read(HEAD_BYTES)
    while piece:
        yield piece
        piece = file.read(PIECE_BYTES)
