"""What a comparison knows of one of its sides, whoever sorted it and whatever format it came in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikesieve.comparison.agreement import SpikeTrains
from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I64, Motion, ReadSamples


@dataclass(frozen=True, eq=False)
class UnitWaveforms:
    """Mean waveforms of the units of one side.

    values      (n_units, n_samples, n_contacts) float32, row k belongs to the k-th of `SpikeTrains.units`
    peak_index  sample of the window at which the spike times lie
    scale       what the values are: "µV", "raw numbers" or "whitened"
    """

    values: F32
    peak_index: int
    scale: str


@dataclass(frozen=True, eq=False)
class Drift:
    """Displacement over time, one trace for each stretch of each shank.

    time_s    (n_times,) float64
    depth_um  (n_traces,) float64, centre of each stretch
    um        (n_times, n_traces) float64
    shank     (n_traces,) int64, or None where one trace is for all shanks
    """

    time_s: F64
    depth_um: F64
    um: F64
    shank: I64 | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each trace: its depth, and its shank where there are several."""
        depths = [f"{depth:.0f} µm" for depth in self.depth_um]
        if self.shank is None or len(np.unique(self.shank)) < 2:
            return tuple(depths)
        return tuple(f"shank {shank}, {depth}" for shank, depth in zip(self.shank, depths, strict=True))


def drift_of_motion(motion: Motion) -> Drift:
    """The displacement that a run of ours used: 0 on a shank on which it was refused."""
    um = motion.um.astype(np.float64)
    n_shanks, n_times, n_depths = um.shape
    return Drift(
        time_s=motion.time_s,
        depth_um=np.tile(motion.depth_um, n_shanks),
        um=um.transpose(1, 0, 2).reshape(n_times, -1),
        shank=np.repeat(motion.shanks, n_depths),
    )


@dataclass(frozen=True, eq=False)
class Traces:
    """Preprocessed traces that a run left behind: whitened, times any constant.

    read       (start, stop) -> (stop - start, n_channels)
    n_samples  length
    """

    read: ReadSamples
    n_samples: int


@dataclass(frozen=True, eq=False)
class Steps:
    """What a run left of its inner steps; None: not there.

    traces     preprocessed traces
    whitening  (n_contacts, n_contacts) float64, white = whitening @ sample
    drift      displacement over time
    ccb0       (n_batches, n_batches) float64 dissimilarity of batches, in order of time
    ccbsort    the same in the order of `iorig`
    iorig      (n_batches,) int64, counted from 0: the order in which Kilosort2 puts the batches
    batch_time_s  (n_batches,) float64, middle of each batch
    """

    traces: Traces | None = None
    whitening: F64 | None = None
    drift: Drift | None = None
    ccb0: F64 | None = None
    ccbsort: F64 | None = None
    iorig: I64 | None = None
    batch_time_s: F64 | None = None


@dataclass(frozen=True)
class RawFile:
    """The recording that a side was made from, as it names it; see `read_recording`.

    paths  None of them needs to exist any more
    """

    paths: tuple[str, ...]
    n_channels: int
    dtype: str
    header_bytes: int = 0
    gain_uv: float | None = None


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison. None: its format does not tell.

    name            what to call it
    kind            what it was read as, in words
    trains          its spikes
    sampling_hz     sampling rate
    channels        (n_contacts,) int64 column of the raw file of each contact
    positions_um    (n_contacts, 2) float64
    shanks          (n_contacts,) int64
    waveforms       mean waveforms
    amplitude       (n_spikes,) float32, size of each spike in the order of `trains`
    amplitude_unit  what `amplitude` is counted in
    unit_depth_um   (n_units,) float64, depth of each unit
    unit_snr        (n_units,) float64, peak amplitude over noise
    raw             the recording
    steps           what is left of the inner steps
    notes           sentences: what was odd
    """

    name: str
    kind: str
    trains: SpikeTrains
    sampling_hz: float
    channels: I64 | None = None
    positions_um: F64 | None = None
    shanks: I64 | None = None
    waveforms: UnitWaveforms | None = None
    amplitude: F32 | None = None
    amplitude_unit: str = ""
    unit_depth_um: F64 | None = None
    unit_snr: F64 | None = None
    raw: RawFile | None = None
    steps: Steps = field(default_factory=Steps)
    notes: tuple[str, ...] = ()

    @property
    def n_spikes(self) -> int:
        """Spikes of all units."""
        return len(self.trains.sample)

    @property
    def n_contacts(self) -> int | None:
        """Contacts it was sorted with."""
        if self.positions_um is not None:
            return len(self.positions_um)
        return None if self.waveforms is None else int(self.waveforms.values.shape[2])


def in_order(
    sample: NDArray[np.integer], unit: NDArray[np.integer], name: str, *columns: NDArray[np.generic] | None
) -> tuple[SpikeTrains, tuple[NDArray[np.generic] | None, ...]]:
    """Spike trains from spikes in any order, and other columns, (n_spikes, ...) each, in the order of the trains.

    Raises InputError when lengths differ, samples are no integers or are negative.
    """
    sample, unit = np.asarray(sample).ravel(), np.asarray(unit).ravel()
    trains = SpikeTrains.from_spikes(sample, unit, name)
    if len(sample) and sample.min() < 0:
        raise InputError(f"The {name} has a spike at sample {sample.min()}. Samples count from 0: check the file.")
    for column in columns:
        if column is not None and len(column) != len(sample):
            raise InputError(
                f"The {name} has {len(sample)} spike times but {len(column)} rows in another array of its spikes. "
                "The files are not of one result: write them again."
            )
    order = np.argsort(sample, kind="stable")
    return trains, tuple(None if column is None else np.asarray(column)[order] for column in columns)


def trough_index(values: F32) -> int:
    """Where the spikes of a side lie in its windows: the median over units of the largest deflection's sample.

    values  (n_units, n_samples, n_contacts) float32; without units or signal the middle of the window
    """
    seen = np.abs(values).max(axis=(1, 2), initial=0.0) > 0
    if not seen.any():
        return int(values.shape[1] // 2)
    best: I64 = np.abs(values[seen]).max(axis=2).argmax(axis=1)
    return int(np.median(best))
