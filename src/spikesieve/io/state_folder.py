"""Where spikesieve keeps what it must find again: the list of sorts, and pages that are open."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """Name the folder in which spikesieve keeps what it must find again after its own end.

    Returns
    -------
    Path
        A folder of this user.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "spikesieve"
