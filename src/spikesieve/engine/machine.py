"""Memory and processors that this process may use, and the memory that it has used."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP, _OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# Folder, limit and use in version 2 of the kernel's control groups, then in version 1.
_CGROUP_FILES = (("", "memory.max", "memory.current"), ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"))
# What counts as use but is given up when memory is needed: files that were read. `total_` is with all groups below.
_FILES_IN_USE = re.compile(r"^(?:total_)?(?:in)?active_file (\d+)$", re.MULTILINE)
_STATUS = Path("/proc/self/status")
# Limits of a process, and the entry of its status that each of them bounds.
_PROCESS_LIMITS = (("RLIMIT_AS", "VmSize", "ulimit -v"), ("RLIMIT_DATA", "VmData", "ulimit -d"))


@dataclass(frozen=True)
class MemoryLimit:
    """A limit of the system on memory.

    Attributes
    ----------
    what : str
        What the limit is.
    limit_bytes, used_bytes : int
        The limit, and what is in use.
    """

    what: str
    limit_bytes: int
    used_bytes: int

    @property
    def room_share(self) -> float:
        """Share of the limit that is left."""
        return 1.0 - self.used_bytes / max(1, self.limit_bytes)


def memory_limits(cgroup: Path = _CGROUP, own: Path = _OWN_CGROUPS) -> tuple[MemoryLimit, ...]:
    """Measure the memory that this process may use, and what is in use.

    Parameters
    ----------
    cgroup : Path, optional
        Folder of the control groups, which limit the memory of a container or of a job on Linux.
    own : Path, optional
        File that names the groups of this process.

    Returns
    -------
    tuple of MemoryLimit
        The memory of the machine, then the limits of control groups and of the process that are set.
    """
    machine = psutil.virtual_memory()
    whole = MemoryLimit("the memory of the machine", int(machine.total), int(machine.total - machine.available))
    return (whole, *_group_limits(cgroup, own), *_process_limits())


def machine_bytes(cgroup: Path = _CGROUP) -> int:
    """Measure how much memory this process may use.

    Parameters
    ----------
    cgroup : Path, optional
        Folder of the control groups.

    Returns
    -------
    int
        Memory of the machine, or the lowest of the limits that are set.
    """
    return min(limit.limit_bytes for limit in memory_limits(cgroup))


def _group_limits(cgroup: Path, own: Path) -> Iterator[MemoryLimit]:
    """Limits of the groups of this process, and of all groups that hold these."""
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    named = [Path(line.split(":", 2)[2].lstrip("/")) for line in lines if line.count(":") >= 2]
    parents = {parent for path in named for parent in path.parents}
    for path in sorted({Path(), *named, *parents}):
        for folder, limit, used in _CGROUP_FILES:
            group = cgroup / folder / path
            n_bytes = _number_in(group / limit)
            # Without a limit, version 2 has the text "max" and version 1 a number above any memory.
            if n_bytes is not None and n_bytes < 2**60:
                taken = (_number_in(group / used) or 0) - sum(_files_in_use(group / "memory.stat"))
                yield MemoryLimit("the memory limit of the container or job", n_bytes, max(0, taken))


def _number_in(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None


def _files_in_use(path: Path) -> list[int]:
    """Bytes of files in memory. Version 1 lists its own and those of all groups below, which contain its own."""
    with suppress(OSError):
        found = path.read_text(encoding="ascii")
        return [int(n) for n in _FILES_IN_USE.findall(found[max(0, found.find("total_")) :])]
    return []


def _process_limits() -> Iterator[MemoryLimit]:
    if sys.platform != "linux":
        return
    import resource  # does not exist on Windows

    status = _STATUS.read_text(encoding="utf-8")
    for name, entry, what in _PROCESS_LIMITS:
        n_bytes, _ = resource.getrlimit(getattr(resource, name))
        if n_bytes != resource.RLIM_INFINITY and (used := re.search(rf"{entry}:\s*(\d+) kB", status)):
            yield MemoryLimit(f"the limit of {what}", n_bytes, int(used[1]) * 1024)


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


def begin_peak_memory() -> None:
    """Forget the highest memory so far, where the system can: a process that sorts one recording after another."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


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
