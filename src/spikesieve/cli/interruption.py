"""Ctrl-C and a scheduler's SIGTERM: a work is stopped at once, or at the next piece at the latest."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from spikesieve.engine.executor import Progress


@contextmanager
def stoppable(progress: Progress) -> Iterator[Progress]:
    """While in here, SIGINT and SIGTERM raise KeyboardInterrupt, and the yielded Progress raises it once more.

    Python drops an exception that a signal raises inside a callback from C (while a compiled kernel is loaded, say):
    what was asked for is remembered, and the next piece of work that reports its progress stops.
    A SIGINT that the process was started to ignore (a shell's background job) stays ignored.
    Signals can be caught on the main thread only.
    """
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def watched(stage: str, done: int, total: int) -> None:
        if asked:
            raise KeyboardInterrupt
        progress(stage, done, total)

    caught = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield watched
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
