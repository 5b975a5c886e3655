"""The work on one row, in the process of a worker. It tells the file system how far it has come."""

from __future__ import annotations

import logging
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from spikesieve.api.sort_files import sort_opened
from spikesieve.api.sorting_page.time_left import seconds_left
from spikesieve.api.split import split_result
from spikesieve.batch.rows import Row
from spikesieve.batch.state import Place, Record, RowState, files_now, key_of_row, standing
from spikesieve.engine.executor import Progress, silent
from spikesieve.engine.machine import begin_peak_memory, peak_memory_mb
from spikesieve.engine.stage_times import StageTimes
from spikesieve.errors import InputError, InUseError, OutOfMemoryError, SpikesieveError
from spikesieve.io.recordings.open_input import open_input
from spikesieve.io.results.folder import BATCH_RECORD
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Sorting

logger = logging.getLogger(__name__)

# The state of a row is written this often at most.
TELL_S = 2.0


@dataclass(frozen=True)
class Share:
    """What a row gets of its machine.

    Attributes
    ----------
    n_jobs : int
        Cores.
    memory_bytes : int or None
        Memory; None: what the sort chooses itself.
    overwrite : bool
        Replace another result in its place.
    """

    n_jobs: int = 1
    memory_bytes: int | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Ended:
    """How the work on a row ended. It is small: it travels from the worker.

    Attributes
    ----------
    name : str
        Name of the row.
    state : str
        As in `RowState`.
    why : str
        A sentence.
    host : str
        Where it was.
    """

    name: str
    state: str
    why: str = ""
    host: str = ""


class Teller:
    """A Progress that writes the state of a row every two seconds.

    Parameters
    ----------
    row : Row
        The row.
    place : Place
        Folder of the batch.
    n_jobs : int
        Cores of the sort.
    """

    def __init__(self, row: Row, place: Place, n_jobs: int) -> None:
        self._row, self._place = row, place
        before = place.read_state(row)
        self._before_s = 0.0 if before.state == "done" else before.spent_s
        self._begun_s = self._told_s = time.monotonic()
        self._times = StageTimes()
        self._state = RowState("running", host=socket.gethostname(), pid=os.getpid(), n_jobs=n_jobs)
        self.write("running", "")

    @property
    def spent_s(self) -> float:
        """Time of all attempts in s."""
        return self._before_s + time.monotonic() - self._begun_s

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note how far the work has come."""
        self._times.note(stage, done, total)
        self._state = replace(self._state, step=stage, n_done=done, n_total=total)
        if time.monotonic() - self._told_s >= TELL_S:
            self.write("running", "")

    def write(self, state: str, why: str) -> None:
        """Write the state now.

        Parameters
        ----------
        state : str
            As in `RowState`.
        why : str
            A sentence.
        """
        self._told_s = time.monotonic()
        memory_mb = round(peak_memory_mb(), 1)
        left_s = (seconds_left(self._times.stages) if state == "running" else None) or 0.0
        self._state = replace(
            self._state,
            state=state,
            why=why,
            spent_s=round(self.spent_s, 2),
            left_s=round(left_s, 1),
            memory_mb=memory_mb,
        )
        self._place.write_state(self._row, self._state)


Sorter = Callable[[Row, Share, Teller, Progress], None]


def sort_row(row: Row, place: Place, share: Share, progress: Progress = silent) -> Ended:
    """Sort a row, unless it is done. Errors are part of what is returned; only interruptions pass through.

    Parameters
    ----------
    row : Row
        The row.
    place : Place
        Folder of the batch.
    share : Share
        Cores and memory.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    Ended
        How it ended.
    """
    return work_on(row, place, share, sort_now, progress)


def work_on(row: Row, place: Place, share: Share, sorter: Sorter, progress: Progress = silent) -> Ended:
    """Call a sorter for a row, and turn what it raises into a state.

    Parameters
    ----------
    row, place, share
        As for `sort_row`.
    sorter : callable
        Called with the row, its share, what tells the file system, and the progress.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    Ended
        How it ended.
    """
    begin_peak_memory()
    with _log_of(place.log_file(row)):
        teller = Teller(row, place, share.n_jobs)
        state, why = _tried(row, share, sorter, teller, progress)
        teller.write(state, why)
        logger.info("%s %s", state, why)
    return Ended(row.name, state, why, socket.gethostname())


def sort_now(row: Row, share: Share, teller: Teller, progress: Progress) -> None:
    """Sort a row into its result folder, and split the result if the row says so.

    Parameters
    ----------
    row : Row
        The row.
    share : Share
        Cores and memory.
    teller : Teller
        Tells the file system how far it is.
    progress : callable
        Called with (stage, done, total) as well.

    Raises
    ------
    SpikesieveError
        With a message for the user.
    """
    key = key_of_row(row)
    found = standing(row, key)
    if found == "done":
        return
    record = Record(key, row.cell("files"), n_jobs=share.n_jobs, host=socket.gethostname())
    if found != "begun" or not row.split or not (row.out / BATCH_RECORD).is_file():
        _sort(row, share, teller, progress, record)
    if row.split:
        split_result(row.out, "segment" if row.split == "segment" else "file", row.split_folder, overwrite=True)
        (row.split_folder / BATCH_RECORD).write_text(record.to_json(), encoding="utf-8")


def _sort(row: Row, share: Share, teller: Teller, progress: Progress, record: Record) -> None:
    job = replace(row.job(), overwrite=share.overwrite)
    job = replace(job, n_jobs=job.n_jobs or share.n_jobs)
    if job.memory is None and share.memory_bytes is not None:
        job = replace(job, memory=f"{share.memory_bytes}B")
    opened = open_input(job.files, job.raw, job.probe)
    files = files_now(opened[0].paths)

    def both(stage: str, done: int, total: int) -> None:
        teller(stage, done, total)
        progress(stage, done, total)

    def add_record(folder: Path, sorting: Sorting) -> None:
        spent_s, memory_mb = round(teller.spent_s, 2), round(peak_memory_mb(), 1)
        whole = replace(record, files=files, spent_s=spent_s, memory_mb=memory_mb, n_jobs=job.n_jobs or 1)
        (folder / BATCH_RECORD).write_text(whole.to_json(), encoding="utf-8")

    sort_opened(job, opened, both, logger.info, add_record)


def _tried(row: Row, share: Share, sorter: Sorter, teller: Teller, progress: Progress) -> tuple[str, str]:
    """State and sentence after calling a sorter."""
    try:
        sorter(row, share, teller, progress)
    except InUseError as error:
        return "busy", str(error)
    except (OutOfMemoryError, MemoryError) as error:
        return "failed", str(error) or "There is no memory left."
    except InputError as error:
        gone = [path for path in row.files if not path.exists()]
        return "missing" if gone else "refused", str(error)
    except SpikesieveError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001  one row's defect must not stop the others; its traceback is in the log
        logger.error("%s", traceback.format_exc())
        return "failed", f"{type(error).__name__}: {error}"
    return "done", ""


@contextmanager
def _log_of(path: Path) -> Iterator[None]:
    """The log of a row; later attempts follow earlier ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with run_log(path):
        yield
