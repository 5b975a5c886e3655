"""Noise with large samples at known places, and a task that finds them block by block."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from tiny import BACKEND, line_probe

from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import F32, I64
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.preprocess import Clean

HZ = 3000.0
PARAMS = PreprocessParams(highpass_cutoff_hz=300.0)


def source(n_samples: int = 4000, block_samples: int = 700, segments=None) -> Source:
    """Noise, with a sample of 1000 uV every 250 samples on contact 0."""
    raw = np.random.default_rng(0).standard_normal((n_samples, 3)).astype(np.float32)
    raw[100::250, 0] += 1000.0
    recording = recording_from_array(raw, HZ, 1.0)
    if segments:
        recording = recording.with_segments(segments)
    return Source.of(recording, line_probe(3), PARAMS, block_samples)


@dataclass(frozen=True, eq=False)
class Large:
    """Large samples of a block."""

    sample: I64
    value: F32
    n_looked_at: int


@dataclass(frozen=True, eq=False)
class FindLarge(BlockTask[Large]):
    """Finds the large samples of contact 0."""

    @property
    def margin_samples(self) -> int:
        return 5

    def __call__(self, clean: Clean, core: Core, backend) -> Large:
        sample = np.flatnonzero(clean.uv[0, core.start : core.stop] > 500) + core.start
        return Large(sample, clean.uv[0, sample], core.stop - core.start)


def run_in(folder, executor: Executor, told: list | None = None) -> Run:
    """A run with one worker; `told` collects the progress."""
    progress = (lambda *now: None) if told is None else (lambda *now: told.append(now))
    return Run(executor, BACKEND, Store.open(folder), progress)
