"""Decides whether the samples of a slow source are decoded once, into the folder of the steps. See docs/input.md."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikesieve.engine.blocks import evenly_spaced
from spikesieve.engine.economy import Economy
from spikesieve.engine.executor import map_in_order, threads
from spikesieve.engine.folders import folders_of_step, remove_step
from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.io.recordings.array_samples import ArraySamples
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.model import ReadSamples, Recording
from spikesieve.passes.decoding import STEP, ReadBlock, decode_samples, decoding_blocks, with_copy

logger = logging.getLogger(__name__)

WHOLE_PASSES = {
    "sieve": ("detect", "match"),
    "kilosort4": ("detect", "match"),
    "kilosort2": ("order", "templates", "spikes"),
}
"""Steps of each method that read the whole recording."""

PARTS_S = (75.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0)
"""What other steps read beside that, in s: the part that units are learned from, and sample blocks."""

MIN_SAVED = 0.1
"""A copy is made if it saves at least this share of the time that reading takes."""

ROOM = 1.5
"""The disk must have this many times the room of the copy: steps need some too."""


@dataclass(frozen=True)
class ReadingCosts:
    """What reading a recording costs, in s for each second of recording.

    Attributes
    ----------
    decode : float
        To read and decode it, with all workers.
    write : float
        To write it to the disk of the steps. Reading it from there is taken to cost as much.
    """

    decode: float
    write: float

    def saved(self, n_passes: float) -> float:
        """Compute what a copy saves.

        Parameters
        ----------
        n_passes : float
            How often the recording is read.

        Returns
        -------
        float
            Share of the time that decoding it each time takes; negative if the copy takes longer.

        Examples
        --------
        >>> round(ReadingCosts(decode=0.4, write=0.05).saved(2.5), 3)
        0.425
        """
        return 1 - (self.decode + (1 + n_passes) * self.write) / (n_passes * self.decode)


@contextmanager
def fast_samples(
    run: Run, source: Source, method: str, announce: Callable[[str], object] = logger.info
) -> Iterator[Source]:
    """Decode a slow source once, if that is faster than decoding it in each pass.

    The copy is removed when the block ends. If it fails, the copy stays, and a later run uses it.

    Parameters
    ----------
    run : Run
        Executor, store and progress.
    source : Source
        The recording.
    method : str
        The method that will sort it.
    announce : callable, optional
        Called with a sentence on what was decided and why. Plain files and arrays need no copy and no sentence.

    Yields
    ------
    Source
        The same samples, maybe read from a copy in the store.
    """
    recording = source.recording
    if isinstance(recording.read, RawFiles | ArraySamples):
        yield source
        return
    is_wanted, why = _decision(run, recording, method)
    announce(why)
    if is_wanted:
        # Decoding gives other threads the processor, and some sources cannot be sent to other processes.
        with threads(run.economy.n_workers) as workers:
            copy = replace(run, executor=workers).step(STEP, decode_samples, recording)
        source = with_copy(source, copy)
    yield source
    remove_step(run.store.root, STEP)


def _decision(run: Run, recording: Recording, method: str) -> tuple[bool, str]:
    root = run.store.root
    n_bytes, free = _copied_bytes(recording), shutil.disk_usage(root).free
    if free < ROOM * n_bytes:
        return False, (
            f"The samples are decoded in each pass: a copy needs {n_bytes / 1e9:.1f} GB, and {free / 1e9:.1f} GB are "
            f"free in {root}."
        )
    if not (isinstance(run.executor, ThreadPoolExecutor) or _can_travel(recording.read)):
        return True, "The samples are copied, because their source cannot be sent to other processes."
    n_passes = _passes_to_come(root, recording, method)
    if n_passes and folders_of_step(root, STEP, unfinished=True):
        return True, f"The samples that an earlier run has decoded in {root} are used."
    costs = measured_costs(recording, run.economy.n_workers, root)
    saved = costs.saved(n_passes) if n_passes else 0.0
    numbers = (
        f"a second of recording takes {1e3 * costs.decode:.0f} ms to decode and {1e3 * costs.write:.0f} ms to write, "
        f"and about {n_passes:.1f} passes are to come."
    )
    if saved < MIN_SAVED:
        return False, f"The samples are decoded in each pass: {numbers}"
    return True, f"The samples are decoded once, into {root}: {numbers}"


def measured_costs(recording: Recording, n_workers: int, folder: Path) -> ReadingCosts:
    """Measure what reading a recording costs, on a few blocks of it.

    Parameters
    ----------
    recording : Recording
        The recording.
    n_workers : int
        Threads that decode at the same time.
    folder : Path
        Where a copy would be written.

    Returns
    -------
    ReadingCosts
        For each second of recording.
    """
    first, *blocks = evenly_spaced(decoding_blocks(recording), 2 * n_workers + 1)
    blocks = blocks or [first]
    recording.read(first.start, first.stop)  # what happens once, such as opening files, does not count
    with threads(n_workers) as workers:
        started = time.perf_counter()
        read = list(map_in_order(workers, ReadBlock(recording.read), blocks, Economy(n_workers)))
        decoded = time.perf_counter()
    with tempfile.TemporaryFile(dir=folder) as file:
        begun = time.perf_counter()
        for rows in read:
            file.write(np.ascontiguousarray(rows).data)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter()
    seconds = sum(map(len, read)) / recording.sampling_hz
    return ReadingCosts(max(decoded - started, 1e-9) / seconds, (written - begun) / seconds)


def _passes_to_come(root: Path, recording: Recording, method: str) -> float:
    """How often the recording will be read, without the steps that an earlier run has finished."""
    to_come = [name for name in WHOLE_PASSES[method] if not folders_of_step(root, name)]
    parts_s = sum(min(part_s, recording.duration_s) for part_s in PARTS_S) if len(to_come) > 1 else 0.0
    return len(to_come) + parts_s / recording.duration_s


def _copied_bytes(recording: Recording) -> int:
    row = recording.read(recording.segments[0][0], recording.segments[0][0] + 1)
    return sum(stop - start for start, stop in recording.segments) * int(row.nbytes)


def _can_travel(read: ReadSamples) -> bool:
    try:
        pickle.dumps(read)
    # Recordings of other libraries may raise anything when they are pickled.
    except Exception:  # noqa: BLE001
        return False
    return True
