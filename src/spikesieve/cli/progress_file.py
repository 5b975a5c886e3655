"""How far a sort is, in a file that other programs read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spikesieve.engine.executor import Progress

EVERY_S = 0.5
"""The file is written at most this often."""


class ProgressFile:
    """Writes each stage, how much of it is done and the memory into a file. The file is always complete.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        from spikesieve.engine.lock import Owner
        from spikesieve.engine.stage_times import StageTimes

        self._path = path
        self._times = StageTimes()
        self._written_s = 0.0
        self._facts: dict[str, Any] = {"owner": asdict(Owner.this_process()), "began_s": time.time(), "ended": None}
        self._write()

    def watched(self, progress: Progress) -> Progress:
        """Write what is reported.

        Parameters
        ----------
        progress : Progress
            Shows the progress.

        Returns
        -------
        Progress
            The same, and it is written.
        """

        def report(stage: str, done: int, total: int) -> None:
            progress(stage, done, total)
            self._note(stage, done, total)

        return report

    def end(self, status: int) -> None:
        """Write that the command ends.

        Parameters
        ----------
        status : int
            Its exit status.
        """
        self._facts["ended"] = status
        self._write()

    def _note(self, stage: str, done: int, total: int) -> None:
        if self._times.note(stage, done, total):
            self._written_s = 0.0
        if done >= total or time.time() - self._written_s >= EVERY_S:
            self._write()

    def _write(self) -> None:
        import psutil

        from spikesieve.engine.machine import peak_memory_mb

        self._written_s = time.time()
        used_mb = psutil.Process().memory_info().rss / 1e6
        facts = {**self._facts, "at_s": self._written_s, "stages": self._times.stages}
        text = json.dumps({**facts, "memory_mb": used_mb, "peak_memory_mb": peak_memory_mb()})
        new = self._path.with_name(f"{self._path.name}.new")
        with suppress(OSError):  # a sort does not end because it cannot be watched
            new.write_text(text, encoding="utf-8")
            os.replace(new, self._path)


@contextmanager
def recorded(path: Path | None) -> Iterator[Callable[[Progress], Progress]]:
    """Write the progress of a command into a file, and how the command ended.

    Parameters
    ----------
    path : Path or None
        The file; None writes nothing.

    Yields
    ------
    callable
        Makes of a Progress one that is written as well.
    """
    if path is None:
        yield lambda progress: progress
        return
    file, status = ProgressFile(path), 1
    try:
        yield file.watched
        status = 0
    except typer.Exit as end:
        status = end.exit_code
        raise
    finally:
        file.end(status)
