"""Runs the sorts that wait, one after another, in processes that need neither the page nor its server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from spikesieve.engine.lock import Lock, Owner
from spikesieve.errors import InputError, InUseError
from spikesieve.io.jobs import OUTPUT, PROGRESS, Jobs

LOG = "queue.log"
LOOK_EVERY_S = 0.5
PYTHON = (sys.executable, "-m")


def start_queue(folder: Path) -> None:
    """Start a process that runs the jobs of a folder. It ends at once if there is one already.

    Parameters
    ----------
    folder : Path
        The folder of the jobs.
    """
    _detached((*PYTHON, "spikesieve.api.sort_queue", str(folder)), folder / LOG)


def run_queue(folder: Path) -> None:
    """Run the jobs of a folder until none waits. Returns at once if another process does it.

    Parameters
    ----------
    folder : Path
        The folder of the jobs.
    """
    jobs = Jobs(folder)
    try:
        while True:
            with Lock(folder):
                while _one_more(jobs):
                    pass
            # One that was added just before the lock was given back found it taken.
            if jobs.next_waiting() is None:
                return
    except InUseError:
        return


def _one_more(jobs: Jobs) -> bool:
    """Run the next job, or wait for one that an earlier process of this kind started."""
    if jobs.running() is not None:
        time.sleep(LOOK_EVERY_S)
        return True
    key = jobs.next_waiting()
    if key is None:
        return False
    try:
        _run_job(jobs, key)
    except (InputError, FileNotFoundError):
        # Others still wait if somebody removed this one from the list meanwhile.
        if key in jobs.listed():
            raise
    return True


def _run_job(jobs: Jobs, key: str) -> None:
    # When the process has ended, the job may wait again already: its notes go where they belong.
    path = jobs.turn(key) / PROGRESS
    words = (*PYTHON, "spikesieve", *jobs.read(key).arguments, f"--progress-file={path}")
    process = _detached(words, jobs.place(key) / OUTPUT)
    _note_start(path, process.pid)
    if jobs.was_stopped(key):  # before there was a process that could be told
        jobs.stop(key)
    _note_end(path, process.wait())


def _note_start(path: Path, pid: int) -> None:
    """Write which process sorts: it needs a moment until it can say so itself."""
    with suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        json.dump({"owner": asdict(Owner.of_process(pid)), "ended": None, "stages": []}, file)


def _note_end(path: Path, status: int) -> None:
    """Write how a sort ended that could not say it itself."""
    progress = json.loads(path.read_text(encoding="utf-8"))
    if progress["ended"] is None:
        path.write_text(json.dumps({**progress, "ended": status}), encoding="utf-8")


def _detached(words: tuple[str, ...], output: Path) -> subprocess.Popen[bytes]:
    """Start a process that goes on when this one ends, and is not reached by its Ctrl-C."""
    windows = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    with output.open("ab") as file:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=windows,
        )


if __name__ == "__main__":
    run_queue(Path(sys.argv[1]))
