"""Processes of sorts: found again, made to rest, to go on, and to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psutil

from spikesieve.engine.lock import Owner

# The system stops a process when it next looks at it: within milliseconds, later on a busy machine.
LONGEST_WAIT_S, LOOK_EVERY_S = 5.0, 0.002


def living(owner: Mapping[str, Any] | None) -> psutil.Process | None:
    """Find a process that was written down.

    Parameters
    ----------
    owner : mapping or None
        Fields of an `engine.lock.Owner`.

    Returns
    -------
    psutil.Process or None
        None if it does not run any more, or on another machine, or the fields are damaged.
    """
    try:
        found = Owner(**(owner or {}))
        if found.machine != Owner.this_process().machine or not found.is_running():
            return None
        process = psutil.Process(found.pid)
        # The system keeps an entry of a process that ended until its parent asks for it.
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, TypeError):
        return None


def ask_to_end(process: psutil.Process) -> None:
    """Ask a process to end, also one that rests.

    Parameters
    ----------
    process : psutil.Process
        A process.
    """
    with suppress(ProcessLookupError, psutil.NoSuchProcess):  # it ends right now
        os.kill(process.pid, signal.SIGTERM)
        process.resume()  # one that rests hears it only then


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
