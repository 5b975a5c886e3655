"""Sorts files into a result folder, as `spikesieve sort` and `spikesieve demo` do."""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from spikesieve.api.choice import chosen_input
from spikesieve.api.filtered import without_second_highpass
from spikesieve.api.kept_steps import (
    Course,
    file_states,
    kept_steps,
    remove_finished,
    require_step,
    require_unchanged,
)
from spikesieve.api.save import LOG_NAME, seeds_of, write_folder
from spikesieve.api.scratch_copy import fast_samples
from spikesieve.api.sort import STEPS, Resources, memory_plan, open_run, require_use, run_method, source_of
from spikesieve.engine.clock import StageClock
from spikesieve.engine.codec import in_memory
from spikesieve.engine.executor import Progress, silent
from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.engine.step_state import StepState
from spikesieve.engine.store import Store
from spikesieve.io.finished_folder import place_aside, require_free
from spikesieve.io.probes.read import file_and_number
from spikesieve.io.recordings.artifact_times import read_artifact_times
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.preprocessed import write_preprocessed
from spikesieve.io.results import kilosort2_intermediates, provenance
from spikesieve.io.results.folder import RESULT, made_by_hand, result_beside_older, result_folder
from spikesieve.io.results.for_the_page import write_overview, write_preprocessing
from spikesieve.io.results.motion_files import read_motion, require_motion_fits
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Label, Probe, Recording, Sorting
from spikesieve.model.text import time_sentence
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.kilosort2.intermediates import read_intermediates
from spikesieve.passes.saved_traces import source_as_sorted, white_blocks
from spikesieve.settings.sort import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Files to sort, settings, and the result folder.

    Attributes
    ----------
    files : tuple of Path
        Raw files, in order of time.
    out : Path
        The result folder. It appears when the result is complete.
    probe : str or None
        Probe file or name, or one probe of a group (`group.json#1`); None: the one that the recording names.
    raw : RawOptions
        Format of the files, and the part to sort.
    settings : Settings
        All settings.
    settings_files : tuple of Path
        Files from which the settings were read, for the provenance.
    motion : Path or None
        File with a displacement that was measured elsewhere; None: it is estimated from the spikes.
    artifact_times : Path or None
        File with times of known artifacts, such as stimuli, in s.
    n_jobs : int or None
        Number of workers; None: one for each processor.
    memory : str or None
        Memory limit of the process, such as "4GB"; None: a quarter of the machine's memory.
    overwrite : bool
        Replace an older result.
    beside_older : bool
        Write into a folder that exists: older files of a result are moved aside, and other files stay.
    save_preprocessed : bool
        Write the whitened traces as well.
    save_intermediates : bool
        Write the intermediate results of the method kilosort2 as well.
    fresh : bool
        Forget what an earlier run of this job has finished.
    keep_steps : bool
        Keep the hidden folder with the steps after the result is complete.
    stop_after : str or None
        Name of a step after which the sort ends, without a result.
    """

    files: tuple[Path, ...]
    out: Path
    probe: str | None = None
    raw: RawOptions = field(default_factory=RawOptions)
    settings: Settings = field(default_factory=Settings)
    settings_files: tuple[Path, ...] = ()
    motion: Path | None = None
    artifact_times: Path | None = None
    n_jobs: int | None = None
    memory: str | None = None
    overwrite: bool = False
    beside_older: bool = False
    save_preprocessed: bool = False
    save_intermediates: bool = False
    fresh: bool = False
    keep_steps: bool = False
    stop_after: str | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of sorting files.

    Attributes
    ----------
    folder : Path
        The result folder.
    sorting : Sorting
        The result. `spikes.features` has no columns, because the features are in the folder.
    report : str
        Name of the page in the folder.
    pictures : tuple of str
        Names of the pictures in the folder.
    seconds : float
        Wall-clock time in s.
    notes : tuple of str
        Sentences for the user.
    """

    folder: Path
    sorting: Sorting
    report: str
    pictures: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def time(self) -> str:
        """How long the sort took, in words."""
        return time_sentence(self.seconds, self.sorting.duration_s)


def _announce_nothing(line: str) -> None:
    """Ignore a line of the memory plan."""


def _add_nothing(folder: Path, sorting: Sorting) -> None:
    """Add no files."""


def sort_files(
    job: Job,
    progress: Progress = silent,
    announce: Callable[[str], None] = _announce_nothing,
    executor: Executor | None = None,
) -> Outcome:
    """Sort raw files into a result folder.

    Parameters
    ----------
    job : Job
        Files, settings and the result folder.
    progress : callable, optional
        Called with (stage, done, total).
    announce : callable, optional
        Called with each line of the memory plan before the sort begins.
    executor : Executor, optional
        Used instead of threads; `job.n_jobs` is the number of its workers.

    Returns
    -------
    Outcome
        The result, and the names of its files.

    Raises
    ------
    EndedEarlyError
        The step `job.stop_after` is done.
    InputError, SettingsError, OutputError
        With a message for the user. Finished steps are kept in `steps_folder(job.out)`; the same job goes on there.
    """
    _require_sense(job)
    return sort_opened(job, open_input(job.files, job.raw, job.probe), progress, announce, executor=executor)


def sort_opened(
    job: Job,
    opened: tuple[Recording, Probe, tuple[str, ...]],
    progress: Progress = silent,
    announce: Callable[[str], None] = _announce_nothing,
    add_files: Callable[[Path, Sorting], None] = _add_nothing,
    executor: Executor | None = None,
) -> Outcome:
    """Sort a recording that is open into a result folder.

    Parameters
    ----------
    job : Job
        Settings and the result folder. Its files, format and probe are not used.
    opened : tuple of (Recording, Probe, tuple of str)
        The recording, its probe, and sentences for the user, as `open_input` returns them.
    progress : callable, optional
        Called with (stage, done, total).
    announce : callable, optional
        Called with each line of the memory plan before the sort begins.
    add_files : callable, optional
        Called with the folder and the result before the folder appears in its place, to write more files into it.
    executor : Executor, optional
        Used instead of threads; `job.n_jobs` is the number of its workers.

    Returns
    -------
    Outcome
        The result, and the names of its files.

    Raises
    ------
    EndedEarlyError, InputError, SettingsError, OutputError
        As `sort_files`.
    """
    started, begun_s = datetime.now().astimezone(), time.monotonic()
    clock = StageClock(_logged(progress))
    _require_sense(job)
    recording, probe, odd = _chosen(job, opened)
    motion = read_motion(job.motion, probe) if job.motion is not None else None
    if motion is not None:
        require_motion_fits(motion, probe, recording)
    plan = memory_plan(recording, probe, job.settings, Resources(job.n_jobs, job.memory))
    _prepare_place(job, recording, announce)
    with kept_steps(job.out, job.fresh, job.keep_steps) as steps, run_log(steps / LOG_NAME):
        _log_start(job, recording, probe)
        course = Course(announce, steps, STEPS[job.settings.method], job.stop_after)
        for line in plan.lines():
            course.tell(line)
        store = Store.open(steps, tell=course, keeps_all=job.keep_steps or job.stop_after is not None)
        files = file_states(recording)
        # Workers elsewhere have memory of their own.
        n_workers = plan.n_workers if executor is None else job.n_jobs or plan.n_workers
        source = source_of(recording, probe, job.settings, plan)
        with (
            open_run(n_workers, store, clock, executor) as run,
            fast_samples(run, source, job.settings.method, course.tell) as source,
        ):
            sorting = run_method(run, source, job.settings, motion)
            course("write", StepState(False))
            with _result_folder(job, recording) as new:
                _save_steps(run, source, job, new)
                clock("write", 0, 1)
                report = write_folder(new, sorting, recording, _provenance(job, started, clock, odd), job.out)
                add_files(new, sorting)
                require_unchanged(files, recording)
                clock("write", 1, 1)
                # Windows cannot delete mapped files, so the steps are unmapped before they are deleted.
                sorting = in_memory(_without_features(sorting))
                notes = (*odd, *sorting.notes)
                _log_end(sorting, notes, clock)
                shutil.copy(steps / LOG_NAME, new / LOG_NAME)
    seconds = time.monotonic() - begun_s
    pictures = tuple(path.relative_to(new).as_posix() for path in report.pictures)
    return Outcome(job.out, sorting, report.page.name, pictures, seconds, notes)


def _require_sense(job: Job) -> None:
    """Raise an error for what the method does not use or have, before anything is read."""
    require_use(job.settings, job.motion is not None, job.save_intermediates)
    if job.stop_after is not None:
        require_step(job.settings.method, job.stop_after)
    if job.save_intermediates:
        kilosort2_intermediates.require_h5py()


def _chosen(job: Job, opened: tuple[Recording, Probe, tuple[str, ...]]) -> tuple[Recording, Probe, tuple[str, ...]]:
    """What of a recording is sorted, the contacts, and what is odd about them."""
    recording, probe, odd = opened
    if job.artifact_times is not None:
        recording = recording.with_artifact_times(read_artifact_times(job.artifact_times))
    recording, probe, chosen = chosen_input(recording, probe, job.settings.input)
    recording, filtered = without_second_highpass(recording, job.settings.preprocess.highpass_cutoff_hz)
    return recording, probe, (*odd, *chosen, *filtered)


def _prepare_place(job: Job, recording: Recording, announce: Callable[[str], None]) -> None:
    """Look whether the result may be written, and say what becomes of an older one."""
    remove_finished(job.out)
    if job.beside_older:
        return
    require_free(job.out, RESULT, job.overwrite, recording.paths)
    aside = place_aside(job.out, RESULT)
    if aside is not None:
        announce(f"The older result {made_by_hand(job.out)}. It is kept as {aside}.")


def _result_folder(job: Job, recording: Recording) -> AbstractContextManager[Path]:
    if job.beside_older:
        return result_beside_older(job.out)
    return result_folder(job.out, job.overwrite, recording.paths)


def _save_steps(run: Run, source: Source, job: Job, folder: Path) -> None:
    """Write what the page shows of the recording; and preprocessed traces and intermediate results, if asked for."""
    write_preprocessing(folder, run.store.read("preprocessing"))
    if "overview" in run.store.index():
        write_overview(folder, run.store.read("overview"))
    if not (job.save_preprocessed or job.save_intermediates):
        return
    source = source_as_sorted(run.store, source)
    if job.save_preprocessed:
        write_preprocessed(folder, white_blocks(run, source), source.recording, source.probe)
    if job.save_intermediates:
        batched = BatchedSource(source, run.store.read("shapes"), job.settings.kilosort2, job.settings.detect)
        arrays = read_intermediates(run.store, batched)
        kilosort2_intermediates.write_intermediates(folder / kilosort2_intermediates.FILE_NAME, arrays)


def label_counts(sorting: Sorting) -> dict[str, int]:
    """Count the units of each label.

    Parameters
    ----------
    sorting : Sorting
        The result of a sort.

    Returns
    -------
    dict of str to int
        Number of units by label: good, mua, noise.
    """
    labels = Counter(unit.label for unit in sorting.units)
    return {label.value: labels[label] for label in Label}


def _without_features(sorting: Sorting) -> Sorting:
    n_spikes, n_pcs = len(sorting.spikes), len(sorting.pcs)
    return replace(sorting, spikes=replace(sorting.spikes, features=np.empty((n_spikes, 0, n_pcs), np.float32)))


def _provenance(job: Job, started: datetime, clock: StageClock, notes: tuple[str, ...]) -> provenance.RunRecord:
    settings = job.settings.model_dump()
    motion = job.motion if job.motion is not None and job.motion.is_file() else None
    files = [file for file in (*job.settings_files, _probe_file(job), motion, job.artifact_times) if file is not None]
    return provenance.RunRecord(
        method=job.settings.method,
        settings=settings,
        seeds=seeds_of(settings),
        started=started,
        finished=datetime.now().astimezone(),
        stages=clock.costs(),
        inputs=tuple(map(str, files)),
        notes=notes,
    )


def _probe_file(job: Job) -> Path | None:
    file = None if job.probe is None else file_and_number(job.probe)[0]
    return file if file is not None and file.is_file() else None


def _logged(progress: Progress) -> Progress:
    def report(stage: str, done: int, total: int) -> None:
        if done == 0:
            logger.info("%s: %d to do", stage, total)
        progress(stage, done, total)

    return report


def _log_start(job: Job, recording: Recording, probe: Probe) -> None:
    for name, version in provenance.versions().items():
        logger.info("%s %s", name, version)
    logger.info("files %s", ", ".join(recording.paths))
    logger.info("recording %s", provenance.recording_facts(recording))
    logger.info("probe %s: %d contacts, %d shanks", probe.name, probe.n_contacts, len(np.unique(probe.shanks)))
    logger.info("settings %s", job.settings.model_dump())


def _log_end(sorting: Sorting, notes: tuple[str, ...], clock: StageClock) -> None:
    if sorting.motion is not None:
        for shank, decision, why in zip(
            sorting.motion.shanks, sorting.motion.decisions, sorting.motion.why, strict=True
        ):
            logger.info("motion of shank %d: %s. %s", shank, decision, why)
    for note in notes:
        logger.warning("%s", note)
    costs = clock.costs()
    logger.info("%s", time_sentence(sum(cost.seconds for cost in costs.values()), sorting.duration_s))
    for stage, cost in costs.items():
        logger.info("%s took %.2f s; peak memory %.0f MB", stage, cost.seconds, cost.peak_memory_mb)
    logger.info("%d spikes of %d units: %s", len(sorting.spikes), len(sorting.units), label_counts(sorting))
