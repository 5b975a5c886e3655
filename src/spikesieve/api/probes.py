"""Several probes that recorded together are sorted one after another, each into a folder of its own."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from spikesieve.api.sort_files import Job
from spikesieve.errors import OutputError
from spikesieve.io.finished_folder import require_free
from spikesieve.io.probes.files import contacts_of_group
from spikesieve.io.recordings.open_input import open_recording
from spikesieve.io.recordings.registry import probes_recorded_together, recognise
from spikesieve.io.results.folder import RESULT, RESULT_MARKER
from spikesieve.io.results.provenance import to_json
from spikesieve.io.results.read import read_provenance

# Contacts of a tetrode.
TETRODE = 4


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
        their names, or of the probes of a group, into `probe_0`, `probe_1` ... of the folder.

    Raises
    ------
    InputError
        A file is missing or damaged.
    OutputError
        The folder holds another result.
    """
    first = recognise(job.files[0], job.raw.format) if job.raw.stream is None and job.files else None
    names = probes_recorded_together(first) if first is not None else ()
    group = () if names or job.probe is None else probes_of_group(job.probe)
    if not names and not group:
        return (job,)
    if (job.out / RESULT_MARKER).exists():
        raise OutputError(
            f"{job.files[0]} holds {len(names or group)} probes, each of which gets a folder in {job.out}, but that is "
            f"the result of one. Choose another place with --out, or one probe with "
            f"{'--stream' if names else f'--probe {group[0]}'}."
        )
    each_probe = [replace(job, raw=replace(job.raw, stream=name)) for name in names]
    each_probe += [replace(job, probe=spec) for spec in group]
    jobs = tuple(replace(each, out=job.out / f"probe_{number}") for number, each in enumerate(each_probe))
    for each in jobs:
        if not is_done(each):
            require_free(each.out, RESULT, each.overwrite)
    return jobs


def probes_of_group(spec: str) -> tuple[str, ...]:
    """List the probes of a group of probeinterface that are sorted one after another.

    Parameters
    ----------
    spec : str
        Probe file or name.

    Returns
    -------
    tuple of str
        `group.json#0`, `group.json#1` ...; empty if there is one probe, or if all are tetrodes or smaller: these have
        too few contacts for a common reference and are sorted together, each as a shank.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    sizes = contacts_of_group(Path(spec))
    if len(sizes) < 2 or max(sizes) <= TETRODE:
        return ()
    return tuple(f"{spec}#{number}" for number in range(len(sizes)))


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
