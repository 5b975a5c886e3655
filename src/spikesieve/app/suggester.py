"""The queue: what is worth a look, found in the background while the page is used. No request waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from spikesieve.app.quiet import LATER
from spikesieve.views.suggestions import Suggestion, merge_suggestion, unit_suggestion
from spikesieve.views.waveforms import similarity

if TYPE_CHECKING:
    from spikesieve.app.session import Session

PLAIN = TypeAdapter(Suggestion)
"""Turns suggestions into what JSON can say, and back."""


@dataclass(frozen=True)
class Found:
    """What is worth a look.

    Attributes
    ----------
    suggestions : list of Suggestion
        The surest first: neither about what was labelled by hand nor what was rejected.
    n_waiting : int
        Units that have not been looked at yet.
    """

    suggestions: list[Suggestion]
    n_waiting: int


class Suggester:
    """Looks at units and at pairs of neighbours once, and remembers what it found: their spikes never change.

    Parameters
    ----------
    session : Session
        The curation.

    Attributes
    ----------
    keep : callable
        Called with `known` when no unit waits any more, and at the end.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._doubts: dict[int, Suggestion | None] = {}
        self._merges: dict[tuple[int, int], Suggestion] = {}
        self._seen: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self.keep: Callable[[dict[str, Any]], None] = lambda known: None

    def found(self) -> Found:
        """List what is known now, and look for the rest in the background.

        Returns
        -------
        Found
            At once.
        """
        found = self._now()
        if found.n_waiting:
            self._start()
        return found

    def all(self) -> list[Suggestion]:
        """Wait until every unit was looked at.

        Returns
        -------
        list of Suggestion
            The surest first.
        """
        for look in self._looks():
            look()
        return self._now().suggestions

    def known(self) -> dict[str, Any]:
        """List what was found, for the next start.

        Returns
        -------
        dict
            What tells the spikes of each unit apart from others, the units that were looked at, and what was found
            of them; for JSON.
        """
        seen, doubts, merges = set(self._seen), dict(self._doubts), dict(self._merges)
        found = [doubts.get(unit) for unit in seen] + [one for pair, one in merges.items() if pair[1] in seen]
        state = self._session.descriptions.state
        return {
            "units": [[unit, state(unit)] for unit in sorted(self._session.known_units)],
            "seen": sorted(seen),
            "found": [PLAIN.dump_python(one, mode="json") for one in found if one is not None],
        }

    def take(self, kept: Mapping[str, Any]) -> None:
        """Use what an earlier start found, up to the first unit that has other spikes now.

        Parameters
        ----------
        kept : mapping
            From `known`.
        """
        now, state = sorted(self._session.known_units), self._session.descriptions.state
        pairs = zip(kept["units"], now, strict=False)
        same = {unit for _, unit in takewhile(lambda pair: pair[0] == [pair[1], state(pair[1])], pairs)}
        seen = same.intersection(kept["seen"])
        self._seen |= seen
        self._doubts |= dict.fromkeys(seen)
        for one in map(PLAIN.validate_python, kept["found"]):
            if seen >= {max(one.units)}:
                if one.kind == "merge":
                    self._merges[one.units[0], one.units[1]] = one
                else:
                    self._doubts[one.units[0]] = one

    def stop(self) -> None:
        """End the work in the background."""
        self._stopped.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _now(self) -> Found:
        units, rejected = self._session.units, self._session.history.now.rejected
        found = [self._doubts.get(unit) for unit in units.ids if unit not in units.labels and {unit} not in rejected]
        merges = tuple(self._merges.items())
        found += [one for pair, one in merges if not rejected & {frozenset(pair)} and set(pair) <= units.rows.keys()]
        known = [one for one in found if one is not None]
        n_waiting = sum(unit not in self._seen for unit in units.ids)
        return Found(sorted(known, key=lambda one: (-one.chance, one.units)), n_waiting)

    def _start(self) -> None:
        with self._lock:
            if (self._thread is None or not self._thread.is_alive()) and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._work, name="queue", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        for look in self._looks():
            with self._session.quiet.turn(self._stopped, LATER):
                if self._stopped.is_set():
                    break
                look()
        self.keep(self.known())

    def _looks(self) -> Iterator[Callable[[], None]]:
        """What is still to be looked at, the newest unit first; units that are made meanwhile among it."""
        while waiting := [unit for unit in self._session.units.ids if unit not in self._seen]:
            unit = waiting[-1]
            yield partial(self._doubt, unit)
            yield from self._comparisons(unit)

    def _doubt(self, unit: int) -> None:
        if unit not in self._doubts:
            facts = self._session.facts(unit)
            self._doubts[unit] = unit_suggestion(self._session.result, facts.row, facts.rows)

    def _comparisons(self, unit: int) -> Iterator[Callable[[], None]]:
        """Compare a unit with all before it, also those that are no more: undo may bring them back."""
        for other in self._session.near(unit, self._session.known_units):
            if unit not in self._session.units.rows:
                return  # taken back meanwhile; redo brings it here again
            if other < unit:
                yield partial(self._compare, other, unit)
        self._seen.add(unit)

    def _compare(self, other: int, unit: int) -> None:
        session = self._session
        facts, own = session.facts(other), session.facts(unit)
        alike = similarity(own.waveform, facts.waveform)
        found = merge_suggestion(session.result, facts.row, own.row, (facts.rows, own.rows), alike)
        if found is not None:
            self._merges[other, unit] = found
