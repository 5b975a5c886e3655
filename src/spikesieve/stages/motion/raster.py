"""Rasters for drift estimation: smoothed spike counts over time bins, amplitude and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, I32, I64
from spikesieve.model.motion import SPIKES_PER_LOOKUP as AT_ONCE
from spikesieve.stages.motion.depth_windows import DepthWindows
from spikesieve.stages.motion.time_bins import TimeBins

N_AMPLITUDES = 8
# Amplitudes beyond these quantiles are counted in the lowest and the highest bin.
AMPLITUDE_QUANTILES = (0.01, 0.995)
# Smoothed spike count whose raster value is one half; the value saturates at 1.
HALF_COUNT = 0.33
SMOOTH_UM = 4.0


@dataclass(frozen=True, eq=False)
class HiddenDepths:
    """Ranges of depth in which no spike could be detected in a time bin, because contacts were blanked.

    Attributes
    ----------
    bin : ndarray of int64, shape (n,)
        Time bin of each range.
    ends_um : ndarray of float64, shape (n, 2)
        Its lowest and highest depth in um.
    """

    bin: I64
    ends_um: F64

    def mark(self, raster: F32, axes: RasterAxes, start: int) -> None:
        """Write NaN where a raster could not hold a spike.

        Parameters
        ----------
        raster : ndarray of float32, shape (n_bins, n_amplitudes, n_depths)
            Raster of time bins from `start` on, changed in place.
        axes : RasterAxes
            Its depths.
        start : int
            Its first time bin.
        """
        for k in np.flatnonzero((self.bin >= start) & (self.bin < start + len(raster))):
            first, last = np.searchsorted(axes.depth_um, self.ends_um[k])
            raster[self.bin[k] - start, :, first:last] = np.nan


@dataclass(frozen=True, eq=False)
class BinnedSpikes:
    """Spikes of one shank, ordered by time bin.

    Attributes
    ----------
    bin : ndarray of int32, shape (n,)
        Time bin of each spike, ascending.
    depth_um : ndarray of float32, shape (n,)
        Depth of each spike in um.
    log_amplitude : ndarray of float32, shape (n,)
        Natural logarithm of the amplitude in uV.
    hidden : HiddenDepths or None
        Where no spike could be detected; None: nowhere.
    """

    bin: I32
    depth_um: F32
    log_amplitude: F32
    hidden: HiddenDepths | None = None

    def __len__(self) -> int:
        return len(self.bin)

    def select(self, keep: NDArray[Any] | slice) -> BinnedSpikes:
        """Select spikes.

        Parameters
        ----------
        keep : ndarray of bool or of int64, or slice
            Mask or ascending indices.

        Returns
        -------
        BinnedSpikes
            The selected spikes.
        """
        return BinnedSpikes(self.bin[keep], self.depth_um[keep], self.log_amplitude[keep], self.hidden)

    def at_rest(self, displacement_um: F64, windows: DepthWindows) -> BinnedSpikes:
        """Correct the depths of the spikes for a displacement.

        Parameters
        ----------
        displacement_um : ndarray of float64, shape (n_bins, n_windows)
            Displacement of each window in um.
        windows : DepthWindows
            The windows.

        Returns
        -------
        BinnedSpikes
            The spikes at the depths where they would be without it.
        """
        rest_um = np.empty_like(self.depth_um)
        for start in range(0, len(self), AT_ONCE):
            chunk = slice(start, start + AT_ONCE)
            row, depth_um = self.bin[chunk], self.depth_um[chunk]
            rest_um[chunk] = depth_um - _moved_um(row, depth_um, displacement_um, windows)
        hidden = self.hidden
        if hidden is not None:
            ends_um = hidden.ends_um.ravel()
            ends_um = ends_um - _moved_um(np.repeat(hidden.bin, 2), ends_um, displacement_um, windows)
            hidden = replace(hidden, ends_um=ends_um.reshape(-1, 2))
        return replace(self, depth_um=rest_um, hidden=hidden)

    def counts(self, n_bins: int, windows: DepthWindows) -> F64:
        """Count the spikes of each bin in each window, weighted.

        Parameters
        ----------
        n_bins : int
            Number of time bins.
        windows : DepthWindows
            The windows.

        Returns
        -------
        ndarray of float64, shape (n_bins, n_windows)
            Sums of the spikes' weights.
        """
        columns = [np.bincount(self.bin, windows.weights(k, self.depth_um), n_bins) for k in range(len(windows))]
        return np.stack(columns, axis=1)


def _moved_um(row: I32 | I64, depth_um: F32 | F64, displacement_um: F64, windows: DepthWindows) -> F64:
    """How far the tissue was displaced in some time bins at some depths."""
    below, above, fraction = windows.neighbours(depth_um)
    return np.asarray(displacement_um[row, below] * (1 - fraction) + displacement_um[row, above] * fraction)


def bin_spikes(bins: TimeBins, sample: I64, depth_um: F32, amplitude_uv: F32) -> BinnedSpikes:
    """Assign spikes to time bins; spikes outside of all bins are left out.

    Parameters
    ----------
    bins : TimeBins
        The bins.
    sample : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    depth_um : ndarray of float32, shape (n,)
        Depths in um.
    amplitude_uv : ndarray of float32, shape (n,)
        Amplitudes in uV.

    Returns
    -------
    BinnedSpikes
        The spikes that lie in a bin.

    Examples
    --------
    >>> bins = TimeBins(np.array([0, 100]), np.array([50, 150]))
    >>> bin_spikes(bins, np.array([10, 70, 120]), np.zeros(3, np.float32), np.ones(3, np.float32)).bin
    array([0, 1], dtype=int32)
    """
    row = bins.index_of(sample)
    known = row >= 0
    log = np.log(np.maximum(amplitude_uv[known], np.float32(1e-6)))
    return BinnedSpikes(row[known].astype(np.int32), depth_um[known], log)


@dataclass(frozen=True, eq=False)
class RasterAxes:
    """The depth and amplitude bins of a raster.

    Attributes
    ----------
    first_um : float
        Lower edge of the first depth bin in um.
    bin_um : float
        Height of a depth bin in um.
    n_depths : int
        Number of depth bins.
    log_amplitude : (float, float)
        Lowest and highest bin centre of the log amplitude.
    """

    first_um: float
    bin_um: float
    n_depths: int
    log_amplitude: tuple[float, float]

    @property
    def depth_um(self) -> F64:
        """Centres of the depth bins in um: (n_depths,) float64."""
        return self.first_um + (np.arange(self.n_depths, dtype=np.float64) + 0.5) * self.bin_um


def make_axes(spikes: BinnedSpikes, ends_um: tuple[float, float], bin_um: float) -> RasterAxes:
    """Choose depth bins over a range, and amplitude bins over the amplitudes of the spikes.

    Parameters
    ----------
    spikes : BinnedSpikes
        The spikes.
    ends_um : (float, float)
        Lowest and highest depth in um.
    bin_um : float
        Height of a depth bin in um.

    Returns
    -------
    RasterAxes
        The bins.
    """
    n = max(1, int(np.ceil((ends_um[1] - ends_um[0]) / bin_um)))
    low, high = np.quantile(spikes.log_amplitude, AMPLITUDE_QUANTILES) if len(spikes) else (0.0, 1.0)
    return RasterAxes(ends_um[0], bin_um, n, (float(low), float(max(high, low + 1e-3))))


def make_raster(spikes: BinnedSpikes, axes: RasterAxes, start: int, stop: int) -> F32:
    """Make the smoothed, saturating raster of some time bins.

    Parameters
    ----------
    spikes : BinnedSpikes
        The spikes.
    axes : RasterAxes
        Depth and amplitude bins.
    start, stop : int
        First time bin, and the one after the last.

    Returns
    -------
    ndarray of float32, shape (stop - start, N_AMPLITUDES, n_depths)
        Values from 0 to 1; NaN where no spike could be detected.

    Notes
    -----
    Every spike is shared between neighbouring bins of depth and of amplitude, so that positions within a bin count. A
    smoothed count s, in which a lone spike has height 1, becomes s / (s + 0.33). The evidence is neurons, not spikes: a
    neuron that fires much must not decide alone.

    Examples
    --------
    A lone spike in the middle of a depth bin has the value 1 / 1.33:

    >>> spike = BinnedSpikes(np.array([0]), np.array([21.0], np.float32), np.array([3.0], np.float32))
    >>> raster = make_raster(spike, RasterAxes(0.0, 2.0, 20, (3.0, 6.0)), 0, 1)
    >>> round(float(raster[0, 0, 10]), 2)
    0.75
    """
    inside = spikes.select(slice(*np.searchsorted(spikes.bin, (start, stop))))
    place = (inside.depth_um.astype(np.float64) - axes.first_um) / axes.bin_um - 0.5
    on_axis = (place > -1) & (place < axes.n_depths)
    inside, place = inside.select(on_axis), place[on_axis]
    low, high = axes.log_amplitude
    level = np.clip((inside.log_amplitude.astype(np.float64) - low) / (high - low), 0.0, 1.0) * (N_AMPLITUDES - 1)
    # A border of one bin on either side takes the shares of spikes in depths beyond the axis.
    shape = (stop - start, N_AMPLITUDES, axes.n_depths + 2)
    raster = np.zeros(np.prod(shape))
    for step_a in (0, 1):
        for step_d in (0, 1):
            a, share_a = _neighbouring_bin(level, step_a)
            d, share_d = _neighbouring_bin(place + 1, step_d)
            cell = np.ravel_multi_index((inside.bin - start, np.minimum(a, N_AMPLITUDES - 1), d), shape)
            raster += np.bincount(cell, share_a * share_d, len(raster))
    counts = raster.reshape(shape)[:, :, 1:-1].astype(np.float32)
    sigma = SMOOTH_UM / axes.bin_um
    smooth = gaussian_filter1d(counts, sigma, axis=2, mode="constant")
    smooth *= np.float32(np.sqrt(2 * np.pi) * max(sigma, 0.4))
    saturating: F32 = smooth / (smooth + np.float32(HALF_COUNT))
    if spikes.hidden is not None:
        spikes.hidden.mark(saturating, axes, start)
    return saturating


def _neighbouring_bin(place: F64, step: int) -> tuple[I64, F64]:
    """The bin before (step 0) or after (step 1) each place, and the share of the place in it."""
    before = np.floor(place).astype(np.int64)
    fraction = place - before
    return before + step, fraction if step else 1 - fraction
