"""Results of a step's pieces of work that do not build on one another, on disk, so that a step that was killed goes on.

They are written a few at a time, each time into a folder of its own, which counts if its manifest and files agree.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from spikesieve.engine import codec

Result = TypeVar("Result")

PREFIX = "results-"
# Results are written when what was computed since took this long, or this share of the step until now: what a kill
# costs. More bytes than this in a second of computing are not worth their place on the disk.
WRITE_S, WRITE_SHARE, WORTH_BYTES_PER_S = 0.25, 0.01, 1e6


class KeptResults:
    """The results of the calls of a step.

    Parameters
    ----------
    folder : Path
        Folder of the step.
    root : Path
        Folder of all steps.
    is_kept : bool
        Whether results are written, with which a later run goes on.
    """

    def __init__(self, folder: Path, root: Path, is_kept: bool) -> None:
        self._folder, self._root, self._is_kept = folder, root, is_kept
        self._begun_s = self._written_s = time.monotonic()
        self._n_calls, self._n_written = 0, 0
        self._waiting: list[tuple[int, int, Any]] = []
        self._waiting_bytes = 0
        self._found: dict[int, list[Path]] = {}
        for path in folder.glob(f"{PREFIX}*") if is_kept else ():
            self._n_written = max(self._n_written, int(path.name.removeprefix(PREFIX)) + 1)
            with suppress(codec.DecodeError):
                for call in codec.read_about(path):
                    self._found.setdefault(call, []).append(path)

    def next_call(self) -> tuple[int, dict[int, Any]]:
        """Number the next call of the step, and read what an earlier run has kept of it.

        Returns
        -------
        call : int
            Number of the call.
        results : dict of int to object
            Results by the number of their item.
        """
        call, results = self._n_calls, dict[int, Any]()
        self._n_calls += 1
        for path in self._found.pop(call, ()):
            with suppress(codec.DecodeError):
                kept = codec.in_memory(codec.load(path, self._root))
                results |= {number: result for of_call, number, result in kept if of_call == call}
        return call, results

    def add(self, call: int, number: int, result: Result) -> Result:
        """Note a result, and write those that wait when it is time.

        Parameters
        ----------
        call, number : int
            Number of the call, and of the item.
        result : object
            Anything that `codec.save` accepts.

        Returns
        -------
        object
            The result.
        """
        if self._is_kept:
            self._waiting.append((call, number, result))
            self._waiting_bytes += codec.written_bytes(result)
            self._write_if_due()
        return result

    def _write_if_due(self) -> None:
        now = time.monotonic()
        computed_s, due_s = now - self._written_s, max(WRITE_S, WRITE_SHARE * (now - self._begun_s))
        is_due = computed_s >= due_s
        is_worth_it = self._waiting_bytes <= WORTH_BYTES_PER_S * max(computed_s, due_s)
        if is_due and is_worth_it:
            self._write()
        if is_due:
            self._written_s = time.monotonic()
        if is_due or not is_worth_it:
            self._waiting, self._waiting_bytes = [], 0

    def _write(self) -> None:
        path = self._folder / f"{PREFIX}{self._n_written}"
        self._n_written += 1
        path.mkdir()
        codec.save(self._waiting, path, self._root, sorted({call for call, _, _ in self._waiting}))


def is_of_results(path: Path) -> bool:
    """Whether a folder in the folder of an unfinished step holds results.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    bool
        By its name.
    """
    return path.name.startswith(PREFIX) and path.name.removeprefix(PREFIX).isdigit()
