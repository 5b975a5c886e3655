"""Several probes that recorded together are sorted one after another, each into a folder of its own."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from spikesieve.api.sort_files import Job
from spikesieve.errors import OutputError
from spikesieve.io.finished_folder import require_free
from spikesieve.io.recordings.open_input import open_recording
from spikesieve.io.recordings.registry import probes_recorded_together, recognise
from spikesieve.io.results.folder import RESULT, RESULT_MARKER
from spikesieve.io.results.provenance import to_json
from spikesieve.io.results.read import read_provenance


def jobs_of_probes(job: Job) -> tuple[Job, ...]:
    """Make a job for each probe of the files.

    Parameters
    ----------
    job : Job
        Files, settings and the result folder.

    Returns
    -------
    tuple of Job
        The job itself if there is one probe or `job.raw.stream` is given; else one for each probe, in the order of
        their names, into `probe_0`, `probe_1` ... of the folder.

    Raises
    ------
    InputError
        A file is missing or damaged.
    OutputError
        The folder holds another result.
    """
    first = recognise(job.files[0], job.raw.format) if job.raw.stream is None and job.files else None
    names = probes_recorded_together(first) if first is not None else ()
    if not names:
        return (job,)
    if (job.out / RESULT_MARKER).exists():
        raise OutputError(
            f"{job.files[0]} holds {len(names)} probes, each of which gets a folder in {job.out}, but that is the "
            "result of one. Choose another place with --out, or one probe with --stream."
        )
    jobs = tuple(
        replace(job, out=job.out / f"probe_{number}", raw=replace(job.raw, stream=name))
        for number, name in enumerate(names)
    )
    for each in jobs:
        if not is_done(each):
            require_free(each.out, RESULT, each.overwrite)
    return jobs


def is_done(job: Job) -> bool:
    """Tell whether the result of a job is there, from an earlier run that was stopped at a later probe.

    Parameters
    ----------
    job : Job
        The job of one probe.

    Returns
    -------
    bool
        False also if the result is to be replaced, or was made from other files or with other settings.
    """
    if job.overwrite or not (job.out / RESULT_MARKER).is_file():
        return False
    facts = read_provenance(job.out)
    files = [
        os.path.abspath(path) for path in open_recording(job.files, job.raw, job.probe is not None).recording.paths
    ]
    same_files = [each["path"] for each in facts["inputs"]][: len(files)] == files
    return same_files and facts["settings"] == json.loads(to_json(job.settings.model_dump()))
