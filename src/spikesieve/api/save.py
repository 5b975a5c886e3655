"""Saves a sorting in memory as a result folder, the same that `spikesieve sort` writes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from spikesieve.errors import InputError
from spikesieve.io.results import provenance
from spikesieve.io.results.folder import result_folder, write_result
from spikesieve.io.results.read import read_provenance
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Origin, Recording, Sorting

if TYPE_CHECKING:
    from spikesieve.report.sorting.write import Report

logger = logging.getLogger(__name__)

LOG_NAME = "spikesieve.log"
UNKNOWN = "unknown"
NO_ORIGIN = "Method, settings and times of this sort are not known: started and finished are the time of saving."
NO_RECORDING = "The result was saved without its recording: Phy shows no traces, and the gain is not known."


def save_sorting(sorting: Sorting, folder: Path, recording: Recording | None = None, overwrite: bool = False) -> Path:
    """Write the result folder of a sorting with report and log. If writing fails, no folder is left.

    Parameters
    ----------
    sorting : Sorting
        The result of a sort.
    folder : Path
        The result folder. Missing parent folders are created.
    recording : Recording, optional
        The recording that was sorted. Default: `sorting.origin.recording`. Without a recording, Phy shows no traces.
    overwrite : bool, optional
        Replace an older result in this folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The recording has another sampling rate, too few channels or too few samples to be the one that was sorted.
    OutputError
        The folder exists and `overwrite` is False, is not a result folder, or cannot be written.
    """
    origin = sorting.origin
    recording = recording or (origin.recording if origin is not None else _unknown_recording(sorting))
    _require_same(sorting, recording)
    recording = recording.with_segments(sorting.segments)
    run = _run(origin, recording)
    with result_folder(folder, overwrite, recording.paths) as new, run_log(new / LOG_NAME):
        _log(sorting, recording, run)
        write_folder(new, sorting, recording, run, Path(folder))
    return folder


def write_folder(
    folder: Path, sorting: Sorting, recording: Recording, run: provenance.RunRecord, place: Path | None = None
) -> Report:
    """Write the data files and the report of a result into an existing folder.

    Parameters
    ----------
    folder : Path
        An existing folder, usually that of `result_folder`.
    sorting : Sorting
        The result.
    recording : Recording
        The recording that was sorted.
    run : provenance.RunRecord
        Method, settings, times and cost of the sort.
    place : Path, optional
        Where the folder will be in the end. Default: where it is.

    Returns
    -------
    Report
        Paths of the page, the pictures and the tables.

    Raises
    ------
    OSError
        The disk is full, or an input can no longer be read.
    """
    write_result(folder, sorting, recording, run, place)
    from spikesieve.report.sorting.write import write_report  # draws with matplotlib, which takes long to load

    return write_report(folder, sorting, read_provenance(folder))


def seeds_of(settings: Mapping[str, Any]) -> dict[str, int]:
    """List the random seeds of all stages.

    Parameters
    ----------
    settings : mapping
        All settings by stage, as `Settings.model_dump()` returns them.

    Returns
    -------
    dict of int
        Seed of each stage that has one.

    Examples
    --------
    >>> seeds_of({"method": "sieve", "cluster": {"seed": 5, "n": 20}, "match": {"threshold": 8.0}})
    {'cluster': 5}
    """
    stages = {name: group for name, group in settings.items() if isinstance(group, Mapping)}
    return {name: group["seed"] for name, group in stages.items() if "seed" in group}


@dataclass(frozen=True)
class NoSamples:
    """A source of samples (`ReadSamples`) for a sorting without its recording: reading raises an error."""

    def __call__(self, start: int, stop: int) -> NoReturn:
        """Raise InputError."""
        raise InputError("This sorting was saved without its recording, so there are no samples to read.")


def _unknown_recording(sorting: Sorting) -> Recording:
    """Recording without samples, with the properties that the sorting knows."""
    return Recording(
        NoSamples(),
        n_samples=sorting.segments[-1][1],
        n_channels=int(sorting.probe.channels.max()) + 1,
        sampling_hz=sorting.sampling_hz,
        has_gain=False,
        name=UNKNOWN,
    )


def _require_same(sorting: Sorting, recording: Recording) -> None:
    n_channels, n_samples = int(sorting.probe.channels.max()) + 1, sorting.segments[-1][1]
    fits = recording.n_channels >= n_channels and recording.n_samples >= n_samples
    if not fits or recording.sampling_hz != sorting.sampling_hz:
        raise InputError(
            f"The recording {recording.name!r} is not the one that was sorted: it has {recording.n_channels} channels "
            f"and {recording.n_samples} samples at {recording.sampling_hz:g} Hz, and the sorting needs at least "
            f"{n_channels} channels and {n_samples} samples at {sorting.sampling_hz:g} Hz. Give the recording that was "
            "sorted, or leave it out."
        )


def _run(origin: Origin | None, recording: Recording) -> provenance.RunRecord:
    notes = (NO_RECORDING,) if isinstance(recording.read, NoSamples) else ()
    if origin is None:
        now = datetime.now().astimezone()
        return provenance.RunRecord(UNKNOWN, {}, {}, now, now, notes=(*notes, NO_ORIGIN))
    return provenance.RunRecord(
        method=str(origin.settings.get("method", UNKNOWN)),
        settings=origin.settings,
        seeds=seeds_of(origin.settings),
        started=origin.started,
        finished=origin.finished,
        stages=origin.stages,
        inputs=origin.inputs,
        notes=notes,
    )


def _log(sorting: Sorting, recording: Recording, run: provenance.RunRecord) -> None:
    for name, version in provenance.versions().items():
        logger.info("%s %s", name, version)
    logger.info("recording %s", provenance.recording_facts(recording))
    logger.info("settings %s", run.settings)
    for line in repr(sorting).splitlines():
        logger.info("%s", line.strip())
    for note in (*run.notes, *sorting.notes):
        logger.warning("%s", note)
