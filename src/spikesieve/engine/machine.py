"""Memory and processors that this process may use, and the memory that it has used."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
# Version 2 of the kernel's control groups, then version 1.
_CGROUP_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
_STATUS = Path("/proc/self/status")


def machine_bytes(cgroup: Path = _CGROUP) -> int:
    """Measure the memory that this process may use.

    Parameters
    ----------
    cgroup : Path, optional
        Folder of the control groups, which limit the memory of a container on Linux.

    Returns
    -------
    int
        Memory of the machine, or the limit of the container if that is lower.
    """
    n_bytes = int(psutil.virtual_memory().total)
    for path in (cgroup / name for name in _CGROUP_LIMITS):
        # Without a limit, version 2 has the text "max" and version 1 a number above any memory.
        if path.is_file() and (text := path.read_text(encoding="ascii").strip()).isdigit():
            n_bytes = min(n_bytes, int(text))
    return n_bytes


def n_processors() -> int:
    """Count the processors that this process may use.

    Returns
    -------
    int
        At least 1. Processors that CPU affinity excludes are not counted, on systems that have it.
    """
    if sys.platform == "darwin":
        return psutil.cpu_count() or 1
    return len(psutil.Process().cpu_affinity() or ()) or psutil.cpu_count() or 1


def peak_memory_mb() -> float:
    """Measure the highest resident memory that this process has had.

    Returns
    -------
    float
        MB (1e6 bytes).
    """
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    # On Linux getrusage includes the peak of the parent process; this file does not.
    if _STATUS.exists() and (own := re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))):
        return int(own[1]) * 1024 / 1e6
    import resource  # does not exist on Windows

    # Linux counts in kB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
