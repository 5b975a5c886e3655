"""The end of a text file that another program writes."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 65_536


def tail(path: Path) -> str:
    """Read the end of a text file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        At most 64 kB; empty if there is no such file.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - MOST_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
