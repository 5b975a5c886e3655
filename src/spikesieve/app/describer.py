"""Describes and measures units in the background, and tells the pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from spikesieve.app.session import Session
from spikesieve.views.compiled import compile_loops

TELL_S = 0.3
"""Pages hear of new descriptions this often."""
KEEP_S = 5.0
"""What was found is written when nothing new came for this long, and at the end."""


class PutOffError(Exception):
    """Something else is wanted first, or the unit is no more."""


class Describer:
    """Describes units that wait, the newest first, and then measures them, while no page waits for an answer.

    Parameters
    ----------
    session : Session
        The curation.
    tell : callable
        Called with new rows of the unit table: {"described": rows}.
    """

    def __init__(self, session: Session, tell: Callable[[dict[str, Any]], None]) -> None:
        self._session, self._tell = session, tell
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="describer", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._session.descriptions.are_made_later = True
        self._session.descriptions.wanted.set()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stopped.set()
        self._session.descriptions.wanted.set()
        self._thread.join()
        self._session.descriptions.are_made_later = False

    def _work(self) -> None:
        descriptions, is_new = self._session.descriptions, False
        compile_loops()
        with self._session.quiet.turn(self._stopped), suppress(PutOffError):
            self._session.rehearse(self._pause)
        while not self._stopped.is_set():
            if descriptions.wanted.wait(KEEP_S if is_new else None):
                is_new |= self._describe_all()
            else:
                descriptions.keep(descriptions.known())
                is_new = False
        if is_new:
            descriptions.keep(descriptions.known())

    def _describe_all(self) -> bool:
        """Describe until nothing waits; say whether anything did."""
        session, made, told_s = self._session, list[int](), time.monotonic()
        did_any = False
        while not self._stopped.is_set():
            session.descriptions.wanted.clear()
            unit = next(session.descriptions.waiting(session.units.ids), None)
            unmeasured = next(session.descriptions.unmeasured(session.units.ids), None) if unit is None else None
            if made and (unit is unmeasured is None or time.monotonic() - told_s > TELL_S):
                there = session.units.rows
                self._tell({"described": [session.table_row(one) for one in made if one in there]})
                made, told_s = [], time.monotonic()
            if unit is unmeasured is None:
                return did_any
            with session.quiet.turn(self._stopped):
                if unit is not None:
                    session.descriptions.row(unit)
                elif unmeasured is not None:
                    self._measure(unmeasured)
            made += [one for one in (unit, unmeasured) if one is not None]
            did_any = True
        return did_any

    def _measure(self, unit: int) -> None:
        """Measure a unit in the pauses that the page makes. Anything newer comes first: then it begins anew."""
        session, descriptions = self._session, self._session.descriptions

        def pause() -> None:
            self._pause()
            waits = descriptions.wanted.is_set() and any(descriptions.waiting(session.units.ids))
            if waits or unit not in session.units.rows:
                raise PutOffError

        with suppress(PutOffError):
            descriptions.measure(unit, session.near(unit, session.units.ids), pause)

    def _pause(self) -> None:
        """Wait until no page waits, or end."""
        self._session.quiet.wait(self._stopped)
        if self._stopped.is_set():
            raise PutOffError
