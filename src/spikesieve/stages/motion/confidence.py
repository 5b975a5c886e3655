"""How much of an estimated displacement is to be believed: noise, neurons that mislead, differences between depths.

The spikes are split into two halves that share no neuron, and the displacement is estimated from each as well. What the
halves disagree on is error. See docs/motion.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F64, Bool
from spikesieve.stages.motion.raster import HALF, WINDOW_SD, BinnedSpikes, Windows
from spikesieve.stages.motion.smoothing import smooth

# A neuron's spikes lie in a cell of about this size, in depth at rest and in the logarithm of the amplitude.
CELL_UM, CELL_LOG = 40.0, 0.8
# The depth at which a neuron is seen follows its true depth with a slope that differs from 1 between contacts: so much
# from neuron to neuron (SD), so much for all of them. Over longer ways than this it is 1 on average.
SLOPE_SD, COMMON_SLOPE_SD = 0.3, 0.05
LONG_WAY_UM = 10.0
# A variance in um^2 that says nothing.
NOTHING_KNOWN = 1e9
# Slow disagreement of the halves is averaged over so many bins.
SLOW_BINS = 30
# The median square of a normal variable is this part of its variance.
MEDIAN_SQUARE = 0.4549
# Movement is seen when it makes the course more likely by this factor (a logarithm).
SEEN = 5.0
# Depths differ when more than this share of a difference is believed.
HALF_BELIEVED = 0.5


@dataclass(frozen=True, eq=False)
class Judged:
    """A displacement and what is to be made of it.

    um          (n_bins, n_windows) float64, median 0 over time
    se_um       (n_bins, n_windows) float64
    seen        whether anything moves more than the error
    differs     whether depths differ in it by more than the error
    moved_um    root mean square of the movement in it
    error_um    root mean square of its standard error, where something is known
    neurons     the effective number of neurons that the best window hears
    """

    um: F64
    se_um: F64
    seen: bool
    differs: bool
    moved_um: float
    error_um: float
    neurons: float


def half_of_neurons(spikes: BinnedSpikes, course_um: F64, windows: Windows) -> Bool:
    """(n,) bool: spikes of about half of the neurons, in a chequerboard of cells of depth at rest and amplitude."""
    row, column = _cells(spikes, course_um, windows)
    return np.asarray((row + column) % 2 == 0)


def _cells(spikes: BinnedSpikes, course_um: F64, windows: Windows) -> tuple[F64, F64]:
    rest = spikes.at_rest(course_um, windows)
    return np.floor(rest.depth_um / CELL_UM), np.floor(spikes.log_amplitude / CELL_LOG)


def n_neurons(spikes: BinnedSpikes, course_um: F64, windows: Windows, bin_s: float) -> F64:
    """(n_windows,) float64: how many neurons a window hears, an effective number with the weight that rasters give."""
    cells, n = np.unique(np.stack(_cells(spikes, course_um, windows), axis=1), axis=0, return_counts=True)
    rate = n / (len(course_um) * bin_s)
    mass, depth_um = rate / (rate + HALF), (cells[:, 0] + 0.5) * CELL_UM
    weights = np.stack([mass * windows.weights(k, depth_um) for k in range(len(windows))], axis=1)
    return np.asarray(np.maximum(weights.sum(axis=0) ** 2 / np.maximum((weights**2).sum(axis=0), 1e-12), 1.0))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a displacement is judged by.

    whole, first, second  (n_bins, n_windows) float64 um: estimated from all spikes and from each half of the neurons
    counts                (n_bins, n_windows) float64: spikes in each bin and window
    neurons               (n_windows,) float64 of `n_neurons`
    gap                   (n_bins - 1,) float64, time between neighbouring bins over the usual one
    """

    whole: F64
    first: F64
    second: F64
    counts: F64
    neurons: F64
    gap: F64

    @property
    def slope_variance(self) -> F64:
        """(n_windows,) float64: how far the displacement may be off, in parts of itself, squared."""
        return np.asarray(SLOPE_SD**2 / self.neurons + COMMON_SLOPE_SD**2)


def judge(evidence: Evidence, windows: Windows, smoothed: bool) -> Judged:
    """The displacement without its noise, its standard error, and what can be told from it.

    The courses of the windows are written as cosines over depth, the mean first. Each has its own noise and random walk
    (`smooth`); of those after the mean, as much is kept as the neurons' own errors do not explain.
    With smoothed = False the displacement is left as it was estimated.
    """
    modes = _modes(evidence, smoothed)
    # Row m: what cosine m adds to each window.
    back = idct(np.eye(len(windows)), axis=1, norm="ortho") * np.sqrt(len(windows))
    um = np.stack([mode.um for mode in modes], axis=1) @ back
    um -= np.median(um, axis=0)
    variance = np.stack([mode.variance for mode in modes], axis=1) @ back**2
    variance += evidence.slope_variance * _way(um) ** 2 + _bend(um) ** 2
    known = variance < NOTHING_KNOWN
    moved_um = float(np.sqrt(sum(mode.square * (row**2).mean() for mode, row in zip(modes, back, strict=True))))
    error_um = float(np.sqrt(variance[known].mean())) if known.any() else np.inf
    seen = modes[0].share > 0 and moved_um > error_um
    differs = any(mode.share > HALF_BELIEVED for mode in modes[1:])
    se_um = np.sqrt(np.where(known, variance, np.inf))
    return Judged(um, se_um, seen, differs, moved_um, error_um, float(evidence.neurons.max()))


@dataclass(frozen=True, eq=False)
class _Mode:
    """One cosine over depth: um and variance (n_bins,) float64, the share that is believed, the square of what is."""

    um: F64
    variance: F64
    share: float
    square: float


def _modes(evidence: Evidence, smoothed: bool) -> list[_Mode]:
    n_windows = evidence.whole.shape[1]
    means = dct(evidence.whole, axis=1, norm="ortho") / np.sqrt(n_windows)
    halves = dct(evidence.first - evidence.second, axis=1, norm="ortho") / np.sqrt(n_windows) / 2
    out: list[_Mode] = []
    misled = 0.0
    for m in range(n_windows):
        noise = _noise(halves[:, m], evidence.counts.sum(axis=1))
        course = smooth(means[:, m], noise, evidence.gap)
        error = smooth(halves[:, m], noise, evidence.gap).um ** 2
        share = float(course.likelihood > SEEN)
        square = float((course.um**2).mean())
        if m == 0:
            misled = float((evidence.slope_variance * (_way(course.um) ** 2).mean()).mean()) / n_windows
        else:
            share *= max(0.0, 1.0 - max(float(error.mean()), misled) / max(square, 1e-12))
        slow = gaussian_filter1d(error, SLOW_BINS, mode="nearest")
        if smoothed:
            um, own = (course.um if m == 0 else share * course.um), course.variance
        else:
            um, own = means[:, m] - np.median(means[:, m]), noise
        # Within a bin the walk goes on: its mean is not where it is at the centre.
        out.append(_Mode(um, np.minimum(own + slow + course.step_um**2 / 12, NOTHING_KNOWN), share, share**2 * square))
    return out


def _noise(halves: F64, counts: F64) -> F64:
    """(n_bins,) variance of a course: inverse to the spikes of a bin, scaled by the fast disagreement of the halves.

    halves is half of the difference: two halves with twice the variance each leave the variance of the whole.
    """
    share = 1.0 / np.maximum(counts, 1e-9)
    seen = (counts[1:] > 0) & (counts[:-1] > 0)
    fast = np.diff(halves)[seen] ** 2 / (share[1:] + share[:-1])[seen]
    scale = float(np.median(fast)) / MEDIAN_SQUARE if fast.size else np.inf
    return np.where(counts > 0, scale * share, np.inf)


def _way(um: F64) -> F64:
    """How far the tissue is from its median place, as far as that misleads."""
    return np.minimum(np.abs(um), LONG_WAY_UM)


def _bend(um: F64) -> F64:
    """(n_bins, n_windows): how far the mean over a window is from its middle where the course bends over depth."""
    if um.shape[1] < 3:
        return np.zeros_like(um)
    second = um[:, 2:] - 2 * um[:, 1:-1] + um[:, :-2]
    # For a Gaussian of SD s the mean is off by s^2 / 2 times the second derivative.
    return np.pad(second, ((0, 0), (1, 1)), mode="edge") * WINDOW_SD**2 / 2
