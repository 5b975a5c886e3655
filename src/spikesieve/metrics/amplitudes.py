"""Metrics of the amplitudes of a unit's spikes by SpikeInterface's names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.metrics.used_time import segments_used, used_samples
from spikesieve.model import F64, I64, Bool, SortedTime

# SpikeInterface's defaults.
SPIKES_OF_BIN, MIN_BINS, CV_PERCENTILES = 50, 10, (5, 95)
HISTOGRAM_BINS, SMOOTHING_BINS, SPIKES_PER_HISTOGRAM_BIN = 100, 3, 5
HIGH_QUANTILE, LOW_QUANTILE = 0.25, 0.1
CENSORED_MS = 4.0


class AmplitudeCv(NamedTuple):
    """Coefficient of variation of amplitudes within short times.

    Attributes
    ----------
    median : float
        `amplitude_cv_median`, NaN if there are fewer than 10 times of 50 spikes.
    range : float
        `amplitude_cv_range`, from the 5th to the 95th percentile.
    """

    median: float
    range: float


def amplitude_cv(amplitude: F64, train: I64, time: SortedTime) -> AmplitudeCv:
    """Measure how much amplitudes vary within times in which the unit fires 50 spikes on average.

    Parameters
    ----------
    amplitude : ndarray of float64, shape (n,)
        Amplitude of each spike, in any unit.
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    AmplitudeCv
        Median and range over the times. A time without spikes does not count.

    References
    ----------
    SpikeInterface `amplitude_cv`.

    Examples
    --------
    >>> train, amplitude = np.arange(0, 30_000, 30), np.tile([1.0, 3.0], 500)
    >>> amplitude_cv(amplitude, train, SortedTime(((0, 30_000),), 30_000.0)).median
    0.5
    """
    if not len(train):
        return AmplitudeCv(np.nan, np.nan)
    at = used_samples(train, time)
    step = max(1, int(SPIKES_OF_BIN * time.used_s / len(train) * time.sampling_hz))
    spreads = [_spreads(amplitude, at, span, step) for span in segments_used(time)]
    cv = np.concatenate(spreads)
    if len(cv) < MIN_BINS:
        return AmplitudeCv(np.nan, np.nan)
    low, high = np.percentile(cv, CV_PERCENTILES)
    return AmplitudeCv(float(np.median(cv)), float(high - low))


def _spreads(amplitude: F64, at: I64, span: tuple[int, int], step: int) -> F64:
    """SD of the amplitudes in each full bin of a segment over their mean in the segment."""
    bounds = np.searchsorted(at, np.arange(span[0], span[1] + 1, step))
    first, last = np.searchsorted(at, span)
    inside, n = amplitude[first:last].astype(np.float64), np.diff(bounds)
    if not len(inside) or not n.any() or not (mean := inside.mean()):
        return np.empty(0)
    sums = [np.diff(np.append(0.0, np.cumsum((inside - mean) ** power))[bounds - first])[n > 0] for power in (1, 2)]
    offset = sums[0] / n[n > 0]
    return np.asarray(np.sqrt(np.maximum(sums[1] / n[n > 0] - offset**2, 0.0)) / abs(mean), np.float64)


def amplitude_cutoff(amplitude: F64) -> float:
    """Estimate the share of spikes that are missing because they are too small.

    Parameters
    ----------
    amplitude : ndarray of float64, shape (n,)
        Size of each spike, in any unit; larger spikes have larger ones.

    Returns
    -------
    float
        Between 0 and 0.5; NaN for fewer than 500 spikes.

    Notes
    -----
    The histogram of a complete unit is symmetric. What lies above the last bin that is as frequent as the smallest
    amplitudes is missing on the other side.

    References
    ----------
    Hill, Mehta, Kleinfeld, J Neurosci 31:8699 (2011); SpikeInterface `amplitude_cutoff`.

    Examples
    --------
    >>> amplitude = np.random.default_rng(0).normal(1.0, 0.1, 5000)
    >>> round(amplitude_cutoff(amplitude), 2), round(amplitude_cutoff(amplitude[amplitude > 0.9]), 2)
    (0.0, 0.17)
    """
    if len(amplitude) < HISTOGRAM_BINS * SPIKES_PER_HISTOGRAM_BIN:
        return float("nan")
    # Smoothed as whole numbers, as SpikeInterface does.
    smooth = scipy.ndimage.gaussian_filter1d(np.histogram(amplitude, HISTOGRAM_BINS)[0], SMOOTHING_BINS, mode="nearest")
    n_missing = smooth[np.flatnonzero(smooth >= smooth[0])[-1] + 1 :].sum()
    return float(min(n_missing / (len(amplitude) + n_missing), 0.5))


class NoiseCutoff(NamedTuple):
    """Whether small spikes are too frequent for the tail of a complete distribution.

    Attributes
    ----------
    cutoff : float
        `noise_cutoff`: by how many SD of the upper quarter the lowest tenth is more frequent than that quarter.
    ratio : float
        `noise_ratio`: frequency of the lowest tenth relative to the most frequent amplitude.
    """

    cutoff: float
    ratio: float


def noise_cutoff(amplitude: F64) -> NoiseCutoff:
    """Compare the frequencies of the smallest and the largest amplitudes.

    Parameters
    ----------
    amplitude : ndarray of float64, shape (n,)
        Size of each spike, in any unit; larger spikes have larger ones.

    Returns
    -------
    NoiseCutoff
        NaN where the histogram of 100 bins has no bin to compare.

    References
    ----------
    IBL, "Spike sorting pipeline for the International Brain Laboratory" (2022), figshare 19705522; SpikeInterface
    `noise_cutoff`.

    Examples
    --------
    >>> amplitude = np.random.default_rng(0).normal(1.0, 0.1, 5000)
    >>> round(noise_cutoff(amplitude).cutoff, 1), round(noise_cutoff(amplitude[amplitude > 1.05]).cutoff, 1)
    (-0.7, 7.5)
    """
    if not len(amplitude):
        return NoiseCutoff(np.nan, np.nan)
    n, edges = np.histogram(amplitude, HISTOGRAM_BINS)
    low = n[edges[1:] <= np.quantile(amplitude, LOW_QUANTILE)]
    high = n[edges[:-1] >= np.quantile(amplitude, 1 - HIGH_QUANTILE)]
    if not len(low):
        return NoiseCutoff(np.nan, np.nan)
    ratio = float(low.mean() / n.max())
    if len(high) < 2 or high.std() == 0:
        return NoiseCutoff(np.nan, ratio)
    return NoiseCutoff(float((low.mean() - high.mean()) / high.std()), ratio)


def sd_ratio(amplitude: F64, noise_sd: float, train: I64, time: SortedTime) -> float:
    """Compare the SD of the amplitudes with that which noise gives them.

    Parameters
    ----------
    amplitude : ndarray of float64, shape (n,)
        Amplitude of each spike, in any unit.
    noise_sd : float
        SD that noise alone would give the amplitudes, in the same unit.
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        Near 1 where only noise makes the spikes differ, larger where a unit holds several neurons. NaN without spikes.

    Notes
    -----
    Spikes within 4 ms of the last one that counts do not count, as amplitudes differ within a burst. The SD is that of
    the differences of successive amplitudes over the square root of 2, so that slow drift does not count.

    References
    ----------
    Pouzat, Mazor, Laurent, J Neurosci Methods 122:43 (2002); SpikeInterface `sd_ratio`.

    Examples
    --------
    >>> amplitude = np.random.default_rng(0).normal(20.0, 2.0, 5000)
    >>> round(sd_ratio(amplitude, 2.0, np.arange(0, 1_500_000, 300), SortedTime(((0, 1_500_000),), 30_000.0)), 1)
    1.0
    """
    if not len(train):
        return float("nan")
    counts = amplitude[first_after_pauses(time.apart(train), round(CENSORED_MS * 1e-3 * time.sampling_hz))]
    if len(counts) < 2 or noise_sd <= 0:
        return 0.0 if len(counts) == 1 else float("nan")
    return float(np.std(np.diff(counts)) / np.sqrt(2) / noise_sd)


def first_after_pauses(train: I64, pause_samples: int) -> Bool:
    """Choose spikes so that each comes later than a pause after the one chosen before.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    pause_samples : int
        The pause.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for the chosen spikes; the first one is.

    Examples
    --------
    >>> first_after_pauses(np.array([0, 3, 6, 20, 21]), 5)
    array([ True, False,  True,  True, False])
    """
    chosen = np.diff(train, prepend=train[:1] - pause_samples - 1) > pause_samples
    # Bursts: spikes up to the next one that comes after a pause. In each, the next chosen spike is looked up at once.
    current = np.flatnonzero(chosen)
    ends = np.append(current[1:], len(train))
    while len(current):
        following = np.searchsorted(train, train[current] + pause_samples, side="right")
        inside = following < ends
        current, ends = following[inside], ends[inside]
        chosen[current] = True
    return chosen
