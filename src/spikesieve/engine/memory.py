"""How much memory a sort takes, what takes it, and how it stays below a limit: fewer workers, then shorter blocks."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from spikesieve.engine.blocks import longest_block
from spikesieve.errors import SettingsError

# The program and its libraries, the compiler of the first run; an allocator that keeps a part of what was freed.
PROGRAM_BYTES = 500_000_000
# Traces of a block that a worker holds at once (uV as read, filtered, moved to rest, whitened), in float32.
TRACES = 4
# Two vectors of 16 channels at each sample, for the high-pass.
FILTER_BYTES = 128
# What templates do to each other at every lag, for each pair of them; how many of a template's neighbours are others;
# its waveforms; for how many displacements that is kept.
PAIR_BYTES, PAIRS, WAVEFORM_BYTES, DISPLACEMENTS = 500, 60, 4_000, 8
# Spikes a second of the busiest group, and of each contact: from recordings with several neurons on every contact.
BUSIEST_GROUP_HZ, CONTACT_HZ = 60.0, 5.0
# Sample, source, value, place, group, unit of every spike, and the copies that sorting them takes; features on disk.
SPIKE_BYTES = 120
# Features of a spike, of which clustering holds two copies, its links and labels; and what it takes in float64 of some.
FEATURE_BYTES, CLUSTERED_SPIKE_BYTES = 400, 1_200
COMPARED_SPIKES, COMPARED_SPIKE_BYTES = 40_000, 3_000
# Spikes of a template that units are learned from, their features held twice; spikes that are weighed at once, against
# so many units, with six numbers in float64 for each.
LEARNED_SPIKES = 3_000
WEIGHED_SPIKES, RIVALS, WEIGHED_BYTES = 5_000, 40, 48
# The limit that holds where none is given, as a share of the machine.
DEFAULT_SHARE = 0.25

UNITS = {"": 1e9, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}


@dataclass(frozen=True)
class Demand:
    """What is to be sorted, as far as memory goes.

    n_contacts      contacts that are sorted
    n_columns       channels of the file
    duration_s      seconds that are sorted
    block_samples   longest block that the settings allow
    beside_samples  what is read on either side of a block
    n_templates     templates to expect
    clustered       most spikes of a group that are clustered together, None: all
    """

    n_contacts: int
    n_columns: int
    duration_s: float
    block_samples: int
    beside_samples: int
    n_templates: int
    clustered: int | None


@dataclass(frozen=True)
class Part:
    """Something that takes memory: `n` times `bytes_each`."""

    what: str
    n: int
    bytes_each: int


@dataclass(frozen=True)
class MemoryPlan:
    """How a sort stays below a limit.

    n_workers      how many may work
    block_samples  longest block; it does not depend on the number of workers asked for, so the result does not either
    parts          what takes how much at the worst moment (blocks are matched, spikes clustered, units learned)
    limit_bytes    the limit
    """

    n_workers: int
    block_samples: int
    parts: tuple[Part, ...]
    limit_bytes: int

    @property
    def total_bytes(self) -> int:
        """All parts together."""
        return _sum(self.parts)

    def lines(self) -> tuple[str, ...]:
        """The plan for a reader: a sentence, then one line a part."""
        workers = f"{self.n_workers} worker" + "s" * (self.n_workers > 1)
        first = (
            f"Memory: about {self.total_bytes / 1e9:.2f} of {self.limit_bytes / 1e9:.2f} GB, "
            f"{workers}, blocks of {self.block_samples} samples"
        )
        return (first, *(f"{p.n * p.bytes_each / 1e6:8.0f} MB  {p.what}" for p in self.parts))


def plan_memory(demand: Demand, n_workers: int, limit_bytes: int | None = None) -> MemoryPlan:
    """As many of the workers as fit below the limit with blocks of the usual length; shorter blocks if not one does.

    limit_bytes  None: a quarter of this machine, or what a single worker needs where that is more
    Raises SettingsError when a single worker with the shortest blocks needs more than the limit that was given.
    """
    longest = longest_block(demand.block_samples, demand.n_contacts)
    shortest = min(longest, max(1_000, demand.beside_samples))
    least = _total(demand, 1, shortest)
    limit = max(round(DEFAULT_SHARE * machine_bytes()), least) if limit_bytes is None else limit_bytes
    if least > limit:
        raise SettingsError(
            f"{demand.n_contacts} contacts and {demand.duration_s / 60:.0f} minutes need about {least / 1e9:.2f} GB "
            f"of memory, and the limit is {limit / 1e9:.2f} GB. Give at least --memory {least / 1e9 + 0.005:.2f}GB."
        )
    block = longest
    while _total(demand, 1, block) > limit:
        block = max(shortest, block // 2)
    fit = max(n for n in range(1, n_workers + 1) if n == 1 or _total(demand, n, block) <= limit)
    return MemoryPlan(fit, block, _parts(demand, fit, block), limit)


def _total(demand: Demand, n_workers: int, block_samples: int) -> int:
    return _sum(_parts(demand, n_workers, block_samples))


def _parts(demand: Demand, n_workers: int, block_samples: int) -> tuple[Part, ...]:
    n = block_samples + 2 * demand.beside_samples
    values = 4 * n * demand.n_contacts
    traces = TRACES * values + (FILTER_BYTES + 4 * demand.n_columns) * n
    n_spikes = round(CONTACT_HZ * demand.n_contacts * demand.duration_s)
    in_busiest = min(n_spikes, round(BUSIEST_GROUP_HZ * demand.duration_s), demand.clustered or n_spikes)
    clustered = CLUSTERED_SPIKE_BYTES * in_busiest + COMPARED_SPIKE_BYTES * min(in_busiest, COMPARED_SPIKES)
    learned = min(n_spikes, LEARNED_SPIKES * demand.n_templates)
    template_bytes = (PAIR_BYTES * PAIRS + WAVEFORM_BYTES) * demand.n_templates
    always = (
        Part("program and libraries", 1, PROGRAM_BYTES),
        Part(f"times and places of about {n_spikes} spikes (features are on disk)", 1, SPIKE_BYTES * n_spikes),
    )
    by_turns = (
        (
            Part("traces of a block, each worker", n_workers, traces),
            Part("their scores, each worker", n_workers, 4 * n * demand.n_templates),
            Part("templates at every displacement", DISPLACEMENTS, template_bytes),
        ),
        (Part(f"clustering of a group of {in_busiest} spikes, each worker", n_workers, clustered),),
        (
            Part(f"features of {learned} spikes that units are learned from", 2, FEATURE_BYTES * learned),
            Part(
                "spikes weighed against their units, each worker",
                n_workers,
                RIVALS * WEIGHED_BYTES * min(n_spikes, WEIGHED_SPIKES),
            ),
        ),
    )
    return always + max(by_turns, key=_sum)


def _sum(parts: tuple[Part, ...]) -> int:
    return sum(part.n * part.bytes_each for part in parts)


def bytes_of(text: str) -> int:
    """ "4GB", "500 MB", "1.5GiB" or "4" (GB) in bytes; raises SettingsError for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in UNITS or float(found[1]) <= 0:
        raise SettingsError(f"{text!r} is no amount of memory. Write a number and a unit, such as 4GB or 500MB.")
    return round(float(found[1]) * UNITS[found[2]])


def machine_bytes() -> int:
    """Memory that this process may use at most: the machine's, or its container's if that has a lower limit."""
    if sys.platform == "win32":
        return _windows_bytes()
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if path.is_file() and (text := path.read_text(encoding="ascii").strip()).isdigit():
            machine = min(machine, int(text))
    return machine


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("others", ctypes.c_uint64 * 6),
    )


def _windows_bytes() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # noqa: B009  typed on Windows only
    return int(status.total_physical)
