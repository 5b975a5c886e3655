"""Hands out the rows of a plan, notes how they ended, and tries again where that can help."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from spikesieve.batch.estimate import Need, need_of
from spikesieve.batch.pool import Pool, Task
from spikesieve.batch.rows import Row
from spikesieve.batch.state import Place, kept_so_far, key_of_row, standing
from spikesieve.batch.work import Ended, Share, sort_row
from spikesieve.errors import SpikesieveError

LOOK_S = 1.0
# A row that another process works on is tried again after this time: its lock counts as old after 30 s. So is one whose
# files a machine does not see: the next machine may not be there yet.
BUSY_S = 10.0
_BYTES_IN_GB = 1_000_000_000


@dataclass(frozen=True)
class Rules:
    """How rows are handed out.

    Attributes
    ----------
    n_workers : int
        Rows at a time.
    n_jobs : int
        Cores of each.
    retries : int
        How often a row is tried again after a fault, if it does not get further.
    memory_bytes : int or None
        What the rows of one machine may take together; None: each worker has what its row asks for.
    overwrite : bool
        Replace results of other settings or files.
    """

    n_workers: int = 1
    n_jobs: int = 1
    retries: int = 2
    memory_bytes: int | None = None
    overwrite: bool = False


@dataclass
class Turn:
    """A row that is handed out, or will be.

    Attributes
    ----------
    row : Row
        The row.
    need : Need
        What it needs.
    n_faults : int
        Faults since the work last got further.
    kept : (int, int)
        What was kept at the last fault, see `kept_so_far`.
    avoid : frozenset of str
        Machines that do not see its files.
    not_before_s : float
        When it may be tried again.
    """

    row: Row
    need: Need
    n_faults: int = 0
    kept: tuple[int, int] = (0, 0)
    avoid: frozenset[str] = frozenset()
    not_before_s: float = 0.0


@dataclass
class Batch:
    """What is known of all rows.

    Attributes
    ----------
    rows : tuple of Row
        The plan.
    place : Place
        Its folder.
    rules : Rules
        How rows are handed out.
    states, reasons : dict of str to str
        State of each row that is not waiting, and why it has it, by name.
    running : dict of str to Turn
        Rows that are handed out.
    n_sorted, spent_s : int, float
        Rows that were sorted since the command began, and the time that they took together in s.
    """

    rows: tuple[Row, ...]
    place: Place
    rules: Rules = field(default_factory=Rules)
    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    running: dict[str, Turn] = field(default_factory=dict)
    n_sorted: int = 0
    spent_s: float = 0.0

    def counts(self) -> dict[str, int]:
        """Count the rows in each state.

        Returns
        -------
        dict of str to int
            By state; rows that nothing is known of are waiting.
        """
        found = Counter(self.states.values())
        return {**found, "running": len(self.running), "waiting": self.n_left - len(self.running)}

    @property
    def n_left(self) -> int:
        """Rows that have not ended."""
        return len(self.rows) - len(self.states)

    def left_s(self) -> float | None:
        """Estimate the time until the last row has ended, from those that were sorted.

        Returns
        -------
        float or None
            In s; None as long as none was sorted.
        """
        if not self.n_sorted:
            return None
        return self.n_left * self.spent_s / self.n_sorted / max(1, self.rules.n_workers)

    def hand_out(self, turn: Turn) -> None:
        """Note that a row waits for a worker. What an earlier command left behind is not shown as running.

        Parameters
        ----------
        turn : Turn
            The row.
        """
        before = self.place.read_state(turn.row)
        if before.state == "running":
            self.place.write_state(turn.row, replace(before, state="waiting"))
        self.running[turn.row.name] = turn

    def note(self, name: str, state: str, why: str = "") -> None:
        """Note how a row ended.

        Parameters
        ----------
        name : str
            Name of the row.
        state, why : str
            As in `RowState`.
        """
        self.states[name] = state
        if why:
            self.reasons[name] = why


Look = Callable[[Row, int], Need]
Show = Callable[[Batch], None]
Sorter = Callable[[Row, Place, Share], Ended]


def run_batch(batch: Batch, pool: Pool, show: Show, look: Look = need_of, sorter: Sorter = sort_row) -> None:
    """Sort all rows that are not done. The batch has a state for each row at the end.

    Parameters
    ----------
    batch : Batch
        Plan, folder and rules.
    pool : Pool
        The workers.
    show : callable
        Called with the batch about once a second.
    look : callable, optional
        Says what a row needs.
    sorter : callable, optional
        Called on a worker with the row, the place and its share.
    """
    shown = _Shown(batch, show)
    queue = _Queue(batch, look, shown)
    while True:
        while len(batch.running) < 2 * batch.rules.n_workers and (turn := queue.next()) is not None:
            share = Share(batch.rules.n_jobs, turn.need.memory_bytes, batch.rules.overwrite)
            batch.hand_out(turn)
            arguments = (turn.row, batch.place, share)
            pool.submit(Task(turn.row.name, sorter, arguments, turn.need.memory_gb, turn.avoid))
        shown.if_due()
        if batch.running:
            for ended in pool.ended(LOOK_S):
                queue.note(ended)
        elif queue.again:
            time.sleep(LOOK_S)
        else:
            show(batch)
            return


class _Shown:
    """Shows a batch about once a second, however often it is asked to: rows may end faster."""

    def __init__(self, batch: Batch, show: Show) -> None:
        self._batch, self._show, self._next_s = batch, show, 0.0

    def if_due(self) -> None:
        if time.monotonic() >= self._next_s:
            self._show(self._batch)
            self._next_s = time.monotonic() + LOOK_S


class _Queue:
    """Rows in the order in which they are handed out, and what becomes of them."""

    def __init__(self, batch: Batch, look: Look, shown: _Shown) -> None:
        self._batch, self._look, self._shown = batch, look, shown
        self._fresh = self._turns()
        self._held: Turn | None = None
        self.again: list[Turn] = []

    def next(self) -> Turn | None:
        """The next row for which there is memory now; None if there is none."""
        turn = self._held or self._due() or next(self._fresh, None)
        self._held = turn if turn is not None and not self._fits(turn) else None
        return turn if self._held is None else None

    def note(self, ended: Ended) -> None:
        """Note how a row ended, and try it again where that can help."""
        batch, turn = self._batch, self._batch.running.pop(ended.name)
        state = batch.place.read_state(turn.row)
        if ended.state == "done":
            batch.note(ended.name, "done")
            batch.n_sorted, batch.spent_s = batch.n_sorted + 1, batch.spent_s + state.spent_s
            return
        if ended.state == "busy":
            turn.not_before_s = time.monotonic() + BUSY_S
            self.again.append(turn)
            return
        if ended.state == "missing" and all(path.exists() for path in turn.row.files):
            # They are here, so that only that machine does not see them.
            turn.avoid |= {ended.host}
            turn.not_before_s = time.monotonic() + BUSY_S
        elif ended.state in ("missing", "refused"):
            batch.note(ended.name, "refused", ended.why)
            return
        if (kept := kept_so_far(turn.row)) > turn.kept and ended.state == "killed":
            turn.n_faults, turn.kept = 0, kept
        turn.n_faults += 1
        if turn.n_faults <= batch.rules.retries:
            self.again.append(turn)
        else:
            batch.note(ended.name, "failed", ended.why)

    def _turns(self) -> Iterator[Turn]:
        """Rows that are not done, one by one. Those that are done or refused get their state on the way."""
        for row in self._batch.rows:
            self._shown.if_due()  # those that are done follow one another without a pause
            try:
                if standing(row, key_of_row(row)) == "done":
                    self._batch.note(row.name, "done")
                else:
                    yield Turn(row, self._look(row, self._batch.rules.n_jobs))
            except SpikesieveError as error:
                self._batch.note(row.name, "refused", str(error))

    def _due(self) -> Turn | None:
        due = next((turn for turn in self.again if turn.not_before_s <= time.monotonic()), None)
        if due is not None:
            self.again.remove(due)
        return due

    def _fits(self, turn: Turn) -> bool:
        room, running = self._batch.rules.memory_bytes, self._batch.running
        taken = sum(other.need.memory_bytes for other in running.values())
        return room is None or not running or taken + turn.need.memory_bytes <= room
