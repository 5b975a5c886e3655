"""Samples compressed by mtscomp (.cbin with its .ch): zlib, chunk by chunk, of differences in time."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.chunks import ChunkCache
from spikesieve.io.recordings.formats.base import damage_as_sentence
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.kernels import sum_differences

# Chunks last 1 s. A block reaches into its neighbours, and a few workers go through the file side by side.
CHUNKS_KEPT = 8

NEEDED = ("n_channels", "sample_rate", "dtype", "chunk_bounds", "chunk_offsets", "chunk_order", "do_time_diff")


@dataclass(frozen=True, eq=False)
class CompressedSamples:
    """Samples of a .cbin file; a `ReadSamples` that can be pickled.

    Attributes
    ----------
    path : str
        The .cbin file.
    bounds : tuple of int, length n_chunks + 1
        First sample of each chunk, then the number of all samples.
    offsets : tuple of int, length n_chunks + 1
        First byte of each chunk in the file, then its size.
    n_channels : int
        Channels (columns).
    sampling_hz : float
        Sampling rate in Hz.
    dtype : str
        NumPy's name of the raw type.
    order : {"F", "C"}
        Whether a chunk holds channel after channel (F) or sample after sample (C).
    is_diff : tuple of bool
        Whether differences were taken between channels, and between samples.
    cache : ChunkCache
        Chunks that were decoded last.
    """

    path: str
    bounds: tuple[int, ...]
    offsets: tuple[int, ...]
    n_channels: int
    sampling_hz: float
    dtype: str
    order: str
    is_diff: tuple[bool, bool]
    cache: ChunkCache = field(default_factory=lambda: ChunkCache(CHUNKS_KEPT))

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels). Raises InputError for a chunk that is damaged."""
        return read_pieces(self._read_chunk, self.bounds, start, stop)

    @property
    def held_bytes(self) -> int:
        """See `Cached.held_bytes`."""
        longest = max(end - first for first, end in pairwise(self.bounds))
        return self.cache.n_kept * longest * self.n_channels * np.dtype(self.dtype).itemsize

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. The file, and how it is decoded."""
        layout = (self.bounds, self.offsets, self.n_channels, self.dtype, self.order, self.is_diff)
        return (file_identity(self.path), *layout)

    def _read_chunk(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        return self.cache.get((self.path, index), lambda: self._decode(index))[start:stop]

    def _decode(self, index: int) -> NDArray[np.generic]:
        first, end = self.offsets[index : index + 2]
        n_samples = self.bounds[index + 1] - self.bounds[index]
        n_bytes = n_samples * self.n_channels * np.dtype(self.dtype).itemsize  # known, so that zlib need not grow
        try:
            with open(self.path, "rb") as file:
                file.seek(first)
                values = np.frombuffer(zlib.decompress(file.read(end - first), bufsize=n_bytes), self.dtype)
            chunk = values.reshape((n_samples, self.n_channels), order="F" if self.order == "F" else "C")
        except (OSError, zlib.error, ValueError) as error:
            raise InputError(
                f"{self.path} cannot be decompressed at sample {self.bounds[index]}: {error}. Copy it again."
            ) from error
        between_channels, between_samples = self.is_diff
        if between_samples and not between_channels and self.order == "F" and chunk.dtype.kind == "i":
            summed = np.empty((n_samples, self.n_channels), chunk.dtype)
            sum_differences(chunk.T, summed)
            return summed
        if between_channels:
            chunk = np.cumsum(chunk, axis=1, dtype=chunk.dtype)
        if between_samples:
            chunk = np.cumsum(chunk, axis=0, dtype=chunk.dtype)
        return np.ascontiguousarray(chunk)


def open_compressed(path: Path, header: Path) -> CompressedSamples:
    """Open a .cbin file. Nothing is decompressed.

    Parameters
    ----------
    path : Path
        The .cbin file.
    header : Path
        Its .ch file.

    Returns
    -------
    CompressedSamples
        Its samples.

    Raises
    ------
    InputError
        If the .ch file is missing or damaged, or the .cbin file shorter than it says.
    """
    if not header.is_file():
        raise InputError(f"{path} is compressed by mtscomp, and its {header.name} is missing. Copy that file as well.")
    with damage_as_sentence(header, "a .ch file of mtscomp"):
        content = json.loads(header.read_text(encoding="utf-8"))
        missing = [name for name in NEEDED if name not in content]
        if missing or content.get("algorithm", "zlib") != "zlib":
            raise ValueError(f"no {', '.join(missing)}" if missing else f"algorithm {content['algorithm']}")
        samples = _from_header(path, content)
    size = path.stat().st_size
    if size < samples.offsets[-1]:
        raise InputError(
            f"{path} has {size} bytes, but {header.name} says {samples.offsets[-1]}: it was cut short. Copy it again."
        )
    return samples


def _from_header(path: Path, content: dict[str, Any]) -> CompressedSamples:
    bounds, offsets = (tuple(map(int, content[name])) for name in ("chunk_bounds", "chunk_offsets"))
    rises = all(a < b for numbers in (bounds, offsets) for a, b in pairwise(numbers))
    if len(bounds) < 2 or len(bounds) != len(offsets) or bounds[0] != 0 or not rises:
        raise ValueError("chunk_bounds and chunk_offsets do not fit each other")
    return CompressedSamples(
        str(path.absolute()),
        bounds,
        offsets,
        n_channels=int(content["n_channels"]),
        sampling_hz=float(content["sample_rate"]),
        dtype=np.dtype(content["dtype"]).newbyteorder("<").str,
        order=str(content["chunk_order"]),
        is_diff=(bool(content.get("do_spatial_diff", False)), bool(content["do_time_diff"])),
    )
