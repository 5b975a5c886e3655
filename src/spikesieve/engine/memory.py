"""Estimates the memory of a sort and keeps it below a limit: with fewer workers, then with shorter blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import ByteSize

from spikesieve.engine.blocks import longest_block
from spikesieve.engine.machine import machine_bytes
from spikesieve.errors import SettingsError

# Python and libraries (330 MB), compiled kernels, the report, and freed memory that the allocator keeps. The first sort
# after an installation compiles the kernels and takes about 300 MB more.
_PROGRAM_BYTES = 420_000_000
# Copies of a block's traces (float32) that a worker holds at once: as read, filtered, moved to rest, whitened.
_TRACE_COPIES = 4
# The high-pass holds two vectors of 16 channels at each sample.
_FILTER_BYTES = 128
# Copies of the spectra of all contacts (float32) while lines of interference are looked for.
_SPECTRUM_COPIES = 12
# Bytes of the overlaps of a pair of templates, pairs per template, bytes of the waveforms of a template, and number of
# displacements for which all this is kept.
_PAIR_BYTES, _PAIRS, _WAVEFORM_BYTES, _DISPLACEMENTS = 500, 60, 4_000, 8
# Spikes per second of the busiest group and of a contact, in a recording with several neurons on every contact.
_BUSIEST_GROUP_HZ, _CONTACT_HZ = 60.0, 4.0
# Everything about a spike except its features, which are on disk. An hour of simulation took 60 bytes a spike.
_SPIKE_BYTES = 70
# Bytes of a spike: its features; while it is clustered; while clusters are compared.
_FEATURE_BYTES, _CLUSTERED_SPIKE_BYTES = 400, 1_200
_COMPARED_SPIKES, _COMPARED_SPIKE_BYTES = 40_000, 3_000
# Spikes per template that units are learned from.
_LEARNED_SPIKES = 3_000
# Spikes assigned to units at once, candidate units per spike, bytes of each pair.
_WEIGHED_SPIKES, _RIVALS, _WEIGHED_BYTES = 5_000, 40, 48
# Default limit as a share of the machine's memory.
_DEFAULT_SHARE = 0.25
# pydantic's ByteSize would read a number without a unit as bytes, and ignore text after the unit.
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(b|[kmgt]b|[kmg]ib|)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Demand:
    """Properties of a sort that determine its memory.

    Attributes
    ----------
    n_contacts : int
        Contacts that are sorted.
    n_channels : int
        Channels (columns) of the file.
    duration_s : float
        Duration that is sorted in s.
    block_samples : int
        Longest block that the settings allow in samples.
    sample_samples : int
        Length of the blocks from which noise and whitening are learned.
    halo_samples : int
        Samples read on either side of a block.
    n_templates : int
        Expected number of templates.
    max_clustered_spikes : int or None
        Largest number of spikes of a group that are clustered together; None: no limit.
    held_bytes : int
        Decoded samples that the recording keeps, if its files are compressed.
    """

    n_contacts: int
    n_channels: int
    duration_s: float
    block_samples: int
    sample_samples: int
    halo_samples: int
    n_templates: int
    max_clustered_spikes: int | None
    held_bytes: int = 0


@dataclass(frozen=True)
class Part:
    """One item of the memory estimate.

    Attributes
    ----------
    what : str
        Description for the user.
    n : int
        Number of copies.
    bytes_each : int
        Bytes of each copy.
    """

    what: str
    n: int
    bytes_each: int


@dataclass(frozen=True)
class MemoryPlan:
    """Number of workers and length of blocks that keep a sort below a memory limit.

    Attributes
    ----------
    n_workers : int
        Number of workers.
    block_samples : int
        Longest block in samples. It does not depend on the requested number of workers, so that the result does not
        either.
    parts : tuple of Part
        Memory of the stage that needs most: noise, matching, clustering or learning units.
    limit_bytes : int
        The limit in bytes.
    allowed_bytes : int
        What the machine, or the container or job, allows this process.
    """

    n_workers: int
    block_samples: int
    parts: tuple[Part, ...]
    limit_bytes: int
    allowed_bytes: int

    @property
    def total_bytes(self) -> int:
        """Memory of all parts together."""
        return _sum(self.parts)

    def lines(self) -> tuple[str, ...]:
        """Write the plan for the user.

        Returns
        -------
        tuple of str
            A sentence, then one line for each part, and a warning if the system allows less.
        """
        workers = f"{self.n_workers} worker" + "s" * (self.n_workers > 1)
        first = (
            f"Memory: about {self.total_bytes / 1e9:.2f} of {self.limit_bytes / 1e9:.2f} GB, "
            f"{workers}, blocks of {self.block_samples} samples"
        )
        parts = (f"{p.n * p.bytes_each / 1e6:8.0f} MB  {p.what}" for p in self.parts)
        return (first, *parts, *self._warnings())

    def _warnings(self) -> tuple[str, ...]:
        if self.total_bytes <= self.allowed_bytes:
            return ()
        allowed = f"{self.allowed_bytes / 1e9:.2f} GB"
        return (f"Only {allowed} are allowed here, so that the system may end the sort. Give the job more memory.",)


def plan_memory(demand: Demand, n_workers: int, limit_bytes: int | None = None) -> MemoryPlan:
    """Plan a sort below a memory limit.

    Workers are removed first. Blocks are shortened only if a single worker does not fit.

    Parameters
    ----------
    demand : Demand
        Properties of the sort.
    n_workers : int
        Requested number of workers.
    limit_bytes : int, optional
        The limit in bytes. Default: a quarter of this machine's memory, or what a single worker needs if that is more.

    Returns
    -------
    MemoryPlan
        Number of workers, length of the blocks, and the memory estimate.

    Raises
    ------
    SettingsError
        A single worker with the shortest blocks needs more than the given limit.

    Examples
    --------
    >>> demand = Demand(384, 385, 60.0, 60_000, 15_000, 1_500, 300, 25_000)
    >>> plan_memory(demand, 8, bytes_of("1GB")).n_workers
    3
    """
    longest = longest_block(demand.block_samples, demand.n_contacts)
    shortest = min(longest, max(1_000, demand.halo_samples))
    least = _total(demand, 1, shortest)
    allowed = machine_bytes()
    limit = max(round(_DEFAULT_SHARE * allowed), least) if limit_bytes is None else limit_bytes
    if least > limit:
        raise SettingsError(
            f"{demand.n_contacts} contacts and {demand.duration_s / 60:.0f} minutes need about {least / 1e9:.2f} GB "
            f"of memory, and the limit is {limit / 1e9:.2f} GB. Give at least --memory {least / 1e9 + 0.005:.2f}GB."
        )
    block = longest
    while _total(demand, 1, block) > limit:
        block = max(shortest, block // 2)
    fitting = max(n for n in range(1, n_workers + 1) if n == 1 or _total(demand, n, block) <= limit)
    return MemoryPlan(fitting, block, _parts(demand, fitting, block), limit, allowed)


def bytes_of(text: str) -> int:
    """Read an amount of memory.

    Parameters
    ----------
    text : str
        A number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB), in any case. Without a unit it is GB.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    SettingsError
        The text is not an amount of memory, or not above 0.

    Examples
    --------
    >>> bytes_of("4GB"), bytes_of("1.5 GiB"), bytes_of("4")
    (4000000000, 1610612736, 4000000000)
    """
    amount = _AMOUNT.fullmatch(text)
    if amount is None or float(amount[1]) <= 0:
        raise SettingsError(f"{text!r} is no amount of memory. Write a number and a unit, such as 4GB or 500MB.")
    return round(float(amount[1]) * ByteSize.byte_sizes[amount[2].lower() or "gb"])


def _total(demand: Demand, n_workers: int, block_samples: int) -> int:
    return _sum(_parts(demand, n_workers, block_samples))


def _parts(demand: Demand, n_workers: int, block_samples: int) -> tuple[Part, ...]:
    """Memory that is always in use, and that of the stage that needs most: stages run one after another."""
    n_spikes = round(_CONTACT_HZ * demand.n_contacts * demand.duration_s)
    always = (
        Part("program and libraries", 1, _PROGRAM_BYTES),
        *([Part("decoded samples", 1, demand.held_bytes)] if demand.held_bytes else []),
        Part(f"times and places of about {n_spikes} spikes (features are on disk)", 1, _SPIKE_BYTES * n_spikes),
    )
    stages = (
        _noise(demand, n_workers),
        _matching(demand, n_workers, block_samples),
        _clustering(demand, n_workers, n_spikes),
        _learning(demand, n_workers, n_spikes),
    )
    return always + max(stages, key=_sum)


def _noise(demand: Demand, n_workers: int) -> tuple[Part, ...]:
    spectrum_bytes = 2 * demand.sample_samples * demand.n_contacts
    return (
        Part("traces of a sample of the noise, each worker", n_workers, _trace_bytes(demand, demand.sample_samples)),
        Part("spectra of all contacts", _SPECTRUM_COPIES, spectrum_bytes),
    )


def _trace_bytes(demand: Demand, block_samples: int) -> int:
    """Bytes of the traces of a block and of what they are computed from."""
    n_samples = block_samples + 2 * demand.halo_samples
    return (4 * _TRACE_COPIES * demand.n_contacts + _FILTER_BYTES + 4 * demand.n_channels) * n_samples


def _matching(demand: Demand, n_workers: int, block_samples: int) -> tuple[Part, ...]:
    n_samples = block_samples + 2 * demand.halo_samples
    template_bytes = (_PAIR_BYTES * _PAIRS + _WAVEFORM_BYTES) * demand.n_templates
    return (
        Part("traces of a block, each worker", n_workers, _trace_bytes(demand, block_samples)),
        Part("their scores, each worker", n_workers, 4 * n_samples * demand.n_templates),
        Part("templates at every displacement", _DISPLACEMENTS, template_bytes),
    )


def _clustering(demand: Demand, n_workers: int, n_spikes: int) -> tuple[Part, ...]:
    in_busiest = min(n_spikes, round(_BUSIEST_GROUP_HZ * demand.duration_s), demand.max_clustered_spikes or n_spikes)
    n_bytes = _CLUSTERED_SPIKE_BYTES * in_busiest + _COMPARED_SPIKE_BYTES * min(in_busiest, _COMPARED_SPIKES)
    return (Part(f"clustering of a group of {in_busiest} spikes, each worker", n_workers, n_bytes),)


def _learning(demand: Demand, n_workers: int, n_spikes: int) -> tuple[Part, ...]:
    learned = min(n_spikes, _LEARNED_SPIKES * demand.n_templates)
    weighed_bytes = _RIVALS * _WEIGHED_BYTES * min(n_spikes, _WEIGHED_SPIKES)
    return (
        Part(f"features of {learned} spikes that units are learned from", 1, _FEATURE_BYTES * learned),
        Part("spikes weighed against their units, each worker", n_workers, weighed_bytes),
    )


def _sum(parts: tuple[Part, ...]) -> int:
    return sum(part.n * part.bytes_each for part in parts)
