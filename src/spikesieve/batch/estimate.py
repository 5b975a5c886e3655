"""What a row will need: time, memory and disk, from the length of its recording and its contacts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spikesieve.api.choice import chosen_input
from spikesieve.api.sort import Resources, memory_plan
from spikesieve.api.sort_files import Job
from spikesieve.batch.rows import Row
from spikesieve.io.recordings.open_input import open_input

# Processor time of a sort with the method sieve, for each contact and second: 2.5 to 4.2 ms in
# docs/benchmarks/performance.md.
_CORE_S_PER_CONTACT_S, _START_S = 3.0e-3, 5.0
# Spikes of a contact in a second, and bytes of a spike: features twice (steps and result), and 150 of three steps.
_CONTACT_HZ, _SPIKE_BYTES = 4.0, 950
# Memory that is asked for, as a multiple of the plan: the plan is within 30 % of what is used.
_MARGIN = 1.3
_GB = 1_000_000_000


@dataclass(frozen=True)
class Need:
    """What a row needs.

    Attributes
    ----------
    recording_s : float
        Length of the recording in s.
    n_contacts : int
        Contacts that are sorted.
    core_s : float
        Estimated processor time in s.
    memory_bytes : int
        Memory to ask for.
    disk_bytes : int
        Disk that steps and result take together at most.
    """

    recording_s: float
    n_contacts: int
    core_s: float
    memory_bytes: int
    disk_bytes: int

    @property
    def memory_gb(self) -> int:
        """Whole GB, as a power of two: rows of like size share workers."""
        return int(2 ** math.ceil(math.log2(max(1.0, self.memory_bytes / _GB))))


def need_of(row: Row, n_jobs: int) -> Need:
    """Look at the recording of a row. Reads headers, not samples.

    Parameters
    ----------
    row : Row
        The row.
    n_jobs : int
        Cores of the sort.

    Returns
    -------
    Need
        The estimate.

    Raises
    ------
    SpikesieveError
        The recording cannot be opened, or the memory that the row allows is too low.
    """
    return need_of_job(row.job(), n_jobs)


def need_of_job(job: Job, n_jobs: int) -> Need:
    """Look at the recording of a job.

    Parameters
    ----------
    job : Job
        The job.
    n_jobs : int
        Cores of the sort.

    Returns
    -------
    Need
        The estimate.

    Raises
    ------
    SpikesieveError
        As `need_of`.
    """
    recording, probe, _ = open_input(job.files, job.raw, job.probe)
    recording, probe, _ = chosen_input(recording, probe, job.settings.input)
    # As if the machine had any memory: where the row is sorted is not known yet.
    plan = memory_plan(recording, probe, job.settings, Resources(n_jobs, job.memory or "1000TB"))
    contact_s = probe.n_contacts * recording.duration_s
    return Need(
        recording_s=recording.duration_s,
        n_contacts=probe.n_contacts,
        core_s=_START_S + _CORE_S_PER_CONTACT_S * contact_s,
        memory_bytes=math.ceil(_MARGIN * plan.total_bytes),
        disk_bytes=math.ceil(_CONTACT_HZ * contact_s * _SPIKE_BYTES),
    )
