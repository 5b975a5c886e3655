"""Jobs of a scheduler that end before their worker reports: where Python or a module of it cannot be loaded."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikesieve.errors import OutputError

# Jobs that may end like this before it is an error, as long as no worker has reported.
TRIES = 3
_NUMBER = "${SLURM_JOB_ID:-${PBS_JOBID:-${LSB_JOBID:-$JOB_ID}}}"
_ENDED = "ended"


def noted_end(folder: str) -> str:
    """Write the first line of a job: it notes the end of the job in a file, unless the job is killed.

    Parameters
    ----------
    folder : str
        Folder of what jobs print.

    Returns
    -------
    str
        A line of a shell.
    """
    return f"trap 'touch {shlex.quote(folder)}/\"{_NUMBER}\".{_ENDED}' EXIT"


@dataclass
class Jobs:
    """Watches the jobs of one cluster.

    Attributes
    ----------
    folder : Path
        Folder of what they print, and of the notes of their ends.
    """

    folder: Path
    _reported: set[str] = field(default_factory=set)
    _lost: set[str] = field(default_factory=set)

    def without_worker(self, cluster: Any) -> list[Any]:
        """Find the workers whose job has ended before they reported, so that they can be started anew.

        Parameters
        ----------
        cluster : dask_jobqueue.JobQueueCluster
            The cluster.

        Returns
        -------
        list
            Names of workers.

        Raises
        ------
        OutputError
            Three jobs ended like this, and no worker has ever reported.
        """
        numbers = {name: str(job.job_id) for name, job in cluster.workers.items() if job.job_id is not None}
        here = {worker["name"] for worker in cluster.scheduler_info["workers"].values()}
        self._reported |= {number for name, number in numbers.items() if name in here}
        # A number may have the name of its server behind it: 7.server.
        ended = {path.name.partition(".")[0]: path for path in self.folder.glob(f"*.{_ENDED}")}
        lost = {name: number for name, number in numbers.items() if number in ended.keys() - self._reported}
        self._lost |= set(lost.values())
        if not self._reported and len(self._lost) >= TRIES:
            raise OutputError(
                f"{len(self._lost)} jobs ended before their worker reported to this process. The last one printed: "
                f"{self._last_line(lost.values())} Correct what is done before a worker starts (--prologue) and the "
                f"Python that is used; {self.folder} has all that jobs print."
            )
        return list(lost)

    def _last_line(self, numbers: Iterable[str]) -> str:
        """The last line that any of these jobs printed."""
        printed = [
            path for number in numbers for path in self.folder.glob(f"*{number}*") if path.suffix != f".{_ENDED}"
        ]
        texts = [path.read_text(errors="replace").strip() for path in printed]
        return next((text.splitlines()[-1] for text in texts if text), "nothing.")
