"""Ctrl-C and a scheduler's SIGTERM: stop the work at once, or at the next block at the latest."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from spikesieve.engine.executor import Progress


@contextmanager
def stoppable(progress: Progress) -> Iterator[Progress]:
    """Let SIGINT and SIGTERM stop the work inside this block.

    Both raise KeyboardInterrupt. Python drops an exception that a signal raises inside a callback from C (while a
    compiled kernel is loaded, for example), so the yielded Progress raises it once more at the next block.
    A SIGINT that the process was started to ignore (a background job of a shell) stays ignored.

    Parameters
    ----------
    progress : Progress
        Shows the progress.

    Yields
    ------
    Progress
        The same, and it stops the work after a signal.

    Raises
    ------
    KeyboardInterrupt
        A signal came.
    ValueError
        This is not the main thread, the only one on which Python catches signals.
    """
    requested = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True
        raise KeyboardInterrupt

    def watched(stage: str, done: int, total: int) -> None:
        if requested:
            raise KeyboardInterrupt
        progress(stage, done, total)

    caught = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield watched
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
