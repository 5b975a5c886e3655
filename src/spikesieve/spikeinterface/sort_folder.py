"""Sorts a recording of SpikeInterface into a result folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from spikeinterface.core.job_tools import fix_job_kwargs
from tqdm.auto import tqdm

from spikesieve.api.inputs import as_recording_and_probe
from spikesieve.api.sort import Resources, sort
from spikesieve.engine.executor import Progress, silent
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.results.motion_files import read_motion
from spikesieve.model import Recording
from spikesieve.spikeinterface.params import SorterParams

STEPS = "spikesieve_steps"
"""Folder beside the result with the finished steps of a sort, until the result is complete."""


def sort_folder(recording: Any, out: Path, params: Mapping[str, Any], verbose: bool) -> None:
    """Sort a recording into a result folder.

    The samples are not copied. Steps are kept beside the result until it is complete: after a crash, the same call goes
    on where it was.

    Parameters
    ----------
    recording : spikeinterface.BaseRecording
        What to sort.
    out : Path
        The result folder; it may exist if it is empty.
    params : mapping of str to object
        Parameters of the sorter, see `SorterParams`.
    verbose : bool
        Show the progress of each step.

    Raises
    ------
    InputError, SettingsError, OutputError
        As `spikesieve.sort` and `Sorting.save` raise them.
    """
    given, steps = SorterParams.of(params), out.parent / STEPS
    ours, probe = as_recording_and_probe(recording)
    motion = None if given.known_motion is None else read_motion(given.known_motion, probe)
    n_jobs = None if given.n_jobs is None else int(fix_job_kwargs({"n_jobs": given.n_jobs})["n_jobs"])
    with _bars(verbose) as progress:
        resources = Resources(n_jobs, given.memory, steps, progress=progress)
        sort(read_as_files(ours, recording), probe, given.settings, motion=motion, resources=resources).save(
            out, overwrite=True
        )
    shutil.rmtree(steps, ignore_errors=True)


def read_as_files(ours: Recording, recording: Any) -> Recording:
    """Read the files of a recording directly, if its samples are plain numbers in them. Phy finds them there as well.

    Parameters
    ----------
    ours : Recording
        The recording as we see it.
    recording : spikeinterface.BaseRecording
        The same, as SpikeInterface sees it.

    Returns
    -------
    Recording
        The same samples.
    """
    if not recording.is_binary_compatible():
        return ours
    about = recording.get_binary_description()
    if about["time_axis"] != 0 or about["num_channels"] != ours.n_channels:
        return ours
    paths = tuple(str(Path(path).absolute()) for path in about["file_paths"])
    starts, dtype = (*ours.file_starts, ours.n_samples), np.dtype(about["dtype"]).str
    return replace(ours, read=RawFiles(paths, starts, ours.n_channels, dtype, int(about["file_offset"])), paths=paths)


@contextmanager
def _bars(verbose: bool) -> Iterator[Progress]:
    """A bar for each step, or nothing."""
    if not verbose:
        yield silent
        return
    bars: dict[str, tqdm] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(desc=f"spikesieve: {stage}", total=total)
        bar = bars[stage]
        bar.total, bar.n = total, done
        bar.refresh()

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
