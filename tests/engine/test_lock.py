"""One process at a time works in a folder; that of a dead one is taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from spikesieve.engine import lock
from spikesieve.engine.lock import LOCK, OWNER, Lock, Owner, read_owner
from spikesieve.errors import InUseError

HOLD = """
import sys, time
from pathlib import Path
from spikesieve.engine.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that works in the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def left_by(folder, **facts) -> None:
    """The file of an owner who is gone, or on another machine."""
    owner = replace(Owner.this_process(), **facts)
    (folder / OWNER).write_text(json.dumps(asdict(owner)))


def test_the_second_process_is_told_who_works_there(tmp_path, other):
    with pytest.raises(InUseError, match=rf"Process {other.pid} on .*, since .*, works in {tmp_path}"):
        Lock(tmp_path).acquire()


def test_the_lock_of_a_killed_process_is_taken_over_at_once(tmp_path, other):
    other.kill()
    other.wait()
    assert read_owner(tmp_path).pid == other.pid
    with Lock(tmp_path):
        assert read_owner(tmp_path).pid == os.getpid()
    assert read_owner(tmp_path) is None


def test_two_sorts_of_one_process_exclude_each_other(tmp_path):
    with Lock(tmp_path), pytest.raises(InUseError):
        Lock(tmp_path).acquire()
    with Lock(tmp_path):
        pass


def test_a_process_number_that_is_used_again_is_no_obstacle(tmp_path):
    left_by(tmp_path, process_start=1.0)
    with Lock(tmp_path):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the start of a process is known by the clock only")
def test_a_clock_that_jumps_makes_no_process_a_dead_one(tmp_path, other, monkeypatch):
    monkeypatch.setattr(lock, "_locked", lambda file: True)
    created = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 3600.0)
    with pytest.raises(InUseError):
        Lock(tmp_path).acquire()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_taken_away_is_given_back_without_an_error(tmp_path):
    with Lock(tmp_path):
        tmp_path.chmod(0o500)
    tmp_path.chmod(0o700)
    with Lock(tmp_path):
        pass


def test_a_file_of_the_owner_that_cannot_be_removed_is_no_error(tmp_path, monkeypatch):
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patched:
        held = Lock(tmp_path)
        held.acquire()
        patched.setattr(Path, "unlink", refuse)
        held.release()
    with Lock(tmp_path):
        pass


def test_on_a_system_without_locks_the_process_is_looked_for(tmp_path, other, monkeypatch):
    monkeypatch.setattr(lock, "_locked", lambda file: True)
    with pytest.raises(InUseError):
        Lock(tmp_path).acquire()
    other.kill()
    other.wait()
    with Lock(tmp_path):
        pass


def test_an_owner_on_another_machine_lives_as_long_as_its_file_is_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_S", 0.3)
    monkeypatch.setattr(lock, "BEAT_S", 0.01)
    left_by(tmp_path, machine="another")
    # A clock that jumped says nothing: only changes count.
    os.utime(tmp_path / OWNER, (4e9, 4e9))
    touched = iter([1, 1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(lock, "_changed_ns", lambda path: next(touched))
        with pytest.raises(InUseError):
            Lock(tmp_path).acquire()
    with Lock(tmp_path):
        assert read_owner(tmp_path).machine != "another"


def test_an_owner_touches_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_S", 0.01)
    with Lock(tmp_path):
        os.utime(tmp_path / OWNER, (1.0, 1.0))
        patience = time.monotonic() + 30
        while (tmp_path / OWNER).stat().st_mtime == 1.0 and time.monotonic() < patience:
            time.sleep(0.01)
        assert (tmp_path / OWNER).stat().st_mtime > 1.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "\x00"])
def test_a_damaged_owner_is_none(tmp_path, text):
    (tmp_path / OWNER).write_text(text)
    assert read_owner(tmp_path) is None
    with Lock(tmp_path):
        assert read_owner(tmp_path) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK]
