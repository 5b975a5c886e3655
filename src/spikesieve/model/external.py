"""A sorting by any program, as far as its files describe it: spike trains, waveforms, and what the sorter left behind.

The readers in `spikesieve.io.sortings` make these from Phy folders, rez.mat and other formats; `spikesieve.comparison`
compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I64, Motion, ReadSamples


@dataclass(frozen=True, eq=False)
class SpikeTrains:
    """The spike trains of one sorting, in order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Sample of each spike, not descending.
    unit : ndarray of int64, shape (n_spikes,)
        Unit of each spike, as an index into `units`.
    units : ndarray of int64, shape (n_units,)
        Unit numbers as the sorter gave them, ascending. Each unit has at least one spike.
    """

    sample: I64
    unit: I64
    units: I64

    @classmethod
    def from_spikes(cls, sample: NDArray[np.integer], unit: NDArray[np.integer], name: str = "sorting") -> SpikeTrains:
        """Build spike trains from spikes in any order.

        Parameters
        ----------
        sample : ndarray of int, shape (n_spikes,)
            Sample of each spike.
        unit : ndarray of int, shape (n_spikes,)
            Unit number of each spike.
        name : str, optional
            Name of the sorting in error messages.

        Returns
        -------
        SpikeTrains
            The spikes, sorted by sample; spikes at one sample keep their order.

        Raises
        ------
        InputError
            If the arrays differ in length, have more than one dimension or hold no integers.

        Examples
        --------
        >>> trains = SpikeTrains.from_spikes(np.array([30, 10, 20]), np.array([7, 7, 2]))
        >>> trains.sample, trains.unit, trains.units
        (array([10, 20, 30]), array([1, 0, 1]), array([2, 7]))
        """
        sample, unit = np.asarray(sample), np.asarray(unit)
        if sample.ndim != 1 or sample.shape != unit.shape:
            raise InputError(
                f"The {name} has spike samples of shape {sample.shape} and units of shape {unit.shape}. "
                "Each spike needs one sample and one unit."
            )
        if sample.size and not (sample.dtype.kind in "iu" and unit.dtype.kind in "iu"):
            raise InputError(
                f"The {name} has spike samples of type {sample.dtype} and units of type {unit.dtype}. "
                "Both must be integers: a sample is counted from the start of the recording, not in seconds."
            )
        order = np.argsort(sample, kind="stable")
        units, index = np.unique(unit[order].astype(np.int64), return_inverse=True)
        return cls(sample[order].astype(np.int64), index.astype(np.int64), units)

    @property
    def n_spikes(self) -> I64:
        """Number of spikes of each unit, int64 of shape (n_units,)."""
        return np.bincount(self.unit, minlength=len(self.units)).astype(np.int64)

    def rows_by_unit(self) -> list[I64]:
        """Find the spikes of each unit.

        Returns
        -------
        list of ndarray of int64
            For each unit the indices of its spikes, in ascending order.

        Examples
        --------
        >>> SpikeTrains.from_spikes(np.array([10, 20, 30]), np.array([7, 2, 7])).rows_by_unit()
        [array([1]), array([0, 2])]
        """
        order = np.argsort(self.unit, kind="stable").astype(np.int64)
        return np.split(order, np.cumsum(self.n_spikes)[:-1]) if len(self.units) else []


def trains_in_time_order(
    sample: NDArray[np.integer], unit: NDArray[np.integer], name: str, *columns: NDArray[np.generic] | None
) -> tuple[SpikeTrains, tuple[NDArray[np.generic] | None, ...], tuple[str, ...]]:
    """Sort spikes by time, and other arrays with them. Spikes before sample 0, as of Kilosort4, are left out.

    Parameters
    ----------
    sample : ndarray of int
        Sample of each spike, in any order; flattened.
    unit : ndarray of int
        Unit number of each spike; flattened.
    name : str
        Name of the sorting in error messages.
    *columns : ndarray of shape (n_spikes, ...), or None
        Other values of the spikes, such as amplitudes.

    Returns
    -------
    trains : SpikeTrains
        The spikes in order of time.
    columns : tuple of ndarray or None
        The other arrays in the same order; None stays None.
    notes : tuple of str
        How many spikes were left out, where there are any.

    Raises
    ------
    InputError
        If lengths differ, or samples are no integers.

    Examples
    --------
    >>> trains, _, notes = trains_in_time_order(np.array([20, 10, -3]), np.array([0, 1, 1]), "mine")
    >>> trains.sample, notes
    (array([10, 20]), ('mine: 1 of 3 spikes lies before sample 0 and is left out.',))
    """
    sample, unit = np.asarray(sample).ravel(), np.asarray(unit).ravel()
    trains = SpikeTrains.from_spikes(sample, unit, name)
    for column in columns:
        if column is not None and len(column) != len(sample):
            raise InputError(
                f"The {name} has {len(sample)} spike times but {len(column)} rows in another array of its spikes. "
                "The files belong to different results: write them again."
            )
    sample = sample.astype(np.int64)  # Negative samples are huge ones in unsigned files.
    order = np.argsort(sample, kind="stable")
    order = order[sample[order] >= 0]
    n_left_out = len(sample) - len(order)
    notes: tuple[str, ...] = ()
    if n_left_out:
        trains = SpikeTrains.from_spikes(sample[order], unit[order], name)
        verbs = "lies before sample 0 and is" if n_left_out == 1 else "lie before sample 0 and are"
        notes = (f"{name}: {n_left_out} of {len(sample)} spikes {verbs} left out.",)
    return trains, tuple(None if column is None else np.asarray(column)[order] for column in columns), notes


@dataclass(frozen=True, eq=False)
class UnitWaveforms:
    """Mean waveforms of the units of one sorting.

    Attributes
    ----------
    values : ndarray of float32, shape (n_units, n_samples, n_contacts)
        Row k belongs to the k-th of `SpikeTrains.units`.
    peak_index : int
        Sample of the window at which the spike times lie.
    scale : str
        Unit of the values: "µV", "raw numbers" or "whitened".
    """

    values: F32
    peak_index: int
    scale: str


def trough_index(values: F32) -> int:
    """Find the sample of the window at which the spikes lie.

    Parameters
    ----------
    values : ndarray of float32, shape (n_units, n_samples, n_contacts)
        Mean waveforms of the units.

    Returns
    -------
    int
        Median over units of the sample of the largest deflection; the middle of the window if no unit has a signal.

    Examples
    --------
    >>> waveforms = np.zeros((1, 5, 2), np.float32)
    >>> waveforms[0, 3, 1] = -1.0
    >>> trough_index(waveforms)
    3
    """
    seen = np.abs(values).max(axis=(1, 2), initial=0.0) > 0
    if not seen.any():
        return int(values.shape[1] // 2)
    best: I64 = np.abs(values[seen]).max(axis=2).argmax(axis=1)
    return int(np.median(best))


@dataclass(frozen=True, eq=False)
class DriftTraces:
    """Displacement over time, one trace for each depth of each shank.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_times,)
        Times in s.
    depth_um : ndarray of float64, shape (n_traces,)
        Depth in um at which each trace holds.
    displacement_um : ndarray of float64, shape (n_times, n_traces)
        Displacement in um, upwards positive.
    shank : ndarray of int64, shape (n_traces,), or None
        Shank of each trace; None if one trace holds for all shanks.
    """

    time_s: F64
    depth_um: F64
    displacement_um: F64
    shank: I64 | None = None

    @classmethod
    def from_motion(cls, motion: Motion) -> DriftTraces:
        """Take the displacement that one of our own sorts used.

        Parameters
        ----------
        motion : Motion
            Motion of a `Sorting`.

        Returns
        -------
        DriftTraces
            One trace for each shank and depth; 0 on shanks where the estimate was refused.
        """
        used_um = motion.um.astype(np.float64)
        n_shanks, n_times, n_depths = used_um.shape
        return cls(
            time_s=motion.time_s,
            depth_um=np.tile(motion.depth_um, n_shanks),
            displacement_um=used_um.transpose(1, 0, 2).reshape(n_times, -1),
            shank=np.repeat(motion.shanks, n_depths),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each trace: its depth, with its shank if there are several."""
        depths = [f"{depth:.0f} µm" for depth in self.depth_um]
        if self.shank is None or len(np.unique(self.shank)) < 2:
            return tuple(depths)
        return tuple(f"shank {shank}, {depth}" for shank, depth in zip(self.shank, depths, strict=True))


@dataclass(frozen=True, eq=False)
class PreprocessedTraces:
    """Filtered and whitened traces that a sorter left on disk, up to a constant factor.

    Attributes
    ----------
    read : ReadSamples
        Reads samples start..stop-1 as an array of shape (stop - start, n_channels).
    n_samples : int
        Length in samples.
    """

    read: ReadSamples
    n_samples: int


@dataclass(frozen=True, eq=False)
class SorterIntermediates:
    """Intermediate results that a sorter left on disk. None: not kept.

    Attributes
    ----------
    traces : PreprocessedTraces or None
        Preprocessed traces.
    whitening : ndarray of float64, shape (n_contacts, n_contacts), or None
        Whitening matrix: white = whitening @ sample.
    drift : DriftTraces or None
        Displacement over time.
    ccb0 : ndarray of float64, shape (n_batches, n_batches), or None
        Dissimilarity of batches, in order of time.
    ccbsort : ndarray of float64, shape (n_batches, n_batches), or None
        The same, in the order of `iorig`.
    iorig : ndarray of int64, shape (n_batches,), or None
        Order in which Kilosort2 processed the batches, counted from 0.
    batch_time_s : ndarray of float64, shape (n_batches,), or None
        Middle of each batch in s.
    """

    traces: PreprocessedTraces | None = None
    whitening: F64 | None = None
    drift: DriftTraces | None = None
    ccb0: F64 | None = None
    ccbsort: F64 | None = None
    iorig: I64 | None = None
    batch_time_s: F64 | None = None


@dataclass(frozen=True)
class RawFileInfo:
    """What a sorting says about the raw files it was made from.

    Attributes
    ----------
    paths : tuple of str
        Paths of the raw files; the files may be gone.
    n_channels : int
        Number of channels (columns of the file).
    dtype : str
        Type of the samples, such as "int16".
    header_bytes : int
        Bytes before the first sample of each file.
    gain_uv : float or None
        uV per raw number; None: unknown.
    """

    paths: tuple[str, ...]
    n_channels: int
    dtype: str
    header_bytes: int = 0
    gain_uv: float | None = None


@dataclass(frozen=True, eq=False)
class ExternalSorting:
    """A sorting by any program, ready to be compared. None, or empty: the format does not say.

    Attributes
    ----------
    name : str
        Name in tables and figures.
    kind : str
        Format it was read from, in words.
    trains : SpikeTrains
        Its spikes.
    sampling_hz : float
        Sampling rate in Hz.
    channels : ndarray of int64, shape (n_contacts,), or None
        Channel (column of the raw file) of each contact.
    positions_um : ndarray of float64, shape (n_contacts, 2), or None
        x and y of each contact in um.
    shanks : ndarray of int64, shape (n_contacts,), or None
        Shank of each contact.
    waveforms : UnitWaveforms or None
        Mean waveforms of the units.
    amplitude : ndarray of float32, shape (n_spikes,), or None
        Amplitude of each spike, in the order of `trains`.
    amplitude_unit : str
        Unit of `amplitude`.
    unit_depth_um : ndarray of float64, shape (n_units,), or None
        Depth of each unit in um.
    unit_snr : ndarray of float64, shape (n_units,), or None
        Peak amplitude of each unit divided by the noise SD.
    raw : RawFileInfo or None
        The raw files.
    intermediates : SorterIntermediates
        Intermediate results of the sorter.
    notes : tuple of str
        Sentences on what is unusual about it.
    segments : tuple of (int, int)
        First sample and end of each part that was sorted.
    lists_all_neurons : bool or None
        Whether it lists every neuron of the recording, as the truth of a simulation; None: it does not say.
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
    raw: RawFileInfo | None = None
    intermediates: SorterIntermediates = field(default_factory=SorterIntermediates)
    notes: tuple[str, ...] = ()
    segments: tuple[tuple[int, int], ...] = ()
    lists_all_neurons: bool | None = None

    @property
    def n_spikes(self) -> int:
        """Number of spikes of all units."""
        return len(self.trains.sample)

    @property
    def n_contacts(self) -> int | None:
        """Number of contacts it was sorted with; None: unknown."""
        if self.positions_um is not None:
            return len(self.positions_um)
        return None if self.waveforms is None else int(self.waveforms.values.shape[2])
