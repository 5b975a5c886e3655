"""Handing out rows: what is tried again, what is not, and what is known of each row at the end."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stub_sorts import GB, need, rows

from spikesieve.api.kept_steps import steps_folder
from spikesieve.batch import run as run_module
from spikesieve.batch.clusters import Workers
from spikesieve.batch.estimate import Need
from spikesieve.batch.pool import Task, open_pool
from spikesieve.batch.rows import Row
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.state import Place, RowState
from spikesieve.batch.work import Ended, Share, work_on
from spikesieve.errors import InputError, InUseError, OutOfMemoryError, SettingsError


class HerePool:
    """Does the rows in this process, in the order in which they come, when their end is asked for."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Callable[..., Ended], tuple[Any, ...]]] = deque()
        self.avoided: list[frozenset[str]] = []
        self.most_at_once = 0

    def submit(self, task: Task) -> None:
        self.waiting.append((task.function, task.arguments))
        self.avoided.append(task.avoid)
        self.most_at_once = max(self.most_at_once, len(self.waiting))

    def ended(self, timeout_s: float) -> list[Ended]:
        function, arguments = self.waiting.popleft()
        return [function(*arguments)]


def done(row: Row, share: Share, teller: object, progress: object) -> None:
    (row.out).mkdir(parents=True)


def run(folder: Path, sorter, n: int = 3, pool: HerePool | None = None, **rules: Any) -> Batch:
    batch = Batch(rows(folder, n), Place(folder / "out"), Rules(**rules))

    def of_row(row: Row, place: Place, share: Share) -> Ended:
        return work_on(row, place, share, sorter)

    run_batch(batch, pool or HerePool(), lambda _: None, need, of_row)
    return batch


def test_all_rows_are_done_and_each_has_a_log_and_a_state(tmp_path):
    batch = run(tmp_path, done)
    assert batch.states == {"r0": "done", "r1": "done", "r2": "done"}
    assert (tmp_path / "out" / "logs" / "r0.log").read_text().rstrip().endswith("done")
    assert batch.place.read_state(batch.rows[0]).state == "done"
    assert batch.left_s() == 0.0


@pytest.mark.parametrize(
    ("error", "state", "n_tries"),
    [
        (SettingsError("This is wrong."), "refused", 1),
        (InputError("It has no channels."), "refused", 1),
        (OutOfMemoryError("No memory."), "failed", 3),
        (MemoryError(), "failed", 3),
        (ZeroDivisionError("by zero"), "failed", 3),
    ],
)
def test_faults_are_tried_again_and_errors_of_the_user_are_not(tmp_path, error, state, n_tries):
    tried: list[str] = []

    def sorter(row: Row, *_: object) -> None:
        tried.append(row.name)
        if row.name == "r1":
            raise error

    batch = run(tmp_path, sorter)
    assert batch.states == {"r0": "done", "r1": state, "r2": "done"}
    assert tried.count("r1") == n_tries
    assert str(error) in batch.reasons["r1"]
    log = (tmp_path / "out" / "logs" / "r1.log").read_text()
    assert ("Traceback" in log) == isinstance(error, ZeroDivisionError)


def test_a_row_whose_files_are_gone_is_refused(tmp_path):
    def sorter(row: Row, *_: object) -> None:
        row.files[0].unlink()
        raise InputError("It does not exist.")

    assert run(tmp_path, sorter, 1).states == {"r0": "refused"}


def test_a_machine_that_does_not_see_a_file_is_avoided(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "BUSY_S", 0.5)
    seen, begun_s = [], time.monotonic()

    def of_row(row: Row, place: Place, share: Share) -> Ended:
        seen.append(row.name)
        return Ended(row.name, "missing", "It does not exist.", "far") if len(seen) == 1 else Ended(row.name, "done")

    pool, batch = HerePool(), Batch(rows(tmp_path, 1), Place(tmp_path / "out"))
    run_batch(batch, pool, lambda _: None, need, of_row)
    assert batch.states == {"r0": "done"}
    assert pool.avoided == [frozenset(), frozenset({"far"})]
    # Another machine gets the time to come up.
    assert time.monotonic() - begun_s >= 0.5


def test_a_row_that_another_process_sorts_waits_and_costs_no_try(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "BUSY_S", 0.0)
    tried = []

    def sorter(row: Row, *_: object) -> None:
        tried.append(row.name)
        if len(tried) < 5:
            raise InUseError("Process 7 works there.")

    assert run(tmp_path, sorter, 1, retries=0).states == {"r0": "done"}


def killed_with(kept: list[int]) -> Callable[[Row, Place, Share], Ended]:
    """A worker that is killed when it has kept these numbers of bytes, one after another, and then is not."""
    left = deque(kept)

    def of_row(row: Row, place: Place, share: Share) -> Ended:
        if not left:
            return Ended(row.name, "done")
        unfinished = steps_folder(row.out) / "match-1.unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        (unfinished / "sample.npy").write_bytes(bytes(left.popleft()))
        return Ended(row.name, "killed", "Ended from outside.")

    return of_row


@pytest.mark.parametrize(
    ("kept", "state"),
    [([1, 2, 3, 4, 5, 6], "done"), ([1, 1, 2, 2, 3], "done"), ([5, 5, 5], "failed"), ([5, 4, 3], "failed")],
)
def test_a_killed_row_goes_on_as_long_as_it_gets_further(tmp_path, kept, state):
    batch = Batch(rows(tmp_path, 1), Place(tmp_path / "out"), Rules(retries=2))
    run_batch(batch, HerePool(), lambda _: None, need, killed_with(kept))
    assert batch.states == {"r0": state}


def test_rows_of_one_machine_stay_below_its_memory(tmp_path):
    pool = HerePool()
    run(tmp_path, done, 6, pool, n_workers=6, memory_bytes=3 * GB + 1)
    assert pool.most_at_once == 3
    pool = HerePool()
    (tmp_path / "second").mkdir()
    run(tmp_path / "second", done, 3, pool, n_workers=6, memory_bytes=GB // 2)
    assert pool.most_at_once == 1


def test_a_row_that_cannot_be_opened_is_refused_and_stops_no_other(tmp_path):
    def look(row: Row, n_jobs: int) -> Need:
        if row.name == "r1":
            raise InputError("It is cut short.")
        return need(row, n_jobs)

    batch = Batch(rows(tmp_path, 3), Place(tmp_path / "out"))
    run_batch(batch, HerePool(), lambda _: None, look, lambda row, place, share: Ended(row.name, "done"))
    assert batch.states == {"r0": "done", "r1": "refused", "r2": "done"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"state": 3, "n_done": "x"}', '{"unknown": 1}'])
def test_a_damaged_state_counts_as_none(tmp_path, text):
    (row,), place = rows(tmp_path, 1), Place(tmp_path / "out")
    place.write_state(row, RowState("running", step="match"))
    place.state_file(row).write_text(text)
    assert place.read_state(row) == RowState()
    place.state_file(row).write_text(json.dumps({"state": "running", "spent_s": 3.5}))
    assert place.read_state(row) == RowState("running", spent_s=3.5)


def test_a_batch_of_which_all_is_done_needs_no_dask(tmp_path, monkeypatch):
    def missing(name: str) -> None:
        raise SettingsError(f"{name} is not installed")

    monkeypatch.setattr("spikesieve.batch.pool.module", missing)
    batch = Batch((), Place(tmp_path / "out"), Rules(2))
    with open_pool(Workers()) as pool:
        run_batch(batch, pool, lambda _: None)
    assert batch.counts()["waiting"] == 0


def test_a_batch_is_shown_about_once_a_second_however_fast_its_rows_end(tmp_path, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(run_module.time, "monotonic", lambda: 0.05 * next(clock))
    shown: list[int] = []
    batch = Batch(rows(tmp_path, 100), Place(tmp_path / "out"))
    done_before, ended = batch.rows[:50], lambda row, place, share: Ended(row.name, "done")
    monkeypatch.setattr(run_module, "standing", lambda row, key: "done" if row in done_before else "waiting")
    run_batch(batch, HerePool(), lambda batch: shown.append(len(batch.states)), need, ended)
    # Also while rows are passed over that were done before, and at the end.
    assert 2 < len(shown) < 20
    assert 0 < shown[1] < 50
    assert shown[-1] == 100
