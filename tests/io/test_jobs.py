"""The list of sorts on disk, in every state it can be found in."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from spikesieve.engine.lock import Owner
from spikesieve.errors import InputError, OutputError
from spikesieve.io.jobs import PROGRESS, STOPPED, Jobs


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "sorts")


def add(jobs: Jobs, out: str = "/data/sorted") -> str:
    return jobs.add("day", ("/data/day.bin",), out, ("sort", "/data/day.bin", f"--out={out}"))


def progress(jobs: Jobs, key: str, owner: Owner | None, ended: int | None) -> None:
    facts = {"owner": asdict(owner) if owner else None, "ended": ended, "stages": []}
    (jobs.place(key) / PROGRESS).write_text(json.dumps(facts))


def dead() -> Owner:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return Owner(**{**asdict(Owner.this_process()), "pid": ended.pid, "process_start": 1.0})


@pytest.mark.parametrize(
    ("ended", "was_stopped", "state"),
    [
        *((0, False, "done"), (2, False, "failed"), (1, False, "failed"), (130, False, "ended")),
        *((-9, False, "ended"), (0, True, "done"), (2, True, "ended"), (None, False, "ended")),
    ],
)
def test_the_state_of_one_that_is_over(jobs: Jobs, ended: int | None, was_stopped: bool, state: str) -> None:
    key = add(jobs)
    progress(jobs, key, dead(), ended)
    if was_stopped:
        (jobs.place(key) / STOPPED).touch()
    assert jobs.state(key) == state
    assert jobs.running() is None
    assert jobs.next_waiting() is None


def test_one_that_runs(jobs: Jobs) -> None:
    key = add(jobs)
    assert jobs.state(key) == "waiting"
    progress(jobs, key, Owner.this_process(), None)
    assert jobs.state(key) == "running"
    (jobs.place(key) / STOPPED).touch()
    assert jobs.state(key) == "stopping"
    assert jobs.running() == key
    for act in (jobs.forget, jobs.wait_again):
        with pytest.raises(InputError):
            act(key)


def test_a_process_of_another_machine_or_a_damaged_file_is_not_running(jobs: Jobs) -> None:
    key = add(jobs)
    progress(jobs, key, Owner(**{**asdict(Owner.this_process()), "machine": "another"}), None)
    assert jobs.state(key) == "ended"
    (jobs.place(key) / PROGRESS).write_text('{"owner": {"pid": "x"}, "ended": null}')
    assert jobs.state(key) == "ended"
    (jobs.place(key) / PROGRESS).write_text("{")
    assert jobs.state(key) == "waiting"


def test_they_take_their_turns_in_order_and_go_on(jobs: Jobs) -> None:
    first, second = add(jobs, "/data/a"), add(jobs, "/data/b")
    assert jobs.next_waiting() == first
    jobs.stop(first)
    assert jobs.state(first) == "ended"
    assert jobs.next_waiting() == second
    jobs.wait_again(first)
    assert jobs.next_waiting() == first
    jobs.forget(first)
    assert jobs.listed() == (second,)
    with pytest.raises(InputError):
        jobs.read(first)


def test_two_sorts_into_one_folder_are_refused(jobs: Jobs) -> None:
    add(jobs)
    with pytest.raises(OutputError, match="Choose another"):
        add(jobs)


@pytest.mark.parametrize("key", ["..", "../sorts", "/etc", "", ".", "a/b"])
def test_a_key_is_no_path(jobs: Jobs, key: str) -> None:
    add(jobs)
    with pytest.raises(InputError):
        jobs.place(key)
