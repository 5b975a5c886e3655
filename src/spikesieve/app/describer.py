"""Describes and measures units in the background, and tells the pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from spikesieve.app.session import Session
from spikesieve.views.compiled import compile_loops

TELL_S = 0.3
"""Pages hear of new descriptions this often."""
MOST_S = 1.0
"""A unit waits up to this for requests to be answered."""


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
        descriptions = self._session.descriptions
        compile_loops()
        while not self._stopped.is_set():
            descriptions.wanted.wait()
            descriptions.wanted.clear()
            if self._describe_all():
                descriptions.keep(descriptions.known())

    def _describe_all(self) -> bool:
        """Describe until nothing waits; say whether anything did."""
        session, made, told_s = self._session, list[int](), time.monotonic()
        did_any = False
        while not self._stopped.is_set():
            unit = next(session.descriptions.waiting(session.units.ids), None)
            unmeasured = next(session.descriptions.unmeasured(session.units.ids), None) if unit is None else None
            if made and (unit is unmeasured is None or time.monotonic() - told_s > TELL_S):
                there = session.units.rows
                self._tell({"described": [session.table_row(one) for one in made if one in there]})
                made, told_s = [], time.monotonic()
            if unit is unmeasured is None:
                return did_any
            session.idle.wait(MOST_S)
            if unit is not None:
                session.descriptions.row(unit)
            elif unmeasured is not None:
                session.descriptions.measure(unmeasured, session.near(unmeasured, session.units.ids))
            made += [one for one in (unit, unmeasured) if one is not None]
            did_any = True
        return did_any
