"""Sorts a recording from Python and returns the result in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spikesieve.api.choice import chosen_input
from spikesieve.api.filtered import without_second_highpass
from spikesieve.api.inputs import as_recording_and_probe, as_settings
from spikesieve.api.scratch_copy import fast_samples
from spikesieve.engine.blocks import longest_block
from spikesieve.engine.clock import StageClock
from spikesieve.engine.codec import in_memory
from spikesieve.engine.economy import Economy
from spikesieve.engine.executor import Progress, silent, threads
from spikesieve.engine.forgotten import ForgottenError
from spikesieve.engine.machine import n_processors
from spikesieve.engine.memory import MemoryPlan, bytes_of, plan_memory
from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.probes.read import require_fits
from spikesieve.io.results.motion_files import require_motion_fits
from spikesieve.kernels import CpuBackend
from spikesieve.kernels.ahead import compiled_ahead
from spikesieve.methods import kilosort2, kilosort4, sieve
from spikesieve.model import Motion, Origin, Probe, Recording, Sorting
from spikesieve.passes.demand import demand
from spikesieve.settings.sort import Settings

METHODS: dict[str, Callable[[Run, Source, Settings, Motion | None], Sorting]] = {
    "sieve": sieve.sort,
    "kilosort4": kilosort4.sort,
    "kilosort2": kilosort2.sort,
}
"""The function of each method, by its name in `Settings.method`."""

_DETECTED = ("detect", "overview", "motion", "trace shift", "detect again", "spikes at rest", "clusters")
STEPS: dict[str, tuple[str, ...]] = {
    "sieve": (
        *(
            "noise",
            "shapes",
            "preprocessing",
            "detection threshold",
            *_DETECTED,
            "first templates",
            "match a part",
            "templates",
            "match",
        ),
        *("units", "sorting"),
    ),
    "kilosort4": (
        *("preprocessing", "shapes", *_DETECTED, "templates", "match", "clusters again", "units", "sorting"),
    ),
    "kilosort2": (
        *(
            "preprocessing",
            "shapes",
            "detect",
            "overview",
            "motion",
            "trace shift",
            "order",
            "templates",
            "spikes",
            "units",
        ),
        "sorting",
    ),
}
"""Names of the steps of each method, in order. Some are left out with some settings."""


@dataclass(frozen=True)
class Resources:
    """Workers, memory, folder and progress of a sort.

    The result does not depend on them, but for one case: a memory limit so low that the blocks become shorter moves
    a spike here and there.

    Attributes
    ----------
    n_jobs : int or None
        Number of workers, of `executor` if one is given; None: one for each processor.
    memory : str or None
        Memory limit of the process, such as "4GB"; None: a quarter of the machine's memory.
    folder : Path, str or None
        Folder in which the steps are stored. A later sort of the same recording computes only the steps that depend on
        a changed setting. None: a temporary folder that is deleted at the end.
    executor : Executor or None
        Used instead of threads: a `ProcessPoolExecutor`, or anything with the same interface. The caller shuts it down.
    progress : callable
        Called with (stage, done, total) after each piece of work.

    Raises
    ------
    SettingsError
        A value has another type.
    """

    n_jobs: int | None = None
    memory: str | None = None
    folder: Path | str | None = None
    executor: Executor | None = None
    progress: Progress = silent

    def __post_init__(self) -> None:
        wrong = [
            f"{name} must be {meaning}. Got {value!r}."
            for name, meaning, value, fits in (
                ("n_jobs", "a whole number", self.n_jobs, isinstance(self.n_jobs, int | None)),
                ("memory", 'a text such as "4GB"', self.memory, isinstance(self.memory, str | None)),
                ("folder", "a path", self.folder, isinstance(self.folder, str | Path | None)),
                ("executor", "an executor", self.executor, self.executor is None or hasattr(self.executor, "submit")),
                ("progress", "a function", self.progress, callable(self.progress)),
            )
            if not fits
        ]
        if wrong:
            raise SettingsError(" ".join(wrong))


def sort(
    recording: Recording | NDArray[Any] | Any,
    probe: Probe | str | Path | Any = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    sampling_hz: float | None = None,
    motion: Motion | None = None,
    resources: Resources | None = None,
) -> Sorting:
    """Sort a recording: find the spike trains of single neurons.

    Parameters
    ----------
    recording : Recording, ndarray or SpikeInterface recording
        A Recording (from `read_recording` or `recording_from_array`); an array of raw numbers, shape
        (n_samples, n_channels), with `sampling_hz`; or an object with SpikeInterface's reading methods. Samples are not
        copied.
    probe : Probe, probeinterface Probe or ProbeGroup, str or Path, optional
        Positions of the contacts: a Probe, a probe of probeinterface, a name such as "neuropixels1:384", or a file.
        Default: the probe of a SpikeInterface recording.
    settings : Settings or mapping, optional
        All settings, or a dict of those that differ from the defaults: {"detect.threshold": 8}, or nested by stage.
    sampling_hz : float, optional
        Sampling rate of an array in Hz.
    motion : Motion, optional
        Displacement of the tissue that was measured elsewhere, from `read_motion`. Default: estimated from the spikes.
    resources : Resources, optional
        Workers, memory, progress, and a folder for the steps. The result does not depend on them.

    Returns
    -------
    Sorting
        The result in memory. If `resources.folder` is given, its larger arrays are files there.

    Raises
    ------
    InputError
        The recording or the motion is of an unknown kind, or the probe or the motion does not fit the recording.
    SettingsError
        A setting is unknown, wrong or not used by the method, the number of workers is below 1, or the memory limit is
        too low.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).integers(-20, 20, (60_000, 4)).astype(np.int16)
    >>> sort(noise, "linear:4:25", {"detect.threshold": 9.0}, sampling_hz=30_000).unit_ids
    array([], dtype=int64)
    """
    recording, probe = as_recording_and_probe(recording, probe, sampling_hz)
    settings, resources = as_settings(settings), _as_resources(resources)
    if motion is not None and not isinstance(motion, Motion):
        raise InputError(f"A motion cannot be a {type(motion).__name__}. Give what spikesieve.read_motion returns.")
    require_use(settings, motion is not None, False)
    recording, probe, chosen = chosen_input(recording, probe, settings.input)
    recording, filtered = without_second_highpass(recording, settings.preprocess.highpass_cutoff_hz)
    plan = memory_plan(recording, probe, settings, resources)
    if motion is not None:
        require_motion_fits(motion, probe, recording)
    source, clock = source_of(recording, probe, settings, plan), StageClock(resources.progress)
    # Workers elsewhere have memory of their own.
    n_workers = plan.n_workers if resources.executor is None else resources.n_jobs or plan.n_workers
    started = datetime.now().astimezone()
    with _folder(resources.folder) as folder:
        store = Store.open(folder, reuse=resources.folder is not None)
        with (
            open_run(n_workers, store, clock, resources.executor) as run,
            fast_samples(run, source, settings.method) as fast,
        ):
            found = run_method(run, fast, settings, motion)
            sorting: Sorting = found if store.reuse else in_memory(found)
    finished, every_setting = datetime.now().astimezone(), settings.model_dump()
    sorting = replace(sorting, notes=(*chosen, *filtered, *sorting.notes))
    return replace(sorting, origin=Origin(recording, every_setting, started, finished, clock.costs()))


def require_use(settings: Settings, motion: bool, intermediates: bool) -> None:
    """Raise an error for inputs that would have no effect.

    Parameters
    ----------
    settings : Settings
        All settings.
    motion : bool
        Whether a displacement is given.
    intermediates : bool
        Whether Kilosort2's intermediate results are to be saved.

    Raises
    ------
    SettingsError
        The method does not use a changed setting, the displacement, or has no intermediate results.
    """
    settings.require_used()
    ordered = settings.method == "kilosort2" and settings.kilosort2.drift == "order"
    if motion and (settings.motion.mode == "off" or settings.motion.n_sections == 0):
        raise SettingsError(
            "The settings switch drift correction off, so the motion would not be used. "
            "Leave out motion.mode=off and motion.n_sections=0, or leave the motion out."
        )
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
    recording: Recording, probe: Probe, settings: Settings | None = None, resources: Resources | None = None
) -> MemoryPlan:
    """Plan a sort below its memory limit.

    Parameters
    ----------
    recording, probe, settings, resources
        Arguments of `sort`.

    Returns
    -------
    MemoryPlan
        Number of workers, length of the blocks, and the memory estimate.

    Raises
    ------
    InputError, SettingsError
        As `sort` raises them.
    """
    resources = resources or Resources()
    require_fits(probe, recording.n_channels, recording.name)
    n_workers = n_processors() if resources.n_jobs is None else resources.n_jobs
    if n_workers < 1:
        raise SettingsError(f"The number of workers is {n_workers}. Give at least 1 with --jobs.")
    limit_bytes = None if resources.memory is None else bytes_of(resources.memory)
    return plan_memory(demand(recording, probe, settings or Settings()), n_workers, limit_bytes)


def source_of(recording: Recording, probe: Probe, settings: Settings, plan: MemoryPlan) -> Source:
    """Prepare a recording for a method.

    Parameters
    ----------
    recording : Recording
        The recording to sort.
    probe : Probe
        All contacts.
    settings : Settings
        Cutoff of the high-pass.
    plan : MemoryPlan
        Length of the blocks.

    Returns
    -------
    Source
        The recording, high-passed.
    """
    block_samples = longest_block(plan.block_samples, probe.n_contacts)
    return Source.of(recording, probe, settings.preprocess, block_samples)


@contextmanager
def open_run(
    n_workers: int, store: Store, progress: Progress = silent, executor: Executor | None = None
) -> Iterator[Run]:
    """Open the resources of a sort.

    Parameters
    ----------
    n_workers : int
        Number of threads, or of the workers of `executor`.
    store : Store
        Stores the steps.
    progress : callable, optional
        Called with (stage, done, total).
    executor : Executor or None, optional
        Used instead of threads.

    Yields
    ------
    Run
        Executor, backend, store and progress.
    """
    store.begin()
    # One BLAS thread with any executor, because sums in another order would round differently.
    # Beside an executor, threads begin with their first item: a pool of processes forks before.
    n_near = min(n_workers, n_processors())
    pool: AbstractContextManager[Executor] = threads(n_workers) if executor is None else ThreadPoolExecutor(n_near)
    n_compiling = n_near if executor is None else 1
    with threadpool_limits(limits=1), pool as near, compiled_ahead(n_compiling) as ahead:
        workers = near if executor is None else executor
        yield Run(workers, CpuBackend(ahead), store, progress, Economy(n_workers), near)
    store.remove_unfinished()


def run_method(run: Run, source: Source, settings: Settings, motion: Motion | None) -> Sorting:
    """Sort with the method that the settings choose.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.
    settings : Settings
        All settings.
    motion : Motion or None
        Displacement that was measured elsewhere.

    Returns
    -------
    Sorting
        The result; its larger arrays are mapped files of the store. If no unit was found, a note says why.
    """
    while True:
        try:
            sorting = METHODS[settings.method](run, source, settings, motion)
            break
        except ForgottenError as missing:
            run.store.make_again(missing)
    return sorting if sorting.units else replace(sorting, notes=(*sorting.notes, _why_empty(settings, sorting.notes)))


def _as_resources(resources: Resources | None) -> Resources:
    if not isinstance(resources, Resources | None):
        raise SettingsError(
            f"Resources cannot be a {type(resources).__name__}. Give spikesieve.Resources, such as Resources(n_jobs=2)."
        )
    return resources or Resources()


@contextmanager
def _folder(folder: Path | str | None) -> Iterator[Path]:
    """The given folder, or a temporary one."""
    if folder is not None:
        yield Path(folder)
        return
    with TemporaryDirectory(prefix="spikesieve-") as temporary:
        yield Path(temporary)


def _why_empty(settings: Settings, notes: tuple[str, ...]) -> str:
    given = settings.detect.threshold is not None or settings.method != "sieve"
    least = f"detect.threshold = {settings.detect.least_score:g} SD" if given else "the threshold of detection"
    often = f"at least templates.min_spikes = {settings.templates.min_spikes} times"
    if settings.method == "kilosort2":
        least, often = f"kilosort2.learn_threshold = {settings.kilosort2.learn_threshold:g} SD", "again and again"
    what = "no whole spike" if any("seen whole" in note for note in notes) else "nothing"
    return f"No unit was found: {what} stood out of the noise by {least} and with one shape {often}."
