"""Which ports of this machine are pages of spikesieve, so that a notebook's server leads to these and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from spikesieve.engine.lock import Owner
from spikesieve.io.state_folder import state_folder


@contextmanager
def open_page(port: int) -> Iterator[None]:
    """Say for the body of a with statement that a port is a page of this process.

    Parameters
    ----------
    port : int
        The port.

    Yields
    ------
    None
        While it is one.
    """
    path = _path(port)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps(asdict(Owner.this_process())), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def is_open_page(port: int) -> bool:
    """Tell whether a port is a page of a process of this user that runs.

    Parameters
    ----------
    port : int
        The port.

    Returns
    -------
    bool
        False also for a page whose process was killed.
    """
    try:
        owner = Owner(**json.loads(_path(port).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False
    return owner.machine == Owner.this_process().machine and owner.is_running()


def _path(port: int) -> Path:
    return state_folder() / "pages" / f"{port}.json"
