"""A result that is being curated: the history, and what was computed of each unit."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from spikesieve.app.decisions import Asked, deed_of
from spikesieve.app.wire import plain
from spikesieve.curation.actions import Membership
from spikesieve.curation.history import Entry, GoBack, History, Redo, Step, Undo
from spikesieve.errors import InputError
from spikesieve.model import I32, Unit
from spikesieve.views.result import Result
from spikesieve.views.unit_rows import unit_row
from spikesieve.views.waveforms import Waveform, mean_waveform

BY_HAND = "labelled by hand"


class BehindError(InputError):
    """A request was made in ignorance of newer entries."""


@dataclass(frozen=True, eq=False)
class UnitFacts:
    """What is computed once of a unit: its spikes never change.

    Attributes
    ----------
    rows : ndarray of int32, shape (n,)
        Its spikes.
    waveform : Waveform
        Their mean waveform.
    row : Unit
        Its row of the unit table, with the label of the program.
    """

    rows: I32
    waveform: Waveform
    row: Unit


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
    """

    def __init__(self, result: Result, history: History, write: Callable[[Entry], None] | None = None) -> None:
        self.result = result
        self._write = write
        self._lock = threading.RLock()
        self._rows: dict[int, I32] = {}
        self._facts: dict[int, UnitFacts] = {}
        self._history = history
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
        found = self._facts.get(unit)
        if found is None:
            rows = self.rows(unit)
            waveform = mean_waveform(self.result, rows)
            found = self._facts[unit] = UnitFacts(rows, waveform, unit_row(self.result, unit, rows, waveform))
        return found

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
            raise InputError("This result is shown without the right to change it.")
        with self._lock:
            done = next((e for e in reversed(self._history.entries) if e.request == asked.request), None)
            if done is not None:
                return self.changes(self._history.reached[done.number - 1].units, done)
            if asked.seq != len(self._history.entries):
                raise BehindError("Something was changed meanwhile. Look at it and try again.")
            before = self._history
            deed = deed_of(asked, before, self.result)
            now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
            entry = Entry(len(before.entries) + 1, now, _user(), deed, asked.request)
            after = before.then(entry)
            self._write(entry)
            self._rows.update(after.units.rows)
            self._history = after
            return self.changes(before.units, entry)

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
        row = asdict(self.facts(unit).row)
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
            what = f"{name} {', '.join(map(str, shown[:8]))}{' ...' if len(shown) > 8 else ''}"
    return {"number": entry.number, "when": entry.when, "who": entry.who, "by": entry.by, "what": what}


def _named(action: Any) -> tuple[int, ...]:
    return tuple(action.units) if hasattr(action, "units") else (action.unit,)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
