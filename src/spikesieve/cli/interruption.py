"""Ctrl-C and a scheduler's SIGTERM: stop the work at once, or at the next block, and within a second in any case."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from spikesieve.engine.executor import Progress

# After a signal the work has this long to end by itself.
GRACE_S = 0.7


class SignalInterrupt(KeyboardInterrupt):
    """A signal asks the command to end.

    Parameters
    ----------
    number : int
        Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def stoppable(progress: Progress, end: Callable[[int], None] | None = None) -> Iterator[Progress]:
    """Let SIGINT and SIGTERM stop the work inside this block.

    Both raise KeyboardInterrupt. Python drops an exception that a signal raises inside a callback from C (while a
    compiled kernel is loaded, for example), so the yielded Progress raises it once more at the next block.
    A SIGINT that the process was started to ignore (a background job of a shell) stays ignored.

    Parameters
    ----------
    progress : Progress
        Shows the progress.
    end : callable, optional
        Called with the number of the signal, on another thread, if the work has not ended 0.7 s after it: a compiled
        loop cannot be interrupted. It must end the process.

    Yields
    ------
    Progress
        The same, and it stops the work after a signal.

    Raises
    ------
    SignalInterrupt
        A signal came.
    ValueError
        This is not the main thread, the only one on which Python catches signals.
    """
    requested: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        requested.append(number)
        raise SignalInterrupt(number)

    def watched(stage: str, done: int, total: int) -> None:
        if requested:
            raise SignalInterrupt(requested[0])
        progress(stage, done, total)

    caught = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    with _watch(end):
        before = {number: signal.signal(number, stop) for number in caught}
        try:
            yield watched
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _watch(end: Callable[[int], None] | None) -> Iterator[None]:
    """Call `end` some time after a signal. The system writes its number into a socket, whatever Python is doing."""
    if end is None:
        yield
        return
    theirs, ours = socket.socketpair()
    ended = threading.Event()

    def wait() -> None:
        number = ours.recv(1)
        if number and not ended.wait(GRACE_S):
            end(number[0])

    theirs.setblocking(False)
    before = signal.set_wakeup_fd(theirs.fileno())
    watcher = threading.Thread(target=wait, name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        theirs.close()
        watcher.join()
        ours.close()


def leave(status: int) -> None:
    """End the process without waiting for its threads. What is on the disk is always fit to go on from.

    Parameters
    ----------
    status : int
        Exit status.
    """
    os._exit(status)
