"""Sorts that wait, run or have ended, as folders on disk, so that they outlive every program that shows them.

A job is a folder with `job.json` (what to do), `progress.json` (written by `spikesieve sort --progress-file`),
`output.txt` (what it printed) and, once somebody stopped it, `stopped`. One that goes on has its progress and its
`stopped` in a new folder, so that what is left of its earlier process writes nothing about the new one.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from spikesieve.errors import InputError, OutputError
from spikesieve.io.processes import ask_to_end, let_go_on, living, make_rest, rests
from spikesieve.io.tail import tail

JOB, PROGRESS, OUTPUT, STOPPED = "job.json", "progress.json", "output.txt", "stopped"
WAITING, RUNNING, PAUSED, STOPPING = "waiting", "running", "paused", "stopping"
DONE, FAILED, ENDED = "done", "failed", "ended"
IN_PROGRESS = (RUNNING, PAUSED, STOPPING)
BY_SIGNAL = {130, 143}


@dataclass(frozen=True)
class Job:
    """A sort that somebody asked for.

    Attributes
    ----------
    name : str
        What people call it.
    inputs : tuple of str
        The files or folders of the recording.
    out : str
        The result folder.
    arguments : tuple of str
        Arguments of `spikesieve`, the first one "sort".
    added : str
        When it was asked for.
    """

    name: str
    inputs: tuple[str, ...]
    out: str
    arguments: tuple[str, ...]
    added: str


class Jobs:
    """The jobs of a folder.

    Parameters
    ----------
    folder : Path
        Where they are; it is made.

    Raises
    ------
    OutputError
        It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, Job] = {}
        self._progress: dict[Path, tuple[int, dict[str, Any] | None]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutputError(f"{folder}, which keeps the list of sorts, cannot be made: {error.strerror}.") from error

    def add(self, name: str, inputs: tuple[str, ...], out: str, arguments: tuple[str, ...]) -> str:
        """Let a sort wait for its turn.

        Parameters
        ----------
        name : str
            What people call it.
        inputs : tuple of str
            The files or folders of the recording.
        out : str
            The result folder.
        arguments : tuple of str
            Arguments of `spikesieve`.

        Returns
        -------
        str
            Its key. Keys are in the order in which jobs were added.

        Raises
        ------
        OutputError
            A job for this result waits or runs already, or the disk is full.
        """
        for key, state in self.states().items():
            if state in (WAITING, *IN_PROGRESS) and self.read(key).out == out:
                raise OutputError(f"A sort into {out} is in the list already. Choose another result folder.")
        now = datetime.now().astimezone()
        key = f"{now.strftime('%Y%m%d-%H%M%S-%f')}-{secrets.token_hex(2)}"
        job = Job(name, inputs, out, arguments, now.isoformat(timespec="seconds"))
        # Complete from the first moment: another process may look for jobs right now.
        new = self.folder / f".{key}"
        try:
            new.mkdir()
            (new / JOB).write_text(json.dumps(asdict(job)), encoding="utf-8")
            new.rename(self.folder / key)
        except OSError as error:
            raise OutputError(f"The sort cannot be added to {self.folder}: {error.strerror}.") from error
        return key

    def listed(self) -> tuple[str, ...]:
        """List the jobs.

        Returns
        -------
        tuple of str
            Their keys, the first added first.
        """
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{JOB}")))

    def outs(self) -> set[str]:
        """Collect where results go.

        Returns
        -------
        set of str
            The result folder of each job.
        """
        return {self.read(key).out for key in self.states()}

    def place(self, key: str) -> Path:
        """Find the folder of a job.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            There is no such job.
        """
        if key != Path(key).name or key.startswith(".") or not (self.folder / key / JOB).is_file():
            raise InputError("There is no such sort any more.")
        return self.folder / key

    def read(self, key: str) -> Job:
        """Read what a job is.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        Job
            What to do.

        Raises
        ------
        InputError
            There is no such job.
        """
        place = self.place(key)
        if key not in self._read:  # it never changes
            facts = json.loads((place / JOB).read_text(encoding="utf-8"))
            inputs, arguments = tuple(facts["inputs"]), tuple(facts["arguments"])
            self._read[key] = Job(facts["name"], inputs, facts["out"], arguments, facts["added"])
        return self._read[key]

    def turn(self, key: str) -> Path:
        """Find the folder of what a job does now, or did last.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        Path
            The folder of the job; one in it if the job was stopped and goes on.
        """
        place = self.place(key)
        later = [int(path.name) for path in place.iterdir() if path.name.isdecimal()]
        return place / str(max(later)) if later else place

    def progress(self, key: str) -> dict[str, Any] | None:
        """Read how far a job is.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        dict or None
            What `spikesieve sort --progress-file` wrote; None before it began.
        """
        path = self.turn(key) / PROGRESS
        try:
            written = path.stat().st_mtime_ns
            known = self._progress.get(path)
            if known is None or known[0] != written:
                found = json.loads(path.read_text(encoding="utf-8"))
                known = self._progress[path] = written, found if isinstance(found, dict) else None
        except (OSError, ValueError):
            return None
        return known[1]

    def state(self, key: str) -> str:
        """Tell what a job does.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        {"waiting", "running", "paused", "stopping", "done", "failed", "ended"}
            "failed": with an error. "ended": somebody stopped it, or it was killed; it can go on.
        """
        progress, was_stopped = self.progress(key), self.was_stopped(key)
        if progress is None:
            return ENDED if was_stopped else WAITING
        status = progress.get("ended")
        if status is None:
            process = living(progress.get("owner"))
            if process is None:
                return ENDED
            return STOPPING if was_stopped else PAUSED if rests(process) else RUNNING
        if status == 0:
            return DONE
        return ENDED if was_stopped or status in BY_SIGNAL or status < 0 else FAILED

    def was_stopped(self, key: str) -> bool:
        """Tell whether somebody asked a job to end.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        bool
            Whether somebody did, since it began or went on.
        """
        return (self.turn(key) / STOPPED).exists()

    def states(self) -> dict[str, str]:
        """Tell what each job does.

        Returns
        -------
        dict of str to str
            State by key, the first added first.
        """
        found = {}
        for key in self.listed():
            with suppress(InputError):  # removed meanwhile
                found[key] = self.state(key)
        return found

    def output(self, key: str) -> str:
        """Read the end of what a job printed.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        str
            At most 64 kB; empty before it began.
        """
        return tail(self.place(key) / OUTPUT)

    def stop(self, key: str) -> None:
        """Ask a job to end, or take it out of those that wait. What is finished of it stays.

        Parameters
        ----------
        key : str
            Its key.
        """
        (self.turn(key) / STOPPED).touch()
        process = self._living(key)
        if process is not None:
            ask_to_end(process)

    def pause(self, key: str) -> None:
        """Let a job rest. It keeps its memory, and goes on at once with `resume`.

        Parameters
        ----------
        key : str
            Its key.

        Raises
        ------
        InputError
            It does not run.
        """
        process = self._living(key)
        if process is None or self.state(key) != RUNNING:
            raise InputError("That sort does not run.")
        make_rest(process)

    def resume(self, key: str) -> None:
        """Let a job go on that was paused.

        Parameters
        ----------
        key : str
            Its key.
        """
        process = self._living(key)
        if process is not None:
            let_go_on(process)

    def wait_again(self, key: str) -> None:
        """Let a job that has ended wait for its turn once more. It goes on where it was.

        Parameters
        ----------
        key : str
            Its key.

        Raises
        ------
        InputError
            It waits or runs.
        """
        if self.state(key) in (WAITING, *IN_PROGRESS):
            raise InputError("That sort is in progress.")
        place, last = self.place(key), self.turn(key)
        (place / str(1 if last == place else int(last.name) + 1)).mkdir(exist_ok=True)

    def forget(self, key: str) -> None:
        """Take a job out of the list. Its result and what is finished of it stay.

        Parameters
        ----------
        key : str
            Its key.

        Raises
        ------
        InputError
            It runs.
        """
        if self.state(key) in IN_PROGRESS:
            raise InputError("That sort is in progress. Stop it first.")
        shutil.rmtree(self.place(key), ignore_errors=True)

    def next_waiting(self) -> str | None:
        """Find the job whose turn it is.

        Returns
        -------
        str or None
            The first that waits; None if none does.
        """
        return next((key for key, state in self.states().items() if state == WAITING), None)

    def running(self) -> str | None:
        """Find the job that runs.

        Returns
        -------
        str or None
            None if none does.
        """
        return next((key for key, state in self.states().items() if state in IN_PROGRESS), None)

    def _living(self, key: str) -> psutil.Process | None:
        """The process of a job, if there is one."""
        progress = self.progress(key)
        return None if progress is None or progress.get("ended") is not None else living(progress.get("owner"))
