"""Keeps work in the background out of the way of the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LOOK_S = 0.05


class Patience(NamedTuple):
    """How long work in the background waits.

    Attributes
    ----------
    quiet_s : float
        Nothing must have been asked for this long: until then a page draws, and gets ahead.
    most_s : float
        It waits up to this for the page to be quiet.
    then : Patience, optional
        What it waits for after that. Default: nothing, it begins.
    """

    quiet_s: float
    most_s: float
    then: Patience | None = None


SOON = Patience(0.4, 3.0)
LATER = Patience(1.2, 30.0, then=Patience(0.4, 30.0))
"""For what completes a decision, and for what none waits for: it begins when the curator pauses."""


class Quiet:
    """Knows when no page waits for an answer, and lets one piece of work in the background begin then."""

    def __init__(self) -> None:
        self._n_asked = 0
        self._last_s = time.monotonic() - LATER.quiet_s
        self._counting, self._turn = threading.Lock(), threading.Lock()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Say that a page waits for an answer, in the body of a with statement.

        Yields
        ------
        None
            Until it is answered.
        """
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def turn(self, stopped: threading.Event, patience: Patience = SOON) -> Iterator[None]:
        """Wait until the page is quiet and nothing else works in the background.

        Parameters
        ----------
        stopped : threading.Event
            Set when the work is to end: then it is not waited for.
        patience : Patience, optional
            How long it is waited for.

        Yields
        ------
        None
            For a piece of the work.
        """
        with self._turn:
            self.wait(stopped, patience)
            yield

    def wait(self, stopped: threading.Event, patience: Patience = SOON) -> None:
        """Wait until the page is quiet: in work that takes long, between its pieces. See `turn`.

        Parameters
        ----------
        stopped : threading.Event
            Set when the work is to end.
        patience : Patience, optional
            How long it is waited for.
        """
        until_s = time.monotonic() + patience.most_s
        while self._is_loud(patience.quiet_s) and not stopped.is_set():
            if time.monotonic() >= until_s:
                if patience.then is not None:
                    self.wait(stopped, patience.then)
                return
            stopped.wait(LOOK_S)

    def _count(self, by: int) -> None:
        with self._counting:
            self._n_asked += by
            self._last_s = time.monotonic()

    def _is_loud(self, quiet_s: float) -> bool:
        return self._n_asked > 0 or time.monotonic() - self._last_s < quiet_s
