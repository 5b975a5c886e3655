"""A result that is being curated: the history, and what was computed of each unit."""

from __future__ import annotations

import getpass
import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from spikesieve.app.decisions import Asked, deed_of
from spikesieve.app.descriptions import QUICK, Descriptions, UnitFacts
from spikesieve.app.quiet import Quiet
from spikesieve.app.suggester import Suggester
from spikesieve.app.wire import plain
from spikesieve.curation.actions import Membership, Merge, after
from spikesieve.curation.history import Deed, Entry, GoBack, History, Redo, Step, Undo
from spikesieve.curation.measured import go_on
from spikesieve.errors import InputError
from spikesieve.model import I32, Label
from spikesieve.views.columns import look_at_all
from spikesieve.views.compiled import load_measures
from spikesieve.views.result import Result
from spikesieve.views.unit_rows import unit_row
from spikesieve.views.waveforms import mean_waveform, similarity

BY_HAND = "labelled by hand"
REHEARSED = 10000
"""Spikes of a unit that tries all that describes one, and takes some milliseconds."""
MOST_NAMED = 8
"""Units in the sentence that says what was done."""
ONLY_SHOWN = "This result is shown without the right to change it."


class BehindError(InputError):
    """A request was made in ignorance of newer entries."""


class Session:
    """A result that is being curated.

    Parameters
    ----------
    result : Result
        The result.
    history : History
        What was done before.
    write : callable or None
        Writes an entry to the disk before it counts; None if nothing may be changed.

    Attributes
    ----------
    descriptions : Descriptions
        What is known of the units.
    quiet : Quiet
        Knows when no page waits for an answer: work in the background begins then.
    queue : Suggester
        What is worth a look.
    """

    def __init__(self, result: Result, history: History, write: Callable[[Entry], None] | None = None) -> None:
        self.result = result
        # Part of the addresses: what a browser kept of another result at the same port is never shown.
        self.id = secrets.token_hex(4)
        self._write = write
        self._lock = threading.RLock()
        self._rows: dict[int, I32] = {}
        self.descriptions = Descriptions(result, self.rows)
        self.quiet = Quiet()
        self._history = history
        self._alike: dict[tuple[int, int], float] = {}
        self.queue = Suggester(self)
        for version in history.reached:
            self._rows.update(version.units.rows)

    @property
    def history(self) -> History:
        """What was done."""
        return self._history

    @property
    def units(self) -> Membership:
        """The units now."""
        return self._history.units

    @property
    def units_for_import(self) -> Membership:
        """The units now, of which the next number is one that no unit ever had."""
        return replace(self.units, next_unit=self._history.next_unit)

    @property
    def known_units(self) -> tuple[int, ...]:
        """Numbers of all units that ever were."""
        return tuple(self._rows)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed."""
        return self._write is None

    def rows(self, unit: int) -> I32:
        """Find the spikes of a unit, one that is no more among them.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        ndarray of int32, shape (n,)
            Its rows.

        Raises
        ------
        InputError
            There was no such unit.
        """
        if unit not in self._rows:
            raise InputError(f"There is no unit {unit}.")
        return self._rows[unit]

    def facts(self, unit: int) -> UnitFacts:
        """Describe a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        UnitFacts
            What is known of it.
        """
        known = self.descriptions
        return UnitFacts(self.rows(unit), known.waveform(unit), known.row(unit))

    def near(self, unit: int, among: Collection[int]) -> list[int]:
        """Find the units that may be the same neuron as one, by the places of their waveforms.

        Parameters
        ----------
        unit : int
            Its number.
        among : collection of int
            The units to find them among.

        Returns
        -------
        list of int
            Their numbers, ascending.
        """
        for one in among:
            self.descriptions.waveform(one)
        return sorted(self.descriptions.near(unit) & set(among))

    def similar(self, unit: int) -> dict[int, float]:
        """List the units near one with the similarity of their waveforms, the most similar one first.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        dict of int to float
            Similarity of each.
        """
        own, found = self.descriptions.waveform(unit), {}
        for one in self.near(unit, self.units.ids):
            pair = min(one, unit), max(one, unit)
            if pair not in self._alike:
                self._alike[pair] = similarity(own, self.descriptions.waveform(one))
            found[one] = self._alike[pair]
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def label(self, unit: int) -> Label:
        """Find what a unit is taken for.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        Label
            By hand, or by the criteria of the program.
        """
        return self.units.labels.get(unit) or self.descriptions.row(unit).label

    def decide(self, asked: Asked) -> dict[str, Any]:
        """Do what a curator asks for. When this returns, it is on the disk.

        Parameters
        ----------
        asked : Asked
            The request.

        Returns
        -------
        dict
            What has changed, see `changes`.

        Raises
        ------
        InputError
            It cannot be done.
        BehindError
            Somebody else did something meanwhile.
        OutputError
            The journal cannot be written.
        """
        if self._write is None:
            raise InputError(ONLY_SHOWN)
        with self._lock:
            done = next((e for e in reversed(self._history.entries) if e.request == asked.request), None)
            if done is not None:
                return self.changes(self._history.reached[done.number - 1].units, done)
            if asked.seq != len(self._history.entries):
                raise BehindError("Something was changed meanwhile. Look at it and try again.")
            before = self._history
            return self.changes(before.units, self._add(deed_of(asked, before, self.result), asked.request))

    def rehearse(self, pause: Callable[[], None] = go_on) -> None:
        """Merge two units, describe what they make, and forget it: what is done for the first time takes longer.

        Parameters
        ----------
        pause : callable, optional
            Called before each part of the work. Default: go on.
        """
        result, units = self.result, self.units
        pair = sorted(units.ids, key=lambda unit: abs(len(self.rows(unit)) - REHEARSED))[:2]
        if len(pair) == 2:
            pause()
            unit = self._history.next_unit
            rows = after(units, (Merge(tuple(pair), unit),)).rows[unit]
            unit_row(result, unit, rows, mean_waveform(result, rows))
        pause()
        load_measures()
        for column in (result.sample, result.template, result.amplitude, result.position_um):
            if column is not None:
                look_at_all(column, pause)

    def take(self, step: Step, by: Literal["person", "rule", "import"]) -> None:
        """Add a step that no page asked for.

        Parameters
        ----------
        step : Step
            What is done.
        by : {"person", "rule", "import"}
            Who decided it.

        Raises
        ------
        InputError
            It does not fit the units.
        OutputError
            The journal cannot be written.
        """
        with self._lock:
            self._add(step, "", by)

    def _add(self, deed: Deed, request: str, by: Literal["person", "rule", "import"] = "person") -> Entry:
        """Write an entry, and then let it count."""
        if self._write is None:
            raise InputError(ONLY_SHOWN)
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        entry = Entry(len(self._history.entries) + 1, now, user_name(), deed, request, by)
        before, after = self.units, self._history.then(entry)
        self._write(entry)
        self._rows.update(after.units.rows)
        self._history = after
        self._join(deed, before)
        return entry

    def _join(self, deed: Deed, before: Membership) -> None:
        """What is known of the spikes of units is known of those of the unit that they become."""
        for merge in deed.actions if isinstance(deed, Step) else ():
            if isinstance(merge, Merge) and before.rows.keys() >= {*merge.units}:
                new = self.units.rows.get(-1 if merge.new_unit is None else merge.new_unit)
                if new is not None:
                    self.result.columns.join(new, [before.rows[unit] for unit in merge.units])

    def changes(self, before: Membership, entry: Entry) -> dict[str, Any]:
        """Say what an entry changed.

        Parameters
        ----------
        before : Membership
            The units before it.
        entry : Entry
            The entry.

        Returns
        -------
        dict
            Number of entries, the entry, units that are no more, rows of the table that are new.
        """
        units = self._history.reached[entry.number].units
        gone = [unit for unit in before.rows if unit not in units.rows]
        new = [unit for unit in units.rows if unit not in before.rows]
        written = {unit for (unit, _), _ in before.texts.items() ^ units.texts.items()}
        labelled = {unit for unit, _ in before.labels.items() ^ units.labels.items()}
        for unit in new:
            if len(self.rows(unit)) <= QUICK:
                self.descriptions.row(unit)
        self.descriptions.wanted.set()
        changed = [unit for unit in sorted({*new, *written, *labelled}) if unit in units.rows]
        return {
            "seq": entry.number,
            "entry": entry_text(entry),
            "gone": gone,
            "new": new,
            "rows": [self.table_row(unit) for unit in changed],
            "can_undo": self._history.can_undo,
            "can_redo": self._history.can_redo,
        }

    def table_row(self, unit: int) -> dict[str, Any]:
        """Make the row of the table of a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        dict
            The columns of `Unit`, with the label by hand if there is one, and the texts.
        """
        units = self.units
        row = self.descriptions.columns(unit)
        row["automatic"] = row["label"] = str(row["label"])
        if unit in units.labels:
            row["label"], row["why"] = str(units.labels[unit]), f"{BY_HAND}; by itself {row['automatic']}: {row['why']}"
        row["texts"] = {name: text for (number, name), text in units.texts.items() if number == unit}
        row["note"] = row["texts"].get("note", "")
        return dict(plain(row))


def entry_text(entry: Entry) -> dict[str, Any]:
    """Describe an entry for people.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    dict
        Its number, time, curator, and what it did.
    """
    match entry.deed:
        case Undo():
            what = "undo"
        case Redo():
            what = "redo"
        case GoBack(to):
            what = f"go back to entry {to}" if to else "go back to the beginning"
        case Step(name, actions, rejected):
            named = [one for action in actions for one in _named(action)]
            named += [unit for one in rejected for unit in one.units]
            shown = list(dict.fromkeys(named))
            n_more = len(shown) - MOST_NAMED
            what = f"{name} {', '.join(map(str, shown[:MOST_NAMED]))}{f' and {n_more} more' if n_more > 0 else ''}"
    return {"number": entry.number, "when": entry.when, "who": entry.who, "by": entry.by, "what": what}


def _named(action: Any) -> tuple[int, ...]:
    return tuple(action.units) if hasattr(action, "units") else (action.unit,)


def user_name() -> str:
    """Name the person who runs the server.

    Returns
    -------
    str
        The name of the account.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
