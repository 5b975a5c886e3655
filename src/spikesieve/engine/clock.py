"""Wall time and peak memory of each stage, read off the progress that the stages report anyway."""

from __future__ import annotations

import ctypes
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spikesieve.engine.executor import Progress, silent

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class StageCost:
    """What one stage cost: wall-clock seconds and the highest resident memory of the process so far, in MB (1e6)."""

    seconds: float
    peak_memory_mb: float


class StageClock:
    """A Progress that passes on what it is told and notes when each stage began and ended.

    A stage lasts until another one reports; what happens between two reports counts to the earlier stage, and what
    happens before the first to "start". A stage that comes back adds up.
    """

    def __init__(self, progress: Progress = silent, now: Callable[[], float] = time.perf_counter) -> None:
        self._progress = progress
        self._now = now
        self._stage = "start"
        self._since = now()
        self._costs: dict[str, StageCost] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Progress of a stage: done of total pieces."""
        if stage != self._stage:
            self._note()
            self._stage = stage
        self._progress(stage, done, total)

    def costs(self) -> dict[str, StageCost]:
        """Cost of every stage up to now, in the order in which they first reported."""
        self._note()
        return dict(self._costs)

    def _note(self) -> None:
        now = self._now()
        before = self._costs.get(self._stage, StageCost(0.0, 0.0)).seconds
        self._costs[self._stage] = StageCost(before + now - self._since, peak_memory_mb())
        self._since = now


def peak_memory_mb() -> float:
    """The highest resident memory that this process has had, in MB (1e6 bytes); nan where the system does not tell."""
    if sys.platform == "win32":
        return _peak_on_windows() / 1e6
    # Linux hands on to `getrusage` what the process that started this one had; its own is in this file.
    if STATUS.exists() and (own := re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text(encoding="utf-8"))):
        return int(own[1]) * 1024 / 1e6
    import resource  # does not exist on Windows

    # Linux counts in kB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of the Windows API."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_fault_count", ctypes.c_uint32),
        ("peak_working_set_size", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 7),
    )


def _peak_on_windows() -> float:
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    windll = getattr(ctypes, "windll")  # noqa: B009  typed on Windows only
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    told = windll.kernel32.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return float(counters.peak_working_set_size) if told else math.nan
