"""Waveform extraction: mean waveforms of units in uV, their best contacts, peak-to-peak amplitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve import kernels
from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, I64, Bool, Probe, Templates
from spikesieve.settings.units import UnitsParams


@dataclass(frozen=True, eq=False)
class WaveformSums:
    """Sums over the waveforms of each unit.

    Attributes
    ----------
    sums : ndarray of float64, shape (n_units, n_window, n_near)
        Summed waveforms in uV.
    squares : ndarray of float64, shape (n_units, n_window, n_near)
        Sums of their squares.
    counts : ndarray of int64, shape (n_units, n_window, n_near), or (n_units, 1, n_near) where nothing is blanked
        Number of values in each sum; blanked ones do not count.

    Examples
    --------
    >>> one = WaveformSums(np.full((1, 1, 1), 6.0), np.full((1, 1, 1), 20.0), np.full((1, 1, 1), 2))
    >>> one.mean.item(), round(one.sd.item(), 3), one.n_spikes.item()
    (3.0, 1.414, 2)
    """

    sums: F64
    squares: F64
    counts: I64

    @classmethod
    def zeros(cls, *shape: int) -> WaveformSums:
        """Start with no waveform.

        Parameters
        ----------
        *shape : int
            Number of units, samples and contacts.

        Returns
        -------
        WaveformSums
            Zeros, the samples of a contact beside each other in memory, as the kernel sums them.
        """
        n_units, n_window, n_near = shape
        sums, squares, counts = (np.zeros((n_units, n_near, n_window), kind) for kind in (float, float, np.int64))
        return cls(sums.swapaxes(1, 2), squares.swapaxes(1, 2), counts.swapaxes(1, 2))

    def __add__(self, other: WaveformSums) -> WaveformSums:
        return WaveformSums(self.sums + other.sums, self.squares + other.squares, self.counts + other.counts)

    def add(self, part: PartOfSums) -> None:
        """Add the sums of some units in place.

        Parameters
        ----------
        part : PartOfSums
            The units, and their sums.
        """
        more = part.of_units
        counts = np.broadcast_to(more.counts, more.sums.shape)
        for own, of_units in ((self.sums, more.sums), (self.squares, more.squares), (self.counts, counts)):
            kernels.sum_rows(of_units.swapaxes(1, 2), part.units, own.swapaxes(1, 2))

    def rows(self, which: slice) -> WaveformSums:
        """Take some units.

        Parameters
        ----------
        which : slice
            Rows of the sums.

        Returns
        -------
        WaveformSums
            Views of these rows.
        """
        return WaveformSums(self.sums[which], self.squares[which], self.counts[which])

    @property
    def mean(self) -> F64:
        """Mean waveforms in uV, 0 where there is none."""
        return self.sums / np.maximum(self.counts, 1)

    @property
    def sd(self) -> F64:
        """SD of the waveforms in uV, NaN where there are fewer than two."""
        n = np.where(self.counts > 1, self.counts, np.nan)
        variance: F64 = np.maximum(self.squares - self.sums**2 / n, 0.0) / (n - 1)
        return np.asarray(np.sqrt(variance), np.float64)

    @property
    def n_spikes(self) -> I64:
        """Number of waveforms of each unit: (n_units,)."""
        return np.asarray(self.counts.max(axis=(1, 2), initial=0), np.int64)


@dataclass(frozen=True, eq=False)
class PartOfSums:
    """The sums of the units that have spikes in a part of the recording.

    Attributes
    ----------
    units : ndarray of int64, shape (n,)
        These units, ascending.
    of_units : WaveformSums
        A row for each of them.
    """

    units: I64
    of_units: WaveformSums


@dataclass(frozen=True, eq=False)
class Cut:
    """Which samples of a longer window make the waveform of each unit.

    Attributes
    ----------
    start : ndarray of int64, shape (n_units,)
        First sample of each unit.
    n_samples : int
        Samples of a waveform.
    """

    start: I64
    n_samples: int

    def of(self, waveforms: F64) -> F32:
        """Cut the waveforms.

        Parameters
        ----------
        waveforms : ndarray of float64, shape (n_units, n_window, n_near)
            Waveforms of the longer window.

        Returns
        -------
        ndarray of float32, shape (n_units, n_samples, n_near)
            Those samples of each unit.

        Examples
        --------
        >>> Cut(np.array([1]), 2).of(np.array([[[5.0], [6.0], [7.0]]])).ravel()
        array([6., 7.], dtype=float32)
        """
        at = self.start[:, None] + np.arange(self.n_samples)
        return np.take_along_axis(waveforms, at[:, :, None], axis=1).astype(np.float32, order="C")


def near_contacts(best: I64, probe: Probe, params: UnitsParams) -> I64:
    """Choose the contacts on which the waveform of each unit is measured.

    Parameters
    ----------
    best : ndarray of int64, shape (n_units,)
        Best contact of each unit.
    probe : Probe
        The contacts that are sorted.
    params : UnitsParams
        Number of contacts and their largest distance.

    Returns
    -------
    ndarray of int64, shape (n_units, n_near)
        Contacts, nearest to the best one first; -1 marks an unused entry.
    """
    xy, shanks = probe.positions_um, probe.shanks
    table = nearest(distances_um(xy, shanks, xy, shanks), params.waveform_contacts, params.waveform_radius_um)
    return table[best] if len(best) else np.empty((0, table.shape[1]), np.int64)


def add_waveforms(
    traces_uv: F32, sample: I64, unit: I64, contacts: I64, window: tuple[int, int], blanked: Bool | None = None
) -> PartOfSums:
    """Sum the waveforms of each unit in one block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces in uV, 0 where blanked.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples within the block, at least a window from its ends.
    unit : ndarray of int64, shape (n_spikes,)
        Unit of each spike.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit; -1 marks an unused entry.
    window : (int, int)
        Samples before the spike time and from it on.
    blanked : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples that do not count.

    Returns
    -------
    PartOfSums
        Sums and counts of the units that have spikes in this block.

    Examples
    --------
    >>> traces_uv = np.arange(6, dtype=np.float32)[None]
    >>> part = add_waveforms(traces_uv, np.array([2, 3]), np.zeros(2, np.int64), np.array([[0]]), (1, 2))
    >>> part.of_units.sums[0, :, 0]
    array([3., 5., 7.])
    """
    order = np.argsort(unit, kind="stable")
    units, first = np.unique(unit[order], return_index=True)
    ignored = np.empty((len(traces_uv), 0), np.bool_) if blanked is None else blanked
    sums, squares, counts = kernels.sum_waveforms(
        traces_uv, ignored, sample[order], np.append(first, len(unit)), contacts[units], window[0], sum(window)
    )
    return PartOfSums(units, WaveformSums(sums.swapaxes(1, 2), squares.swapaxes(1, 2), counts.swapaxes(1, 2)))


def best_columns(templates: Templates) -> I64:
    """Find the column of each template with the largest energy.

    Parameters
    ----------
    templates : Templates
        Mean waveforms in uV.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        Indices into the last axis of ``templates.uv``.
    """
    return np.asarray((templates.uv.astype(np.float64) ** 2).sum(axis=1).argmax(axis=1), dtype=np.int64)


def peak_to_peak_uv(templates: Templates) -> F32:
    """Measure the peak-to-peak amplitude of each unit on its best contact.

    Parameters
    ----------
    templates : Templates
        Mean waveforms in uV.

    Returns
    -------
    ndarray of float32, shape (n_units,)
        Peak-to-peak amplitudes in uV.

    Examples
    --------
    >>> peak_to_peak_uv(Templates(np.array([[[0.0], [-80.0], [20.0]]], np.float32), np.array([[5]]), 1))
    array([100.], dtype=float32)
    """
    rows = np.arange(len(templates))
    waveform = templates.uv[rows, :, best_columns(templates)]
    return np.asarray(np.ptp(waveform, axis=1), dtype=np.float32) if len(rows) else np.empty(0, np.float32)
