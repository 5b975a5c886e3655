"""The rows of a batch as its folder knows them, for a page that watches from outside."""

from __future__ import annotations

import csv
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from spikesieve.batch.order import FROZEN_PLAN
from spikesieve.batch.page import MAX_LINES, SUMMARY, sentence
from spikesieve.batch.plan import read_plan
from spikesieve.batch.rows import Row
from spikesieve.batch.run import Batch, Rules
from spikesieve.batch.state import Place, RowState
from spikesieve.errors import InputError

RUNNING, WAITING, DONE = "running", "waiting", "done"
ENDED = (DONE, "refused", "failed")
ORDER = (RUNNING, "failed", "refused", "killed", "missing", "busy", DONE, WAITING)
"""What comes first in the table."""


class BatchTables:
    """Reads folders of batches. Nothing that has not changed is read again."""

    def __init__(self) -> None:
        self._plans: dict[Path, tuple[int, tuple[Row, ...]]] = {}
        self._said: dict[Path, tuple[int, dict[str, RowState]]] = {}
        self._states: dict[Path, tuple[int, RowState]] = {}

    def facts(self, folder: Path) -> dict[str, Any]:
        """Tell how far a batch is.

        Parameters
        ----------
        folder : Path
            Its folder.

        Returns
        -------
        dict
            A `sentence`, the `counts` by state, `rows` (running ones first, then what went wrong; each with fields of
            `RowState`, its `name` and its result folder `out`), and how many more there are, `n_hidden`.

        Raises
        ------
        SpikesieveError
            The folder holds no batch, or its plan cannot be read.
        """
        place, rows = Place(folder), self._plan(folder / FROZEN_PLAN)
        said = self._summary(folder / SUMMARY)
        states = {row.name: self._state(place, row, said.get(row.name, RowState())) for row in rows}
        counts = Counter(state.state for state in states.values())
        shown = sorted(rows, key=lambda row: ORDER.index(states[row.name].state))[:MAX_LINES]
        return {
            "sentence": _sentence(place, rows, states, counts[RUNNING]),
            "counts": {state: counts[state] for state in ORDER if counts[state]},
            "rows": [_row_facts(row, states[row.name]) for row in shown],
            "n_hidden": len(rows) - len(shown),
        }

    def _plan(self, path: Path) -> tuple[Row, ...]:
        changed_ns = _changed_ns(path)
        if not changed_ns:
            raise InputError(f"{path.parent} holds no plan of a batch.")
        if self._plans.get(path, (0,))[0] != changed_ns:
            self._plans[path] = changed_ns, read_plan([path], path.parent, {})
        return self._plans[path][1]

    def _summary(self, path: Path) -> dict[str, RowState]:
        """What the summary says of rows that were done or refused before they were handed out."""
        changed_ns = _changed_ns(path)
        if self._said.get(path, (-1,))[0] != changed_ns:
            lines = csv.DictReader(path.read_text(encoding="utf-8").splitlines()) if changed_ns else ()
            ended = {line["name"]: RowState(line["state"], line["look"]) for line in lines if line["state"] in ENDED}
            self._said[path] = changed_ns, ended
        return self._said[path][1]

    def _state(self, place: Place, row: Row, said: RowState) -> RowState:
        path = place.state_file(row)
        changed_ns = _changed_ns(path)
        if self._states.get(path, (-1,))[0] != changed_ns:
            self._states[path] = changed_ns, place.read_state(row)
        state = self._states[path][1]
        if state.state == WAITING or (state.state == DONE and said.state == DONE):
            return replace(state, state=said.state, why=said.why)
        is_gone = state.state == RUNNING and state.host == socket.gethostname() and not psutil.pid_exists(state.pid)
        return replace(state, state="killed", why="Its process is gone.") if is_gone else state


def _sentence(place: Place, rows: tuple[Row, ...], states: dict[str, RowState], n_running: int) -> str:
    ended = {name: state.state for name, state in states.items() if state.state in ENDED}
    spent_s = [state.spent_s for state in states.values() if state.state == DONE and state.spent_s]
    n_sorted = len(spent_s) if n_running else 0  # without a running sort there is no speed to go by
    said = sentence(Batch(rows, place, Rules(max(1, n_running)), ended, n_sorted=n_sorted, spent_s=sum(spent_s)))
    return said if n_running or len(ended) == len(rows) else f"{said} None is being sorted now."


def _row_facts(row: Row, state: RowState) -> dict[str, Any]:
    facts = {"name": row.name, "out": str(row.out), "state": state.state, "why": state.why, "left_s": state.left_s}
    work = {"step": state.step, "n_done": state.n_done, "n_total": state.n_total, "spent_s": state.spent_s}
    return {**facts, **work, "memory_mb": state.memory_mb, "host": state.host}


def _changed_ns(path: Path) -> int:
    """When a file was written; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
