"""Cuts the segments of a recording into blocks, and chooses blocks that represent it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spikesieve.model import I64

# Values (contacts x samples) in a block: the traces of all workers then fit into memory.
MAX_VALUES_IN_BLOCK = 2_000_000
# In shorter blocks the margins cost more time than the block itself.
MIN_BLOCK_SAMPLES = 15_000
# Where memory runs short, blocks are cut into pieces that are no shorter: their margins hold as much.
SHORTEST_PIECE_SAMPLES = 1_000
GOLDEN_RATIO = 0.6180339887498949

Segments = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Block:
    """A range of samples that one worker processes at a time.

    Attributes
    ----------
    index : int
        Position in the list of blocks.
    start, stop : int
        First sample of the block, and the first sample after it.
    segment_start, segment_stop : int
        Start and stop of the segment that holds the block. Nothing is read beyond it.
    middle : float
        Sample in the middle of the block as it was planned. The displacement of the tissue at this time holds for all
        of the block, and for its pieces where it is cut again.

    Examples
    --------
    >>> Block(0, 100, 300, 0, 1000, 200.0).n_samples
    200
    """

    index: int
    start: int
    stop: int
    segment_start: int
    segment_stop: int
    middle: float

    @property
    def n_samples(self) -> int:
        """Number of samples of the block."""
        return self.stop - self.start

    def pieces(self, n: int) -> tuple[Block, ...]:
        """Cut the block.

        Parameters
        ----------
        n : int
            Number of pieces.

        Returns
        -------
        tuple of Block
            In order of time, of nearly equal length: `n`, or fewer where they would be shorter than 1000 samples.

        Examples
        --------
        >>> [(piece.start, piece.stop) for piece in Block(0, 0, 5000, 0, 9000, 2500.0).pieces(2)]
        [(0, 2500), (2500, 5000)]
        """
        n = max(1, min(n, self.n_samples // SHORTEST_PIECE_SAMPLES))
        edges = self.start + (np.arange(n + 1) * self.n_samples) // n
        return tuple(replace(self, start=a, stop=b) for a, b in pairwise(edges.tolist()))


def longest_block(block_samples: int, n_contacts: int) -> int:
    """Limit the length of a block, so that many contacts do not take too much memory.

    Parameters
    ----------
    block_samples : int
        Requested length in samples.
    n_contacts : int
        Number of contacts that are sorted.

    Returns
    -------
    int
        At most `block_samples`. Blocks of more than 2 million values (contacts x samples) are shortened, but to no less
        than 15 000 samples.

    Examples
    --------
    >>> longest_block(60_000, 64), longest_block(60_000, 384)
    (31250, 15000)
    """
    return max(1, min(block_samples, max(MIN_BLOCK_SAMPLES, MAX_VALUES_IN_BLOCK // max(1, n_contacts))))


def plan_blocks(segments: Segments, block_samples: int) -> tuple[Block, ...]:
    """Cut segments into blocks.

    Parameters
    ----------
    segments : tuple of (int, int)
        Start and stop of each segment in samples.
    block_samples : int
        Largest length of a block, in samples.

    Returns
    -------
    tuple of Block
        In order of time. The blocks of one segment differ in length by at most one sample.

    Examples
    --------
    >>> [(block.start, block.stop) for block in plan_blocks(((0, 10), (20, 25)), 6)]
    [(0, 5), (5, 10), (20, 25)]
    """
    blocks: list[Block] = []
    for start, stop in segments:
        n = max(1, -(-(stop - start) // block_samples))
        edges = start + (np.arange(n + 1) * (stop - start)) // n
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            blocks.append(Block(len(blocks), a, b, start, stop, (a + b) / 2))
    return tuple(blocks)


def evenly_spaced(blocks: tuple[Block, ...], n: int) -> tuple[Block, ...]:
    """Choose blocks at equal distances in time.

    Parameters
    ----------
    blocks : tuple of Block
        All blocks.
    n : int
        Number of blocks to choose.

    Returns
    -------
    tuple of Block
        The middle block of each of `n` equal parts; all blocks if there are at most `n`.

    Examples
    --------
    >>> [block.index for block in evenly_spaced(plan_blocks(((0, 10),), 1), 2)]
    [2, 7]
    """
    if len(blocks) <= n:
        return blocks
    chosen = ((np.arange(n) + 0.5) * len(blocks) / n).astype(int)
    return tuple(blocks[i] for i in chosen)


def golden_order(n: int) -> I64:
    """Order the numbers 0 to n - 1 so that the first few, however many are taken, are spread over the whole range.

    Parameters
    ----------
    n : int
        Number of numbers.

    Returns
    -------
    ndarray of int64, shape (n,)
        The numbers, in steps of the golden ratio.

    Examples
    --------
    >>> golden_order(5)
    array([0, 2, 4, 1, 3])
    """
    return np.argsort(np.arange(n) * GOLDEN_RATIO % 1.0, kind="stable")


def total_samples(blocks: tuple[Block, ...]) -> int:
    """Count the samples of several blocks.

    Parameters
    ----------
    blocks : tuple of Block
        The blocks.

    Returns
    -------
    int
        Sum of their lengths.

    Examples
    --------
    >>> total_samples(plan_blocks(((0, 10), (20, 25)), 6))
    15
    """
    return sum(block.n_samples for block in blocks)
