"""Cuts the segments of a recording into blocks and reads each with a halo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, I64, Recording

# A block holds about this many values, so that its temporal projections fit into memory beside those of the other
# workers, but is not cut so short that its halo costs more than it.
MAX_VALUES_IN_BLOCK = 2_000_000
MIN_BLOCK_SAMPLES = 15_000
GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Block:
    """A stretch of samples that one call of a stage works on.

    index          position in the plan
    start, stop    the samples this block is responsible for
    segment_start, segment_stop   the contiguous stretch it lies in; nothing is read beyond
    """

    index: int
    start: int
    stop: int
    segment_start: int
    segment_stop: int

    @property
    def n_samples(self) -> int:
        """Samples this block is responsible for."""
        return self.stop - self.start

    @property
    def middle(self) -> float:
        """The sample in its middle."""
        return (self.start + self.stop) / 2


def longest_block(block_samples: int, n_contacts: int) -> int:
    """Samples of a block that holds no more values than usual, unless it were so short that its halo cost more."""
    return max(1, min(block_samples, max(MIN_BLOCK_SAMPLES, MAX_VALUES_IN_BLOCK // max(1, n_contacts))))


def plan_blocks(segments: tuple[tuple[int, int], ...], block_samples: int, n_contacts: int) -> tuple[Block, ...]:
    """Blocks in order of time: at most block_samples long, of equal length within a segment (give or take a sample)."""
    longest = longest_block(block_samples, n_contacts)
    blocks: list[Block] = []
    for start, stop in segments:
        n = max(1, -(-(stop - start) // longest))
        edges = start + (np.arange(n + 1) * (stop - start)) // n
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            blocks.append(Block(len(blocks), a, b, start, stop))
    return tuple(blocks)


def spread(blocks: tuple[Block, ...], n: int) -> tuple[Block, ...]:
    """At most n blocks, evenly spread over the recording (the middle of each n-th part)."""
    if len(blocks) <= n:
        return blocks
    picks = ((np.arange(n) + 0.5) * len(blocks) / n).astype(int)
    return tuple(blocks[i] for i in picks)


def golden_order(n: int) -> I64:
    """0..n-1 in such an order that any first few are evenly spread: steps of the golden ratio, (n,) int64."""
    return np.argsort(np.arange(n) * GOLDEN % 1.0, kind="stable")


def read_with_halo(recording: Recording, block: Block, halo_samples: int, channels: I64) -> F32:
    """The block in uV with `halo_samples` more on either side: (n_samples + 2 halo, len(channels)) float32.

    Beyond the ends of the segment the first or last sample is repeated.
    """
    low = max(block.segment_start, block.start - halo_samples)
    high = min(block.segment_stop, block.stop + halo_samples)
    traces = recording.read_uv(low, high, channels)
    before = low - (block.start - halo_samples)
    after = block.stop + halo_samples - high
    if before or after:
        traces = np.pad(traces, ((before, after), (0, 0)), mode="edge")
    return traces
