"""Sorts that take no time, for workers in other processes."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from spikesieve.batch.estimate import Need
from spikesieve.batch.rows import Row, make_row
from spikesieve.batch.state import Place, Record, files_now, key_of_row
from spikesieve.batch.work import Ended, Share, Sorter, Teller, sort_now, work_on
from spikesieve.engine.executor import Progress
from spikesieve.errors import InputError
from spikesieve.io.results.folder import BATCH_RECORD, RESULT_MARKER

GB = 1_000_000_000


def rows(folder: Path, n: int, out: Path | None = None) -> tuple[Row, ...]:
    """Rows whose files exist."""
    made = []
    for number in range(n):
        (folder / f"r{number}.bin").write_bytes(b"")
        made.append(make_row({"files": f"r{number}.bin"}, folder, out or folder / "out"))
    return tuple(made)


def need(row: Row, n_jobs: int) -> Need:
    """What every stub needs."""
    return Need(60.0, 4, 10.0, GB, GB)


def nothing(row: Row, place: Place, share: Share) -> Ended:
    """Do nothing but what every row does: its state and its log."""
    return work_on(row, place, share, _nothing)


def waits(seconds: float, result: Path, row: Row, place: Place, share: Share) -> Ended:
    """Wait, instead of sorting, and leave the facts of another result."""

    def wait(row: Row, *_: object) -> None:
        time.sleep(seconds)
        row.out.mkdir(parents=True)
        shutil.copy(result / RESULT_MARKER, row.out)
        record = Record(key_of_row(row), row.cell("files"), files_now([str(path) for path in row.files]))
        (row.out / BATCH_RECORD).write_text(record.to_json())

    return work_on(row, place, share, _timed(wait, place))


def timed(row: Row, place: Place, share: Share) -> Ended:
    """Sort a row."""
    return work_on(row, place, share, _timed(sort_now, place))


def _timed(sorter: Sorter, place: Place) -> Sorter:
    """A sorter that writes its process, begin and end beside the log."""

    def sort(row: Row, *more: Any) -> None:
        begun_s = time.monotonic()
        sorter(row, *more)
        place.log_file(row).with_suffix(".times").write_text(f"{os.getpid()} {begun_s} {time.monotonic()}")

    return sort


def level_of_tracebacks() -> int:
    """Level from which a worker prints what its event loop met."""
    return logging.getLogger("tornado.application").getEffectiveLevel()


def kills_its_worker(row: Row, place: Place, share: Share) -> Ended:
    """End the process of the worker at the first try of the row r1."""
    return work_on(row, place, share, _kill_once)


def needs_its_files(row: Row, place: Place, share: Share) -> Ended:
    """Refuse a row whose files are not there."""
    return work_on(row, place, share, _need_files)


def _need_files(row: Row, share: Share, teller: Teller, progress: Progress) -> None:
    _count(row.out.with_suffix(".tries"))
    for path in row.files:
        if not path.exists():
            raise InputError(f"{path} does not exist.")


def _nothing(row: Row, share: Share, teller: Teller, progress: Progress) -> None:
    pass


def _kill_once(row: Row, share: Share, teller: Teller, progress: Progress) -> None:
    tries = row.out.with_suffix(".tries")
    n = _count(tries)
    if row.name == "r1" and n == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def _count(path: Path) -> int:
    """Add one to the number of tries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size
