"""What every pass over a recording needs: its blocks, workers, a scratch folder, someone to tell the progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from spikesieve.engine.blocks import Block, read_with_halo
from spikesieve.engine.buffers import Buffers
from spikesieve.engine.executor import Progress, map_in_order
from spikesieve.engine.heap import give_back
from spikesieve.model import F32, I64, Motion, Recording

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Run:
    """One sort under way.

    recording  what is sorted
    blocks     all blocks in order of time
    pool       workers
    scratch    folder for arrays that grow with the recording; its owner removes it
    progress   told after each block
    buffers    large arrays that each worker reuses
    to_rest    of a block: (n_contacts, n_contacts) float32 that moves its traces to those at rest, or None
    motion     a displacement that was measured elsewhere, or None
    """

    recording: Recording
    blocks: tuple[Block, ...]
    pool: Executor
    scratch: Path
    progress: Progress
    buffers: Buffers = field(default_factory=Buffers)
    to_rest: Callable[[Block], F32] | None = None
    motion: Motion | None = None

    def read(self, block: Block, halo_samples: int, channels: I64) -> F32:
        """(n_samples + 2 halo, len(channels)) float32 in uV."""
        return read_with_halo(self.recording, block, halo_samples, channels)

    def over(
        self, blocks: tuple[Block, ...], function: Callable[[Run, Block], Result], stage: str
    ) -> Iterator[tuple[Block, Result]]:
        """function(run, block) for each block, in order of time, computed on the workers."""
        results = map_in_order(self.pool, partial(function, self), blocks, stage, self.progress)
        return zip(blocks, results, strict=True)

    def share(self, function: Callable[[Item], Result], items: Sequence[Item], /) -> Iterator[Result]:
        """function(item) of each item, in order, computed on the workers: for items and results that all fit memory."""
        give_back()
        return self.pool.map(function, items)
