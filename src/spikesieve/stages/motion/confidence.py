"""The standard error of an estimated displacement: noise, neurons that mislead, depths that move differently.

The spikes are split into two halves that share no neuron, and the displacement is estimated from each half as well.
Where the halves disagree, the estimate is wrong. See docs/motion.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F64, Bool
from spikesieve.stages.motion.depth_windows import WINDOW_SD, DepthWindows
from spikesieve.stages.motion.raster import HALF_COUNT, BinnedSpikes
from spikesieve.stages.motion.smoothing import smooth

# The spikes of a neuron lie in a cell of about this size, in depth at rest and in the log amplitude.
CELL_UM, CELL_LOG = 40.0, 0.8
# The depth at which a neuron is seen follows its true depth with a slope other than 1 between contacts: the SD of the
# slope from neuron to neuron, and the SD that all share. Over longer ways than this the slope is 1 on average.
SLOPE_SD, COMMON_SLOPE_SD = 0.3, 0.05
LONG_WAY_UM = 10.0
# A variance in um^2 at which nothing is known.
NOTHING_KNOWN = 1e9
# Disagreement of the halves is averaged over this many bins.
SLOW_BINS = 30
# Median of the square of a standard normal variable.
MEDIAN_SQUARE = 0.4549
# Movement is seen if it raises the log likelihood by this.
MIN_LOG_LIKELIHOOD_RATIO = 5.0
# Depths differ if more than this share of a difference is movement.
MIN_SHARE_OF_DIFFERENCE = 0.5


@dataclass(frozen=True, eq=False)
class SplitHalfEstimate:
    """Displacements estimated from all spikes and from each half of the neurons.

    Attributes
    ----------
    whole, first, second : ndarray of float64, shape (n_bins, n_windows)
        Displacement in um from all spikes, and from each half.
    counts : ndarray of float64, shape (n_bins, n_windows)
        Number of spikes of each bin and window.
    n_neurons : ndarray of float64, shape (n_windows,)
        Effective number of neurons in each window (`effective_neurons`).
    gap : ndarray of float64, shape (n_bins - 1,)
        Distance of neighbouring bins in time, divided by the usual one.
    """

    whole: F64
    first: F64
    second: F64
    counts: F64
    n_neurons: F64
    gap: F64

    @property
    def slope_variance(self) -> F64:
        """Squared relative error of the displacement in each window: (n_windows,) float64."""
        return np.asarray(SLOPE_SD**2 / self.n_neurons + COMMON_SLOPE_SD**2)


@dataclass(frozen=True, eq=False)
class DisplacementEstimate:
    """A displacement, its standard error, and what can be concluded from it.

    Attributes
    ----------
    displacement_um : ndarray of float64, shape (n_bins, n_windows)
        Displacement in um, median 0 over time.
    se_um : ndarray of float64, shape (n_bins, n_windows)
        Standard error in um; infinite where nothing is known.
    is_moving : bool
        Whether the movement exceeds the error.
    depths_differ : bool
        Whether depths move differently by more than the error.
    rms_um : float
        Root mean square of the movement in um.
    rms_error_um : float
        Root mean square of the standard error in um, where it is finite.
    n_neurons : float
        Effective number of neurons of the best window.
    """

    displacement_um: F64
    se_um: F64
    is_moving: bool
    depths_differ: bool
    rms_um: float
    rms_error_um: float
    n_neurons: float


def half_of_neurons(spikes: BinnedSpikes, displacement_um: F64, windows: DepthWindows) -> Bool:
    """Select the spikes of about half of the neurons, in a chequerboard over depth at rest and log amplitude.

    Parameters
    ----------
    spikes : BinnedSpikes
        All spikes.
    displacement_um : ndarray of float64, shape (n_bins, n_windows)
        Displacement of each window in um.
    windows : DepthWindows
        The windows.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for the spikes of one half.

    Examples
    --------
    Two neurons, 40 um apart:

    >>> depth_um, log_amplitude = np.array([10.0, 50.0, 12.0], np.float32), np.full(3, 4.1, np.float32)
    >>> spikes = BinnedSpikes(np.zeros(3, np.int32), depth_um, log_amplitude)
    >>> half_of_neurons(spikes, np.zeros((1, 1)), DepthWindows((0.0, 100.0), np.array([50.0]), np.inf))
    array([False,  True, False])
    """
    row, column = _cells(spikes, displacement_um, windows)
    return np.asarray((row + column) % 2 == 0)


def _cells(spikes: BinnedSpikes, displacement_um: F64, windows: DepthWindows) -> tuple[F64, F64]:
    rest = spikes.at_rest(displacement_um, windows)
    return np.floor(rest.depth_um / CELL_UM), np.floor(spikes.log_amplitude / CELL_LOG)


def effective_neurons(spikes: BinnedSpikes, displacement_um: F64, windows: DepthWindows, bin_s: float) -> F64:
    """Estimate how many neurons each window hears.

    Parameters
    ----------
    spikes : BinnedSpikes
        All spikes.
    displacement_um : ndarray of float64, shape (n_bins, n_windows)
        Displacement of each window in um.
    windows : DepthWindows
        The windows.
    bin_s : float
        Length of a time bin in s.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        Effective numbers, with every neuron weighted as in the rasters; at least 1.
    """
    cells, n = np.unique(np.stack(_cells(spikes, displacement_um, windows), axis=1), axis=0, return_counts=True)
    rate = n / (len(displacement_um) * bin_s)
    mass, depth_um = rate / (rate + HALF_COUNT), (cells[:, 0] + 0.5) * CELL_UM
    weights = np.stack([mass * windows.weights(k, depth_um) for k in range(len(windows))], axis=1)
    return np.asarray(np.maximum(weights.sum(axis=0) ** 2 / np.maximum((weights**2).sum(axis=0), 1e-12), 1.0))


def assess(estimate: SplitHalfEstimate, windows: DepthWindows, remove_noise: bool) -> DisplacementEstimate:
    """Remove the noise of a displacement and find its standard error.

    Parameters
    ----------
    estimate : SplitHalfEstimate
        Displacements from all spikes and from each half of the neurons.
    windows : DepthWindows
        The windows.
    remove_noise : bool
        False: the displacement is left as it was estimated.

    Returns
    -------
    DisplacementEstimate
        The displacement, its error, and whether anything moves.

    Notes
    -----
    The displacements of the windows are written as cosines over depth, the mean first. Each cosine has its own noise
    and random walk (`smoothing.smooth`). Of those after the mean, only the part is kept that is more than the neurons'
    errors.
    """
    cosines = _cosines(estimate, remove_noise)
    # Row m: what cosine m adds to each window.
    back = idct(np.eye(len(windows)), axis=1, norm="ortho") * np.sqrt(len(windows))
    um = np.stack([cosine.um for cosine in cosines], axis=1) @ back
    um -= np.median(um, axis=0)
    variance = np.stack([cosine.variance for cosine in cosines], axis=1) @ back**2
    variance += estimate.slope_variance * _way_um(um) ** 2 + _bend_um(um) ** 2
    known = variance < NOTHING_KNOWN
    rms_um = float(np.sqrt(sum(c.mean_square * (row**2).mean() for c, row in zip(cosines, back, strict=True))))
    rms_error_um = float(np.sqrt(variance[known].mean())) if known.any() else np.inf
    is_moving = cosines[0].share > 0 and rms_um > rms_error_um
    depths_differ = any(cosine.share > MIN_SHARE_OF_DIFFERENCE for cosine in cosines[1:])
    se_um = np.sqrt(np.where(known, variance, np.inf))
    n_neurons = float(estimate.n_neurons.max())
    return DisplacementEstimate(um, se_um, is_moving, depths_differ, rms_um, rms_error_um, n_neurons)


@dataclass(frozen=True, eq=False)
class _Cosine:
    """One cosine over depth: (n_bins,) displacement and variance, the share that is movement, its mean square."""

    um: F64
    variance: F64
    share: float
    mean_square: float


def _cosines(estimate: SplitHalfEstimate, remove_noise: bool) -> list[_Cosine]:
    n_windows = estimate.whole.shape[1]
    means = dct(estimate.whole, axis=1, norm="ortho") / np.sqrt(n_windows)
    halves = dct(estimate.first - estimate.second, axis=1, norm="ortho") / np.sqrt(n_windows) / 2
    out: list[_Cosine] = []
    slope_error = 0.0
    for m in range(n_windows):
        noise = _noise_variance(halves[:, m], estimate.counts.sum(axis=1))
        smoothed = smooth(means[:, m], noise, estimate.gap)
        um = smoothed.displacement_um
        error = smooth(halves[:, m], noise, estimate.gap).displacement_um ** 2
        share = float(smoothed.log_likelihood_ratio > MIN_LOG_LIKELIHOOD_RATIO)
        square = float((um**2).mean())
        if m == 0:
            slope_error = float((estimate.slope_variance * (_way_um(um) ** 2).mean()).mean()) / n_windows
        else:
            share *= max(0.0, 1.0 - max(float(error.mean()), slope_error) / max(square, 1e-12))
        slow = gaussian_filter1d(error, SLOW_BINS, mode="nearest")
        if remove_noise:
            um, variance = (um if m == 0 else share * um), smoothed.variance
        else:
            um, variance = means[:, m] - np.median(means[:, m]), noise
        # The walk goes on within a bin, so the mean over a bin is not the displacement at its centre.
        variance = np.minimum(variance + slow + smoothed.step_um**2 / 12, NOTHING_KNOWN)
        out.append(_Cosine(um, variance, share, share**2 * square))
    return out


def _noise_variance(halves: F64, counts: F64) -> F64:
    """Variance of each bin, inverse to its number of spikes, scaled by how fast the halves disagree.

    `halves` is half of the difference: two halves of twice the variance each give the variance of the whole.
    """
    relative = 1.0 / np.maximum(counts, 1e-9)
    seen = (counts[1:] > 0) & (counts[:-1] > 0)
    fast = np.diff(halves)[seen] ** 2 / (relative[1:] + relative[:-1])[seen]
    scale = float(np.median(fast)) / MEDIAN_SQUARE if fast.size else np.inf
    return np.where(counts > 0, scale * relative, np.inf)


def _way_um(um: F64) -> F64:
    """Distance of the tissue from its median place, as far as it misleads."""
    return np.minimum(np.abs(um), LONG_WAY_UM)


def _bend_um(um: F64) -> F64:
    """How far the mean over a window is from the value at its centre, where the displacement bends over depth."""
    if um.shape[1] < 3:
        return np.zeros_like(um)
    second = um[:, 2:] - 2 * um[:, 1:-1] + um[:, :-2]
    # For a Gaussian of SD s the mean is off by s^2 / 2 times the second derivative.
    return np.pad(second, ((0, 0), (1, 1)), mode="edge") * WINDOW_SD**2 / 2
