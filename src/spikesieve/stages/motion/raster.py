"""Bins of time, windows of depth, and rasters: how many spikes there are at each depth and amplitude in each bin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, I32, I64
from spikesieve.model.motion import SPIKES_PER_LOOKUP as AT_ONCE

# Windows overlap: their SD in distances of their centres, and where they are cut.
WINDOW_SD, WINDOW_SDS = 0.8, 2.0
N_AMPLITUDES = 8
# Amplitudes beyond these quantiles belong to the lowest and the highest bin.
AMPLITUDE_QUANTILES = (0.01, 0.995)
# So many spikes count half as much as any number of them.
HALF = 0.33
SMOOTH_UM = 4.0


@dataclass(frozen=True, eq=False)
class TimeBins:
    """Bins of time that never cross the end of a segment.

    start, stop  (n_bins,) int64 samples, ascending; stretches between segments lie in no bin
    """

    start: I64
    stop: I64

    def __len__(self) -> int:
        return len(self.start)

    @property
    def centre(self) -> F64:
        """(n_bins,) float64 samples."""
        return np.asarray((self.start + self.stop) / 2.0)

    @property
    def gap(self) -> F64:
        """(n_bins - 1,) float64: from each centre to the next, over the usual distance."""
        steps = np.diff(self.centre)
        return np.asarray(steps / np.median(steps) if steps.size else steps)

    def of(self, sample: I64) -> I64:
        """The bin of each sample: (n,) int64, -1 where it lies in none."""
        row = np.searchsorted(self.start, sample, side="right") - 1
        return np.where((row >= 0) & (sample < self.stop[np.maximum(row, 0)]), row, -1)


def time_bins(segments: tuple[tuple[int, int], ...], bin_samples: float) -> TimeBins:
    """Every segment in bins of equal length, as near to bin_samples as can be."""
    starts, stops = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first, last in segments:
        n = max(1, round((last - first) / bin_samples))
        edges = first + (np.arange(n + 1) * (last - first)) // n
        starts.append(edges[:-1])
        stops.append(edges[1:])
    return TimeBins(np.concatenate(starts), np.concatenate(stops))


@dataclass(frozen=True, eq=False)
class Windows:
    """Overlapping windows of depth whose tissue may move differently; one alone holds all depths.

    ends_um    the depths they divide
    centre_um  (n_windows,) float64, ascending, evenly spaced
    sd_um      SD of the Gaussian that weighs depths; infinite for one window
    """

    ends_um: tuple[float, float]
    centre_um: F64
    sd_um: float

    def __len__(self) -> int:
        return len(self.centre_um)

    def reach_um(self, k: int) -> tuple[float, float]:
        """Where window k ends."""
        return self.centre_um[k] - WINDOW_SDS * self.sd_um, self.centre_um[k] + WINDOW_SDS * self.sd_um

    def weights(self, k: int, depth_um: F64 | F32) -> F64:
        """How much each depth belongs to window k: (n,) float64, 0 to 1."""
        if np.isinf(self.sd_um):
            return np.ones(len(depth_um))
        away = (depth_um - self.centre_um[k]) / self.sd_um
        return np.where(np.abs(away) < WINDOW_SDS, np.exp(-(away**2) / 2), 0.0)

    def shares(self, depth_um: F64 | F32) -> tuple[I64, F64]:
        """The last window at or below each depth and how far the depth is to the next (0 to 1); ends are held."""
        if len(self) == 1:
            return np.zeros(len(depth_um), np.int64), np.zeros(len(depth_um))
        at = (depth_um - self.centre_um[0]) / (self.centre_um[1] - self.centre_um[0])
        below = np.clip(np.floor(at), 0, len(self) - 2).astype(np.int64)
        return below, np.clip(at - below, 0.0, 1.0)

    def between(self, course: F64, depth_um: F64) -> F64:
        """A course of each window, (n_bins, n_windows) float64, at other depths: (n_bins, n_depths) float64."""
        below, part = self.shares(depth_um)
        above = np.minimum(below + 1, len(self) - 1)
        return np.asarray(course[:, below] * (1 - part) + course[:, above] * part)


def make_windows(low_um: float, high_um: float, n_sections: int) -> Windows:
    """2 n - 1 windows for n sections between two depths, half-overlapping, as Kilosort4's blocks."""
    step = (high_um - low_um) / (2 * n_sections)
    centres = low_um + step * np.arange(1, 2 * n_sections, dtype=np.float64)
    return Windows((low_um, high_um), centres, WINDOW_SD * step if n_sections > 1 else np.inf)


@dataclass(frozen=True, eq=False)
class BinnedSpikes:
    """Spikes of one shank, ordered by time bin.

    bin            (n,) int32, ascending
    depth_um       (n,) float32
    log_amplitude  (n,) float32, logarithm of the amplitude
    """

    bin: I32
    depth_um: F32
    log_amplitude: F32

    def __len__(self) -> int:
        return len(self.bin)

    def select(self, keep: NDArray[Any] | slice) -> BinnedSpikes:
        """The spikes in `keep` (mask, slice or ascending indices)."""
        return BinnedSpikes(self.bin[keep], self.depth_um[keep], self.log_amplitude[keep])

    def at_rest(self, course_um: F64, windows: Windows) -> BinnedSpikes:
        """The spikes where they would be without the displacement, (n_bins, n_windows) float64."""
        rest_um = np.empty_like(self.depth_um)
        for start in range(0, len(self), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            row, depth_um = self.bin[some], self.depth_um[some]
            below, part = windows.shares(depth_um)
            above = np.minimum(below + 1, len(windows) - 1)
            rest_um[some] = depth_um - (course_um[row, below] * (1 - part) + course_um[row, above] * part)
        return replace(self, depth_um=rest_um)

    def counts(self, n_bins: int, windows: Windows) -> F64:
        """(n_bins, n_windows) float64: how many spikes each window has in each bin, weighted."""
        each = [np.bincount(self.bin, windows.weights(k, self.depth_um), n_bins) for k in range(len(windows))]
        return np.stack(each, axis=1)


def binned(bins: TimeBins, sample: I64, depth_um: F32, amplitude_uv: F32) -> BinnedSpikes:
    """Spikes that lie in a time bin; samples ascending."""
    row = bins.of(sample)
    known = row >= 0
    log = np.log(np.maximum(amplitude_uv[known], np.float32(1e-6)))
    return BinnedSpikes(row[known].astype(np.int32), depth_um[known], log)


@dataclass(frozen=True, eq=False)
class Axes:
    """The bins of depth and of log-amplitude.

    first_um       lower edge of the first bin of depth
    bin_um         height of a bin
    n_depths       number of them
    log_amplitude  lowest and highest bin centre of the logarithm of the amplitude
    """

    first_um: float
    bin_um: float
    n_depths: int
    log_amplitude: tuple[float, float]

    @property
    def depth_um(self) -> F64:
        """(n_depths,) float64, bin centres."""
        return self.first_um + (np.arange(self.n_depths, dtype=np.float64) + 0.5) * self.bin_um


def make_axes(spikes: BinnedSpikes, ends_um: tuple[float, float], bin_um: float) -> Axes:
    """Bins from the one depth to the other, and over the amplitudes that there are."""
    n = max(1, int(np.ceil((ends_um[1] - ends_um[0]) / bin_um)))
    low, high = np.quantile(spikes.log_amplitude, AMPLITUDE_QUANTILES) if len(spikes) else (0.0, 1.0)
    return Axes(ends_um[0], bin_um, n, (float(low), float(max(high, low + 1e-3))))


def make_raster(spikes: BinnedSpikes, span: tuple[int, int], axes: Axes) -> F32:
    """Smoothed numbers of spikes, saturating, of bins span[0] <= t < span[1]: (n_bins, N_AMPLITUDES, n_depths) float32.

    Every spike is shared between neighbouring bins of depth and of amplitude, so that positions between them count.
    With a lone spike of height 1, a number s becomes s / (s + HALF): the witnesses are neurons, and one that fires much
    must not decide alone.
    """
    some = spikes.select(slice(*np.searchsorted(spikes.bin, span)))
    along = (some.depth_um.astype(np.float64) - axes.first_um) / axes.bin_um - 0.5
    inside = (along > -1) & (along < axes.n_depths)
    some, along = some.select(inside), along[inside]
    low, high = axes.log_amplitude
    up = np.clip((some.log_amplitude.astype(np.float64) - low) / (high - low), 0.0, 1.0) * (N_AMPLITUDES - 1)
    # A border of one bin on either side of the depths takes what spikes there share with bins beyond.
    shape = (span[1] - span[0], N_AMPLITUDES, axes.n_depths + 2)
    raster = np.zeros(np.prod(shape))
    for step_a in (0, 1):
        for step_d in (0, 1):
            a, share_a = _shared(up, step_a)
            d, share_d = _shared(along + 1, step_d)
            place = np.ravel_multi_index((some.bin - span[0], np.minimum(a, N_AMPLITUDES - 1), d), shape)
            raster += np.bincount(place, share_a * share_d, len(raster))
    counts = raster.reshape(shape)[:, :, 1:-1].astype(np.float32)
    sigma = SMOOTH_UM / axes.bin_um
    smooth = gaussian_filter1d(counts, sigma, axis=2, mode="constant")
    smooth *= np.float32(np.sqrt(2 * np.pi) * max(sigma, 0.4))
    return np.asarray(smooth / (smooth + np.float32(HALF)))


def _shared(at: F64, step: int) -> tuple[I64, F64]:
    """The bin before (step 0) or after (step 1) each value, and the value's share in it."""
    before = np.floor(at).astype(np.int64)
    part = at - before
    return before + step, part if step else 1 - part
