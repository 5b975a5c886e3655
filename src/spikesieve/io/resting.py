"""Processes that are made to rest, and go on."""

from __future__ import annotations

import time

import psutil

# The system stops a process when it next looks at it: within milliseconds, later on a busy machine.
LONGEST_WAIT_S, LOOK_EVERY_S = 5.0, 0.002


def rests(process: psutil.Process) -> bool:
    """Tell whether a process rests.

    Parameters
    ----------
    process : psutil.Process
        A process.

    Returns
    -------
    bool
        Whether it was made to rest; False if it has ended.
    """
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def make_rest(process: psutil.Process) -> None:
    """Make a process rest, and wait until it does.

    Parameters
    ----------
    process : psutil.Process
        A process.
    """
    process.suspend()
    until_s = time.monotonic() + LONGEST_WAIT_S
    while not rests(process) and process.is_running() and time.monotonic() < until_s:
        time.sleep(LOOK_EVERY_S)


def let_go_on(process: psutil.Process) -> None:
    """Let a process go on that rests, and wait until it does.

    Parameters
    ----------
    process : psutil.Process
        A process.
    """
    process.resume()
    until_s = time.monotonic() + LONGEST_WAIT_S
    while rests(process) and time.monotonic() < until_s:
        time.sleep(LOOK_EVERY_S)
