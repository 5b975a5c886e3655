"""Cuts the segments of a recording into blocks, and chooses some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import I64

# A block holds about this many values: its traces then fit into memory beside those of the other workers.
MAX_VALUES_IN_BLOCK = 2_000_000
# A shorter block costs more for its margins than for itself.
MIN_BLOCK_SAMPLES = 15_000
GOLDEN_RATIO = 0.6180339887498949

Segments = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Block:
    """Samples that one task works on.

    Attributes
    ----------
    index : int
        Position in the list of blocks.
    start, stop : int
        First sample of the block, and the first one after it.
    segment_start, segment_stop : int
        The segment that holds the block. Nothing is read beyond it.

    Examples
    --------
    >>> Block(0, 100, 300, 0, 1000).n_samples
    200
    """

    index: int
    start: int
    stop: int
    segment_start: int
    segment_stop: int

    @property
    def n_samples(self) -> int:
        """Number of samples of the block."""
        return self.stop - self.start

    @property
    def middle(self) -> float:
        """Sample in the middle of the block."""
        return (self.start + self.stop) / 2


def longest_block(block_samples: int, n_contacts: int) -> int:
    """Limit the length of a block by the values it holds.

    Parameters
    ----------
    block_samples : int
        Length that was asked for, in samples.
    n_contacts : int
        Number of contacts that are sorted.

    Returns
    -------
    int
        Length in samples: at most `block_samples`, and at most 2 million values, but not below 15 000 samples for
        that reason alone.

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
        First sample of each segment, and the first one after it.
    block_samples : int
        Largest length of a block, in samples.

    Returns
    -------
    tuple of Block
        In order of time. Blocks of one segment have the same length, give or take a sample.

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
            blocks.append(Block(len(blocks), a, b, start, stop))
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
        The middle one of each n-th part; all blocks where there are no more than `n`.

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
    """Order 0 to n - 1 so that any first few of them are spread over the whole.

    Parameters
    ----------
    n : int
        How many numbers.

    Returns
    -------
    ndarray of int64, shape (n,)
        The numbers in steps of the golden ratio.

    Examples
    --------
    >>> golden_order(5)
    array([0, 2, 4, 1, 3])
    """
    return np.argsort(np.arange(n) * GOLDEN_RATIO % 1.0, kind="stable")


def total_samples(blocks: tuple[Block, ...]) -> int:
    """Number of samples of several blocks together."""
    return sum(block.n_samples for block in blocks)
