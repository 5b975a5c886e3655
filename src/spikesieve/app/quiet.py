"""Keeps work in the background out of the way of the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_S = 0.4
"""The page is quiet when nothing was asked for this long: until then it draws, and gets ahead."""
MOST_S = 3.0
"""Work in the background waits up to this for the page to be quiet."""
LOOK_S = 0.05


class Quiet:
    """Knows when no page waits for an answer, and lets one piece of work in the background begin then."""

    def __init__(self) -> None:
        self._n_asked = 0
        self._last_s = time.monotonic() - QUIET_S
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
    def turn(self, stopped: threading.Event) -> Iterator[None]:
        """Wait until the page is quiet and nothing else works in the background.

        Parameters
        ----------
        stopped : threading.Event
            Set when the work is to end: then it is not waited for.

        Yields
        ------
        None
            For a piece of the work.
        """
        with self._turn:
            until_s = time.monotonic() + MOST_S
            while self._is_loud() and time.monotonic() < until_s and not stopped.wait(LOOK_S):
                pass
            yield

    def _count(self, by: int) -> None:
        with self._counting:
            self._n_asked += by
            self._last_s = time.monotonic()

    def _is_loud(self) -> bool:
        return self._n_asked > 0 or time.monotonic() - self._last_s < QUIET_S
