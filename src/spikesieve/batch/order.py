"""What a user orders: a plan, where it goes and who does it; and the ways to have it done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spikesieve.batch.clusters import Workers
from spikesieve.batch.estimate import Need, need_of
from spikesieve.batch.page import PAGE, SUMMARY, write_page
from spikesieve.batch.plan import read_plan, write_plan
from spikesieve.batch.pool import open_pool
from spikesieve.batch.rows import Row
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.scripts import Script, write_script
from spikesieve.batch.state import Place, RowState, key_of_row, standing
from spikesieve.batch.summary import Line, Summary, write_summary
from spikesieve.batch.work import Ended, Share, sort_row
from spikesieve.engine.executor import Progress
from spikesieve.engine.lock import Lock
from spikesieve.engine.machine import machine_bytes, n_processors
from spikesieve.errors import InputError, OutputError, SettingsError, SpikesieveError

FROZEN_PLAN = "plan.csv"
# Share of this machine's memory that the sorts on it may take together.
MEMORY_SHARE = 0.8
ELSEWHERE = 10
# The page and the summary are written this often at most, and never for more than a twentieth of the time.
WRITE_S, WRITE_SHARE = 10.0, 20.0
MAX_SHOWN = 24
# Opening a recording is waiting for the disk or the network.
LOOKERS = 8


@dataclass(frozen=True)
class Order:
    """A plan, where it goes and who does it.

    Attributes
    ----------
    plan : tuple of str
        A CSV or TOML file, or what is to be searched.
    out : Path
        Folder of the batch.
    defaults : mapping of str to str
        What holds for rows that do not say otherwise, by column.
    overwrite : bool
        Replace results of other settings or files.
    retries : int
        How often a fault is tried again.
    price_core_hour : float or None
        Price of a processor for an hour.
    workers : Workers
        Who does it; 0 workers: as many as fit.
    """

    plan: tuple[str, ...]
    out: Path
    defaults: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    retries: int = 2
    price_core_hour: float | None = None
    workers: Workers = field(default_factory=Workers)

    @property
    def place(self) -> Place:
        """Folder of the batch."""
        return Place(self.out)

    def rows(self) -> tuple[Row, ...]:
        """Read the plan.

        Returns
        -------
        tuple of Row
            Its rows.

        Raises
        ------
        SpikesieveError
            As `read_plan`.
        """
        return read_plan(self.plan, self.out, self.defaults)

    def rules(self) -> Rules:
        """Say how rows are handed out.

        Returns
        -------
        Rules
            On this machine, as many sorts as there are processors for, below its memory.
        """
        here = self.workers.cluster == "local"
        n = self.workers.n_workers or (max(1, n_processors() // self.workers.n_jobs) if here else ELSEWHERE)
        memory_bytes = round(MEMORY_SHARE * machine_bytes()) if here else None
        return Rules(n, self.workers.n_jobs, self.retries, memory_bytes, self.overwrite)


@dataclass(frozen=True)
class Estimate:
    """What is known of a row before it is sorted.

    Attributes
    ----------
    row : Row
        The row.
    standing : str
        What of it is on the disk: done, other, begun or waiting.
    need : Need or None
        What it needs; None if it is done or cannot be sorted.
    problem : str
        Why it cannot be sorted.
    """

    row: Row
    standing: str
    need: Need | None = None
    problem: str = ""


def defaults_of(options: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, str]:
    """Make columns of what holds for all rows.

    Parameters
    ----------
    options : mapping of str to object
        Values by column; None: not given.
    overrides : sequence of str
        "name=value" each.

    Returns
    -------
    dict of str to str
        Texts by column.

    Raises
    ------
    SettingsError
        A setting has no value.
    """
    pairs = [text.partition("=") for text in overrides]
    wrong = [name for name, _, value in pairs if not value.strip()]
    if wrong:
        raise SettingsError(f"The setting {wrong[0]!r} has no value. Write name=value, such as detect.threshold=8.")
    given = {name: str(value) for name, value in options.items() if value is not None}
    return given | {name.strip(): value.strip() for name, _, value in pairs}


def estimates(order: Order) -> Iterator[Estimate]:
    """Look at every row: what is done of it, and what the rest needs.

    Parameters
    ----------
    order : Order
        The order.

    Yields
    ------
    Estimate
        One for each row, in their order.
    """
    with ThreadPoolExecutor(LOOKERS) as lookers:
        yield from lookers.map(lambda row: _estimate(order, row), order.rows())


def _estimate(order: Order, row: Row) -> Estimate:
    found = "waiting"
    try:
        found = standing(row, key_of_row(row))
        if found == "done":
            return Estimate(row, found)
        if found == "other" and not order.overwrite:
            return Estimate(row, found, problem=f"{row.out} holds another result; --overwrite replaces it.")
        return Estimate(row, found, need_of(row, order.workers.n_jobs))
    except SpikesieveError as error:
        return Estimate(row, found, problem=str(error))


def write_scripts(order: Order, paths: Sequence[Path]) -> tuple[tuple[Path, ...], list[Estimate]]:
    """Write the plan with whole paths, and scripts that sort its rows without Dask.

    Parameters
    ----------
    order : Order
        The order.
    paths : sequence of Path
        The scripts: .sbatch, .nf or .smk.

    Returns
    -------
    written : tuple of Path
        The scripts. Rows that are done, and those that cannot be sorted, are not in them.
    found : list of Estimate
        All rows.

    Raises
    ------
    SpikesieveError
        There is nothing to sort, or the plan is wrong.
    """
    found = list(estimates(order))
    memory_gb = {each.row.name: each.need.memory_gb for each in found if each.need is not None}
    if not memory_gb:
        why = next((each.problem for each in found if each.problem), "all rows are done")
        raise InputError(f"There is nothing to sort: {why}")
    (order.place.hidden / "jobs").mkdir(parents=True, exist_ok=True)
    plan = order.out / FROZEN_PLAN
    write_plan([each.row for each in found], plan)
    workers = order.workers
    script = Script(
        plan=plan,
        out=order.out,
        rows=tuple(each.row for each in found),
        memory_gb=memory_gb,
        overwrite=order.overwrite,
        n_jobs=workers.n_jobs,
        retries=order.retries,
        walltime=workers.walltime,
        queue=workers.queue,
        account=workers.account,
        directives=workers.directives,
        prologue=workers.prologue,
    )
    return tuple(each for path in paths for each in write_script(script, path)), found


def sort_one(order: Order, which: str, progress: Progress) -> Ended:
    """Sort one row in this process.

    Parameters
    ----------
    order : Order
        The order.
    which : str
        Name of the row, or its number, from 1.
    progress : callable
        Called with (stage, done, total).

    Returns
    -------
    Ended
        How it ended.

    Raises
    ------
    InputError
        There is no such row.
    """
    rows = order.rows()
    named = [row for row in rows if row.name == which]
    if not named and which.isdecimal() and 0 < int(which) <= len(rows):
        named = [rows[int(which) - 1]]
    if not named:
        raise InputError(f"The plan has no row {which!r}. It has {len(rows)} rows, from {rows[0].name}.")
    try:
        memory_bytes = need_of(named[0], order.workers.n_jobs).memory_bytes
    except SpikesieveError:
        memory_bytes = None  # the sort itself says what is wrong
    return sort_row(named[0], order.place, Share(order.workers.n_jobs, memory_bytes, order.overwrite), progress)


Screen = Callable[[Batch, list[tuple[str, RowState]]], None]


def run_order(order: Order, show: Screen) -> tuple[Batch, list[Line]]:
    """Sort all rows that are not done, and write the page and the summary meanwhile.

    Parameters
    ----------
    order : Order
        The order.
    show : callable
        Called about once a second with the batch, and the rows that are sorted now.

    Returns
    -------
    batch : Batch
        A state for each row.
    lines : list of Line
        Their summary.

    Raises
    ------
    SpikesieveError
        The plan is wrong, another process works on it, or the workers cannot be started.
    """
    rows, rules, place = order.rows(), order.rules(), order.place
    _make(place.hidden / "jobs")
    write_plan(rows, order.out / FROZEN_PLAN)
    batch = Batch(rows, place, rules)
    papers = Papers(batch, Summary(place, order.price_core_hour))
    workers = replace(order.workers, n_workers=rules.n_workers, logs=str(place.hidden / "jobs"))
    with Lock(place.hidden), open_pool(workers) as pool:

        def both(batch: Batch) -> None:
            states = running_now(batch)
            show(batch, states)
            papers.write_if_due(states)

        try:
            run_batch(batch, pool, both)
        finally:
            lines = papers.write(running_now(batch), is_over=True)
    return batch, lines


def running_now(batch: Batch) -> list[tuple[str, RowState]]:
    """Read how far the rows are that are handed out; those that wait for a worker are left out.

    Parameters
    ----------
    batch : Batch
        What is known of all rows.

    Returns
    -------
    list of (str, RowState)
        Some of them, by name.
    """
    states = ((name, batch.place.read_state(turn.row)) for name, turn in batch.running.items())
    return [(name, state) for name, state in states if state.state == "running"][:MAX_SHOWN]


class Papers:
    """The page and the summary, written from time to time.

    Parameters
    ----------
    batch : Batch
        What is known of all rows.
    summary : Summary
        Reads the results.
    """

    def __init__(self, batch: Batch, summary: Summary) -> None:
        self._batch, self._summary = batch, summary
        self._next_s = 0.0

    def write_if_due(self, states: Sequence[tuple[str, RowState]]) -> None:
        """Write them, unless that was just done.

        Parameters
        ----------
        states : sequence of (str, RowState)
            Rows that are sorted now.
        """
        if time.monotonic() >= self._next_s:
            self.write(states, is_over=False)

    def write(self, states: Sequence[tuple[str, RowState]], is_over: bool) -> list[Line]:
        """Write them.

        Parameters
        ----------
        states : sequence of (str, RowState)
            Rows that are sorted now.
        is_over : bool
            Whether no more comes.

        Returns
        -------
        list of Line
            The summary.

        Raises
        ------
        OutputError
            They cannot be written.
        """
        begun_s, batch = time.monotonic(), self._batch
        running = {name: "running" for name, _ in states}
        lines = self._summary.lines(batch.rows, running | batch.states, batch.reasons)
        folder = batch.place.folder
        try:
            write_summary(lines, folder / SUMMARY)
            write_page(batch, lines, states, is_over)
        except OSError as error:
            raise OutputError(f"{folder / PAGE} cannot be written: {error.strerror}. Check the disk.") from error
        took_s = time.monotonic() - begun_s
        self._next_s = time.monotonic() + max(WRITE_S, WRITE_SHARE * took_s)
        return lines


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}. Choose another place with --out.") from error
