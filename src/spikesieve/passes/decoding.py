"""Copies the samples of a slow source into the store, decoded, so that each pass reads them fast."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.blocks import Block, plan_blocks
from spikesieve.engine.journal import BlockColumns, OtherBytesError
from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import Chunked, Identifiable, ReadSamples, Recording

logger = logging.getLogger(__name__)

STEP = "decoded samples"
BLOCK_S = 1.0


@dataclass(frozen=True, eq=False)
class DecodedSamples:
    """The samples of all segments, one segment after the other.

    Attributes
    ----------
    raw : ndarray of any number, shape (n_samples, n_channels)
        Raw numbers as the source gives them, memory-mapped.
    """

    raw: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class CopiedSamples:
    """Samples that are read from a copy; a `ReadSamples` that is known by what it is a copy of.

    Attributes
    ----------
    raw : ndarray of any number, shape (n_copied, n_channels)
        The copy.
    segments : tuple of (int, int)
        Which samples of the recording it has, one segment after the other.
    known_by : tuple of object
        Identity of the samples that were copied.
    """

    raw: NDArray[np.generic]
    segments: tuple[tuple[int, int], ...]
    known_by: tuple[object, ...]

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1 of the recording, which lie in one segment: (stop - start, n_channels)."""
        row = 0
        for first, end in self.segments:
            if first <= start <= stop <= end:
                return np.asarray(self.raw[row + start - first : row + stop - first])
            row += end - first
        raise ValueError(f"Samples {start} to {stop} are in no segment that was copied.")

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`."""
        return self.known_by


@dataclass(frozen=True, eq=False)
class ReadBlock:
    """Reads the raw numbers of a block.

    Attributes
    ----------
    read : ReadSamples
        The source.
    """

    read: ReadSamples

    def __call__(self, block: Block) -> NDArray[np.generic]:
        """Return (n_samples, n_channels)."""
        return self.read(block.start, block.stop)


def decoding_blocks(recording: Recording) -> tuple[Block, ...]:
    """Cut the segments where the source's chunks begin, so that each chunk is decoded once; or into seconds.

    Parameters
    ----------
    recording : Recording
        The recording.

    Returns
    -------
    tuple of Block
        In order of time.
    """
    if not isinstance(recording.read, Chunked):
        return plan_blocks(recording.segments, max(1, round(BLOCK_S * recording.sampling_hz)))
    bounds = np.asarray(recording.read.bounds, np.int64)
    blocks: list[Block] = []
    for start, stop in recording.segments:
        edges = [start, *bounds[(bounds > start) & (bounds < stop)].tolist(), stop]
        for first, end in pairwise(edges):
            blocks.append(Block(len(blocks), first, end, start, stop, (first + end) / 2))
    return tuple(blocks)


@versioned(1)
def decode_samples(run: Run, recording: Recording) -> DecodedSamples:
    """Copy the samples of all segments. After an interruption it goes on after the last block that was copied.

    Parameters
    ----------
    run : Run
        Executor, store and progress.
    recording : Recording
        What to copy.

    Returns
    -------
    DecodedSamples
        The copy, in the store.
    """
    blocks = decoding_blocks(recording)
    with run.store.columns("samples") as columns:
        try:
            _copy(run, recording, columns, columns.rest(blocks))
        except OtherBytesError:
            logger.warning("the samples are decoded anew: they are others than those on the disk")
            columns.start_anew()
            _copy(run, recording, columns, blocks)
        arrays, _ = columns.finish()
    return DecodedSamples(arrays["raw"])


def with_copy(source: Source, copy: DecodedSamples) -> Source:
    """Read a source from a copy.

    Parameters
    ----------
    source : Source
        The source.
    copy : DecodedSamples
        Its samples.

    Returns
    -------
    Source
        The same samples. Steps have the same keys.
    """
    recording = source.recording
    known = recording.read.identity() if isinstance(recording.read, Identifiable) else None
    known = ("copy", recording.fingerprint()) if known is None else known
    read = CopiedSamples(copy.raw, recording.segments, known)
    return replace(source, recording=replace(recording, read=read))


def _copy(run: Run, recording: Recording, columns: BlockColumns, blocks: Sequence[Block]) -> None:
    for block, rows in zip(blocks, run.map(ReadBlock(recording.read), blocks, "decode"), strict=True):
        columns.append(block, {"raw": rows}, {})
