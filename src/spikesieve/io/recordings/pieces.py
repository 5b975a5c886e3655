"""Samples that lie one after the other in several sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import Chunked, Identifiable, ReadSamples

ReadPiece = Callable[[int, int, int], NDArray[np.generic]]
"""(index of the source, first sample in it, end in it) -> samples."""


def read_pieces(read: ReadPiece, starts: Sequence[int], start: int, stop: int) -> NDArray[np.generic]:
    """Read samples of several sources in a row.

    Parameters
    ----------
    read : callable
        Reads samples of one source: (index, first sample, end), both counted in that source.
    starts : sequence of int, length n_sources + 1
        First sample of each source, then the number of all samples.
    start, stop : int
        First sample of all, and the one after the last.

    Returns
    -------
    ndarray of shape (stop - start, n_channels)
        Raw numbers; not copied if they lie in one source.

    Examples
    --------
    >>> sources = [np.array([[1], [2]]), np.array([[3]])]
    >>> read_pieces(lambda index, first, end: sources[index][first:end], (0, 2, 3), 1, 3).ravel().tolist()
    [2, 3]
    """
    pieces = [
        read(index, max(start, first) - first, min(stop, end) - first)
        for index, (first, end) in enumerate(pairwise(starts))
        if first < stop and start < end
    ]
    if not pieces:
        return read(0, 0, 0)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


@dataclass(frozen=True, eq=False)
class JoinedSamples:
    """Samples of several sources of any kind, one after the other; a `ReadSamples`.

    Attributes
    ----------
    parts : tuple of ReadSamples
        The sources.
    starts : tuple of int, length n_parts + 1
        First sample of each, then the number of all samples.
    """

    parts: tuple[ReadSamples, ...]
    starts: tuple[int, ...]

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1 of all sources: (stop - start, n_channels)."""
        return read_pieces(lambda index, first, end: self.parts[index](first, end), self.starts, start, stop)

    @property
    def held_bytes(self) -> int:
        """Bytes of decoded samples that are kept at most. `join` has all sources share one store of them."""
        return max(getattr(part, "held_bytes", 0) for part in self.parts)

    @property
    def bounds(self) -> tuple[int, ...]:
        """First sample of each chunk of all sources, then the number of all samples."""
        found: list[int] = []
        for part, start in zip(self.parts, self.starts, strict=False):
            found += [start + bound for bound in part.bounds[:-1]] if isinstance(part, Chunked) else [start]
        return (*found, self.starts[-1])

    def identity(self) -> tuple[object, ...] | None:
        """See `Identifiable.identity`. None if a source has none."""
        known = [part.identity() if isinstance(part, Identifiable) else None for part in self.parts]
        return None if None in known else (*known, self.starts)
