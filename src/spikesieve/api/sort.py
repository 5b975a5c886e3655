"""Sort a recording: from samples and contacts to units, without writing a result."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.engine.blocks import plan_blocks
from spikesieve.engine.executor import Progress, silent, workers
from spikesieve.engine.memory import MemoryPlan, bytes_of, plan_memory
from spikesieve.engine.run import Run
from spikesieve.errors import SettingsError
from spikesieve.io.probes.read import require_fits
from spikesieve.io.results.motion_files import require_motion_fits
from spikesieve.methods import kilosort2, kilosort4, sieve
from spikesieve.model import Motion, Probe, Recording, Sorting
from spikesieve.passes.demand import demand
from spikesieve.passes.kilosort2.intermediates import Arrays
from spikesieve.settings.sort import Settings

METHODS: dict[str, Callable[[Run, Probe, Settings], Sorting]] = {
    "sieve": sieve.sort,
    "kilosort4": kilosort4.sort,
    "kilosort2": kilosort2.sort,
}
"""The algorithm by the name that `Settings.method` gives it."""


def sort(
    recording: Recording,
    probe: Probe,
    settings: Settings | None = None,
    *,
    motion: Motion | None = None,
    n_jobs: int | None = None,
    memory: str | MemoryPlan | None = None,
    scratch: Path | str | None = None,
    keep: Callable[[Arrays], None] | None = None,
    progress: Progress = silent,
) -> Sorting:
    """Spike trains of single neurons.

    recording  what to sort (`read_recording`, `recording_from_array`)
    probe      where the contacts are (`read_probe`), each naming its column of the recording
    settings   default: those of the method "sieve"
    motion     how the tissue moved, where it was measured elsewhere (`read_motion`); default: measured here
    n_jobs     workers; default: one for each processor. The result does not depend on it.
    memory     the most that the process may take, such as "4GB"; default: a quarter of this machine's. A plan that
               `memory_plan` made is kept as it is, workers included
    scratch    folder for arrays that grow with the recording; `Sorting.spikes.features` then is a memory-mapped file in
               it, which the caller removes. Default: a temporary folder, and the features are in memory.
    keep       called in the end with the intermediate results of the method "kilosort2", by Kilosort2's names
    progress   called with (stage, done, total)

    Raises InputError when the probe or the motion does not fit the recording, SettingsError when n_jobs is below 1, the
    memory does not suffice, a changed setting is none of the method's, or the method keeps nothing or uses no motion.
    """
    settings = settings or Settings()
    require_use(settings, motion is not None, keep is not None)
    plan = memory if isinstance(memory, MemoryPlan) else memory_plan(recording, probe, settings, n_jobs, memory)
    if motion is not None:
        require_motion_fits(motion, probe, recording)
    if scratch is not None:
        with open_run(recording, probe, Path(scratch), plan, progress) as run:
            return _sorted(replace(run, motion=motion), probe, settings, keep)
    with (
        TemporaryDirectory(prefix="spikesieve-") as folder,
        open_run(recording, probe, Path(folder), plan, progress) as run,
    ):
        return _in_memory(_sorted(replace(run, motion=motion), probe, settings, keep))


def require_use(settings: Settings, motion: bool, intermediates: bool) -> None:
    """Raises SettingsError where a setting, a displacement or the wish for intermediate results is in vain."""
    settings.require_used()
    ordered = settings.method == "kilosort2" and settings.kilosort2.drift == "order"
    if motion and ordered:
        raise SettingsError(
            "The method kilosort2 puts batches in order and uses no displacement. "
            "Set kilosort2.drift=register, or leave the motion out."
        )
    if intermediates and settings.method != "kilosort2":
        raise SettingsError(
            f"The method {settings.method} keeps no intermediate results; only kilosort2 does. Choose that one."
        )


def memory_plan(
    recording: Recording,
    probe: Probe,
    settings: Settings | None = None,
    n_jobs: int | None = None,
    memory: str | None = None,
) -> MemoryPlan:
    """How a sort will stay below the memory it may take: its workers, the length of its blocks, what takes how much.

    For the arguments and errors see `sort`. More memory gives longer blocks only where it was scarce: enough is enough.
    """
    require_fits(probe, recording.n_channels, recording.name)
    n_workers = n_processors() if n_jobs is None else n_jobs
    if n_workers < 1:
        raise SettingsError(f"The number of workers is {n_workers}. Give at least 1 with --jobs.")
    limit_bytes = None if memory is None else bytes_of(memory)
    return plan_memory(demand(recording, probe, settings or Settings()), n_workers, limit_bytes)


@contextmanager
def open_run(
    recording: Recording, probe: Probe, scratch: Path, plan: MemoryPlan, progress: Progress = silent
) -> Iterator[Run]:
    """What the passes over a recording need, with its workers running; for the arguments and errors see `sort`."""
    require_fits(probe, recording.n_channels, recording.name)
    blocks = plan_blocks(recording.segments, plan.block_samples, probe.n_contacts)
    with workers(plan.n_workers) as pool:
        yield Run(recording, blocks, pool, scratch, progress)


def n_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sorted(run: Run, probe: Probe, settings: Settings, keep: Callable[[Arrays], None] | None) -> Sorting:
    if keep is not None:
        sorting = kilosort2.sort(run, probe, settings, keep)
    else:
        sorting = METHODS[settings.method](run, probe, settings)
    return sorting if sorting.units else replace(sorting, notes=(*sorting.notes, _why_empty(settings)))


def _why_empty(settings: Settings) -> str:
    least = f"detect.threshold = {settings.detect.threshold:g} SD"
    often = f"at least templates.min_spikes = {settings.templates.min_spikes} times"
    if settings.method == "kilosort2":
        least, often = f"kilosort2.learn_threshold = {settings.kilosort2.learn_threshold:g} SD", "again and again"
    return f"No unit was found: nothing stood out of the noise by {least} and with one shape {often}."


def _in_memory(sorting: Sorting) -> Sorting:
    """The sorting without memory-mapped files."""
    return replace(sorting, spikes=replace(sorting.spikes, features=np.array(sorting.spikes.features)))
