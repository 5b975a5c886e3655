"""The nouns: Probe, Recording, Spikes, Templates, Sorting. Frozen classes of arrays with shape, dtype and unit.

Axis order everywhere: (sample, channel), (unit, sample, contact). Sample numbers are int64 and count from the
first sample of the first file. "Contact" is a row of the probe, "channel" a column of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.kernels import microvolts

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Spikes whose displacement is looked up at a time.
AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class Probe:
    """Where the contacts are.

    positions_um  (n_contacts, 2) float64, x (across) and y (depth) in um
    channels      (n_contacts,) int64, the column of the file that holds each contact
    shanks        (n_contacts,) int64, the shank of each contact; a shank is a hard border for every local operation
    name          what to call it in logs and pictures

    Raises InputError for no contacts, NaN or duplicate positions, duplicate or negative channels.
    """

    positions_um: F64
    channels: I64
    shanks: I64
    name: str = "probe"

    def __post_init__(self) -> None:
        if self.positions_um.ndim != 2 or self.positions_um.shape[1] != 2 or len(self.positions_um) == 0:
            raise InputError(
                f"The probe {self.name!r} needs positions of shape (contacts, 2). Got {self.positions_um.shape}. "
                "Give an x and a y in um for each contact."
            )
        n = len(self.positions_um)
        if self.channels.shape != (n,) or self.shanks.shape != (n,):
            raise InputError(
                f"The probe {self.name!r} has {n} positions, {self.channels.size} channels and {self.shanks.size} "
                "shank numbers. Each contact needs one of each."
            )
        _require_finite_and_distinct(self.positions_um, self.name)
        if self.channels.min() < 0 or len(np.unique(self.channels)) < n:
            raise InputError(
                f"The probe {self.name!r} names a file channel twice or a negative one. "
                "Each contact needs a channel of its own, counted from 0."
            )

    @property
    def n_contacts(self) -> int:
        """Number of contacts."""
        return len(self.positions_um)

    def select(self, keep: NDArray[np.generic]) -> Probe:
        """The probe with the contacts in `keep` only (mask or indices)."""
        return Probe(self.positions_um[keep], self.channels[keep], self.shanks[keep], self.name)


def _require_finite_and_distinct(positions_um: F64, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(positions_um).all(axis=1))
    if bad.size:
        raise InputError(
            f"The probe {name!r} has a position that is not a number at contact(s) {bad[:10].tolist()}. "
            "Give each contact an x and a y in um, or leave the contact out."
        )
    _, first, counts = np.unique(positions_um, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        x, y = positions_um[first[counts > 1][0]]
        where = np.flatnonzero((positions_um == (x, y)).all(axis=1)).tolist()
        raise InputError(
            f"The probe {name!r} has contacts {where} at the same position ({x:g}, {y:g}) um. "
            "Contacts of different shanks need their shank's x offset; others need their own place."
        )


class ReadSamples(Protocol):
    """Anything that hands out raw samples: (start, stop) -> (stop - start, n_channels) in the file's own numbers."""

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Samples start..stop-1 of the whole recording; never asked beyond its ends."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A lazy recording: nothing is read until `read_uv` is called.

    read         the source of raw samples (a class of io/)
    n_samples    length of all files together
    n_channels   columns of the file
    sampling_hz  sampling rate in Hz
    gain_uv      uV per raw number; 1.0 when unknown (see has_gain)
    zero_raw     raw number that means 0 V (32768 for uint16)
    range_raw    smallest and largest raw number the converter can give, or None when it has no limits (float)
    segments     stretches (start, stop) in samples to sort: no filter crosses their ends
    file_starts  first sample of each file
    has_gain     False when amplitudes are in raw numbers because no gain was given
    name         what to call it in logs
    """

    read: ReadSamples
    n_samples: int
    n_channels: int
    sampling_hz: float
    gain_uv: float = 1.0
    zero_raw: float = 0.0
    range_raw: tuple[float, float] | None = None
    segments: tuple[tuple[int, int], ...] = ()
    file_starts: tuple[int, ...] = (0,)
    has_gain: bool = True
    name: str = "recording"
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.segments:
            bounds = [*self.file_starts, self.n_samples]
            object.__setattr__(self, "segments", tuple(pairwise(bounds)))

    @property
    def duration_s(self) -> float:
        """Seconds that are sorted: the segments, not the gaps."""
        return sum(stop - start for start, stop in self.segments) / self.sampling_hz

    def read_uv(self, start: int, stop: int, channels: I64) -> F32:
        """Samples start..stop-1 of the given columns in uV: (stop - start, len(channels)) float32, time contiguous."""
        raw = self.read(start, stop)
        is_int16 = raw.dtype.kind == "i" and raw.dtype.itemsize == 2
        numbers: NDArray[Any] = np.ascontiguousarray(raw, np.int16 if is_int16 else np.float32)
        uv = np.empty((len(channels), len(raw)), np.float32)
        microvolts(numbers, channels, np.float32(self.zero_raw), np.float32(self.gain_uv), uv)
        return uv.T

    def range_uv(self) -> tuple[float, float] | None:
        """The converter's limits in uV, or None."""
        if self.range_raw is None:
            return None
        low, high = sorted((r - self.zero_raw) * self.gain_uv for r in self.range_raw)
        return low, high

    def with_segments(self, segments: Sequence[tuple[int, int]]) -> Recording:
        """The same recording, sorted in other stretches."""
        return replace(self, segments=tuple(segments))


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of all units, sorted by (sample, unit).

    sample              (n,) int64, sample of the trough (or, for a positive unit, of the peak)
    unit                (n,) int32, row of Templates and of the unit table
    detection_template  (n,) int32, the learned template that found the spike, before the final clustering
    amplitude           (n,) float32, dimensionless: how many times its unit's template it is
    amplitude_uv        (n,) float32, peak-to-peak in uV on its unit's best contact
    position_um         (n, 2) float32, x and y in um
    features            (n, n_feature_contacts, n_pcs) float32, whitened PC scores on the contacts of its unit
                        (`Sorting.feature_contacts`), other units' spikes subtracted
    """

    sample: I64
    unit: I32
    detection_template: I32
    amplitude: F32
    amplitude_uv: F32
    position_um: F32
    features: F32

    def __len__(self) -> int:
        return len(self.sample)


@dataclass(frozen=True, eq=False)
class Templates:
    """Mean waveforms on the contacts near each unit.

    uv           (n_units, n_waveform_samples, n_near) float32, uV: high-passed, neither referenced nor whitened
    contacts     (n_units, n_near) int64, the contact of each column; -1 marks an unused column (its values are 0)
    peak_index   sample of the window at which the spike's time lies
    """

    uv: F32
    contacts: I64
    peak_index: int

    def __len__(self) -> int:
        return len(self.uv)

    def dense_uv(self, n_contacts: int) -> F32:
        """The same with all contacts: (n_units, n_waveform_samples, n_contacts) float32, 0 where not measured."""
        dense = np.zeros((len(self.uv), self.uv.shape[1], n_contacts), np.float32)
        for unit, near in enumerate(self.contacts):
            used = near >= 0
            dense[unit][:, near[used]] = self.uv[unit][:, used]
        return dense


@dataclass(frozen=True)
class Unit:
    """One row of the unit table (`units.csv`). None means: cannot be told from these data."""

    unit: int
    label: str  # good | mua | noise
    why: str
    chan_best: int
    file_channel: int
    shank: int
    x_um: float
    y_um: float
    depth_um: float
    n_spikes: int
    firing_rate_hz: float
    amplitude_uv: float
    snr: float
    refractory_ratio: float | None
    refractory_probability: float | None
    contamination: float | None
    contamination_low: float | None
    contamination_high: float | None
    presence: float
    nearest_unit: int | None
    nearest_similarity: float | None
    missed: float | None = None


@dataclass(frozen=True, eq=False)
class Motion:
    """How far the tissue moved along each shank, how sure that is, and whether the sort may use it.

    time_s        (n_times,) float64, ascending, seconds since the first sample of the recording
    depth_um      (n_depths,) float64, ascending; linear in between, constant beyond
    shanks        (n_shanks,) int64, shank numbers of the probe, ascending
    estimated_um  (n_shanks, n_times, n_depths) float32, upwards positive, median 0 over time at each depth:
                  what rests at depth y is observed at y + estimated_um
    se_um         (n_shanks, n_times, n_depths) float32, standard error of it; infinite where nothing is known
    decisions     for each shank: "use" | "rigid" (use the mean over depths) | "refuse" (hold the tissue to be still)
    why           for each shank, a sentence: what the decision rests on and what a person can do about it
    """

    time_s: F64
    depth_um: F64
    shanks: I64
    estimated_um: F32
    se_um: F32
    decisions: tuple[str, ...]
    why: tuple[str, ...]

    @classmethod
    def still(cls, shanks: I64, why: str) -> Motion:
        """Nothing moves, and nobody looked: `shanks` are the shank numbers, in any order and number."""
        numbers = np.unique(shanks)
        nothing = np.zeros((len(numbers), 1, 1), np.float32)
        n = len(numbers)
        return cls(np.zeros(1), np.zeros(1), numbers, nothing, nothing + np.inf, ("refuse",) * n, (why,) * n)

    @property
    def um(self) -> F32:
        """(n_shanks, n_times, n_depths) float32: the displacement that is used, 0 where it was refused."""
        used = self.estimated_um.copy()
        for shank, decision in enumerate(self.decisions):
            if decision == "rigid":
                used[shank] = used[shank].mean(axis=1, keepdims=True)
            if decision == "refuse":
                used[shank] = 0.0
        return used

    def at(self, time_s: F64, depth_um: F64, shank: I64) -> F64:
        """The displacement that is used at n times, depths and shanks: (n,) float64 um. Depths may be those at rest."""
        um, out = self.um.astype(np.float64), np.empty(len(time_s))
        # What stands between takes a hundred bytes a spike.
        for start in range(0, len(out), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            row = np.searchsorted(self.shanks, shank[part])
            t0, t1, t = _between(self.time_s, time_s[part])
            d0, d1, d = _between(self.depth_um, depth_um[part])
            early = um[row, t0, d0] * (1 - d) + um[row, t0, d1] * d
            out[part] = early * (1 - t) + (um[row, t1, d0] * (1 - d) + um[row, t1, d1] * d) * t
        return out


def _between(grid: F64, at: F64) -> tuple[I64, I64, F64]:
    """The grid points before and after each value, and how far it is from one to the other (0 to 1)."""
    after = np.clip(np.searchsorted(grid, at), min(1, len(grid) - 1), len(grid) - 1)
    before = np.maximum(after - 1, 0)
    gap = np.where(after > before, grid[after] - grid[before], 1.0)
    return before, after, np.clip((at - grid[before]) / gap, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Sorting:
    """The result of a sort.

    probe             the contacts that were sorted (bad ones left out are gone), `channels` gives file columns
    sampling_hz       sampling rate in Hz
    segments          stretches (start, stop) in samples that were sorted
    spikes            n spikes
    templates         one row a unit
    units             the unit table, one row a unit, row i is unit i
    whitening         (n_contacts, n_contacts) float32: white[t] = whitening @ uv[t]
    pcs               (n_pcs, n_waveform_samples) float32, orthonormal temporal components of `Spikes.features`
    feature_contacts  (n_units, n_feature_contacts) int64, contact of each feature column; -1 = unused
    similarity        (n_units, n_units) float32, largest normalised template correlation over small lags
    kept              (n_all,) bool: which of all matched spikes are in `spikes` (the others were double detections)
    noise_sd_uv       (n_contacts,) float32, noise SD in uV of the high-passed, referenced traces
    acgs              (n_units, n_bins) int64, autocorrelogram counts at lags of 0.5-1.5, 1.5-2.5 ... ms
    notes             sentences for the user: what was odd in the data and what was done about it
    motion            how the tissue moved, or None where it was not looked at
    """

    probe: Probe
    sampling_hz: float
    segments: tuple[tuple[int, int], ...]
    spikes: Spikes
    templates: Templates
    units: tuple[Unit, ...]
    whitening: F32
    pcs: F32
    feature_contacts: I64
    similarity: F32
    kept: Bool
    noise_sd_uv: F32
    acgs: I64
    notes: tuple[str, ...] = field(default=())
    motion: Motion | None = None

    @property
    def duration_s(self) -> float:
        """Seconds that were sorted."""
        return sum(stop - start for start, stop in self.segments) / self.sampling_hz
