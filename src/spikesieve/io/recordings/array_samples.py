"""Samples that are already in an array: in memory, or mapped from a file, which then pickles as its name and layout."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError

# A file is known by its size and these pieces. The first is at its start, the last at its end.
N_PIECES, PIECE_BYTES = 64, 65_536


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Raw samples in an array; a `ReadSamples`.

    A memory-mapped array, or a view of one, pickles as `MappedLayout`, not as its contents.

    Attributes
    ----------
    samples : ndarray of any number, shape (n_samples, n_channels)
        Raw numbers.
    """

    samples: NDArray[np.generic]

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels), a view."""
        return self.samples[start:stop]

    def __reduce__(self) -> tuple[Callable[..., ArraySamples], tuple[Any, ...]]:
        layout = mapped_layout(self.samples)
        return (ArraySamples, (self.samples,)) if layout is None else (_from_layout, (layout,))

    def identity(self) -> tuple[object, ...] | None:
        """See `Identifiable.identity`. Only arrays that are mapped read-only have one."""
        layout = mapped_layout(self.samples)
        if layout is None or layout.mode != "r":
            return None
        return file_identity(layout.path), layout.dtype, layout.offset_bytes, layout.shape, layout.strides


@dataclass(frozen=True)
class MappedLayout:
    """Where a memory-mapped array lies in its file.

    Attributes
    ----------
    path : str
        Absolute path of the file.
    dtype : str
        NumPy's name of the raw type, byte order included.
    offset_bytes : int
        Place of the first element in the file.
    shape : tuple of int
        Shape of the array.
    strides : tuple of int
        Steps in bytes from one element to the next along each axis; negative where the array runs backwards.
    mode : {"r", "r+"}
        Mapped read-only, or so that the array can be written.
    """

    path: str
    dtype: str
    offset_bytes: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    mode: Literal["r", "r+"]

    def open(self) -> NDArray[np.generic]:
        """Map the array again.

        Returns
        -------
        ndarray
            The array with the same type, shape and strides.

        Raises
        ------
        InputError
            When the file is gone or has become shorter.
        """
        ends = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        first = self.offset_bytes + sum(end for end in ends if end < 0)
        last = self.offset_bytes + sum(end for end in ends if end > 0) + np.dtype(self.dtype).itemsize
        try:
            # NumPy would lengthen a file that is too short for a map that can be written.
            if Path(self.path).stat().st_size < last:
                raise ValueError(f"it has become shorter than {last} bytes")
            mapped = np.memmap(self.path, np.uint8, self.mode, first, (last - first,))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path} cannot be mapped any more: {error}. Check the drive and the file, then start again."
            ) from error
        return np.ndarray(self.shape, self.dtype, mapped, self.offset_bytes - first, self.strides)


def mapped_layout(array: NDArray[np.generic]) -> MappedLayout | None:
    """Find where a memory-mapped array, or a view of one, lies in its file.

    Parameters
    ----------
    array : ndarray
        Any array.

    Returns
    -------
    MappedLayout or None
        None for arrays in memory, for maps without a named file, and for copy-on-write maps, whose changes are in
        memory only.
    """
    root: Any = array
    while isinstance(root, np.ndarray) and not isinstance(root.base, mmap.mmap):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode == "c":
        return None
    offset = int(root.offset) + array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    mode: Literal["r", "r+"] = "r" if root.mode == "r" else "r+"
    return MappedLayout(os.path.abspath(root.filename), array.dtype.str, int(offset), array.shape, array.strides, mode)


def file_identity(path: str) -> tuple[int, str]:
    """Identify the contents of a file by its size and by pieces that are spread over it; all of a small file.

    A file that is moved or copied stays the same. A change that misses all pieces is not seen.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    tuple of (int, str)
        Size in bytes, digest of the pieces.

    Raises
    ------
    InputError
        When the file is gone or cannot be read.
    """
    try:
        facts = os.stat(path)
        return facts.st_size, _digest_of_pieces(path, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path} cannot be found any more: {error.strerror}. Check the drive.") from error


@lru_cache(maxsize=256)
def _digest_of_pieces(path: str, n_bytes: int, changed_ns: int) -> str:
    """Digest of pieces of a file. It is read once, as long as its size and its time of change stay the same."""
    whole = n_bytes <= N_PIECES * PIECE_BYTES
    starts = range(0, n_bytes, PIECE_BYTES) if whole else np.linspace(0, n_bytes - PIECE_BYTES, N_PIECES).astype(int)
    digest = hashlib.blake2b(digest_size=20)
    with open(path, "rb") as file:
        for start in starts:
            file.seek(int(start))
            digest.update(file.read(PIECE_BYTES))
    return digest.hexdigest()


def _from_layout(layout: MappedLayout) -> ArraySamples:
    return ArraySamples(layout.open())
