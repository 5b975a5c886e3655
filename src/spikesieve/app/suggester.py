"""The queue: what is worth a look, found in the background while the page is used. No request waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikesieve.views.suggestions import Suggestion, merge_suggestion, unit_suggestion
from spikesieve.views.waveforms import similarity

if TYPE_CHECKING:
    from spikesieve.app.session import Session

PAUSE_S = 0.002
"""Between two steps, so that requests come first."""
MOST_S = 1.0
"""A step waits up to this for requests to be answered."""


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
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._doubts: dict[int, Suggestion | None] = {}
        self._merges: dict[tuple[int, int], Suggestion] = {}
        self._seen: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

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
            if self._stopped.wait(PAUSE_S):
                return
            self._session.idle.wait(MOST_S)
            look()

    def _looks(self) -> Iterator[Callable[[], None]]:
        """What is still to be looked at, the newest unit first; units that are made meanwhile among it."""
        while waiting := [unit for unit in self._session.units.ids if unit not in self._seen]:
            unit = waiting[-1]
            yield lambda unit=unit: self._doubt(unit)  # type: ignore[misc]
            yield lambda unit=unit: self._compare(unit)  # type: ignore[misc]

    def _doubt(self, unit: int) -> None:
        if unit not in self._doubts:
            facts = self._session.facts(unit)
            self._doubts[unit] = unit_suggestion(self._session.result, facts.row, facts.rows)

    def _compare(self, unit: int) -> None:
        """Compare a unit with all before it, also those that are no more: undo may bring them back."""
        session, own = self._session, self._session.facts(unit)
        for other in session.near(unit, session.known_units):
            if other < unit:
                facts = session.facts(other)
                alike = similarity(own.waveform, facts.waveform)
                rows = facts.rows, own.rows
                found = merge_suggestion(session.result, facts.row, own.row, rows, alike)
                if found is not None:
                    self._merges[other, unit] = found
        self._seen.add(unit)
