"""Does a correlogram show a refractory period? Kilosort4's ratio R and probability Q, and odds for one neuron."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.model import I64, SortedTime

BIN_MS = 1.0
# Bins on either side of lag 0.
HALF_BINS = 500
# Windows around lag 0 go up to this.
MAX_WINDOW_MS = 10
# `log_odds_one_train`: contamination that one neuron's train may have, and half width of the window in bins.
ALLOWED_CONTAMINATION = 0.2
CORE_BINS = 2
# SD below which 97.5 % of a normal distribution lie.
NORMAL_97_5 = 1.96


class Refractoriness(NamedTuple):
    """How empty a correlogram is around lag 0.

    Attributes
    ----------
    ratio : float
        R: rate within the emptiest window over the rate around it; inf where the data cannot tell.
    probability : float
        Q: probability of so few spikes by chance, in the least likely window; 1 where the data cannot tell.
    window_ratios, window_probabilities : tuple of float
        The same for each window of 1..10 ms; R and Q are the smallest of them.
    """

    ratio: float
    probability: float
    window_ratios: tuple[float, ...] = ()
    window_probabilities: tuple[float, ...] = ()

    def meets(self, max_ratio: float, max_probability: float) -> bool:
        """Say whether one and the same window meets both criteria.

        Parameters
        ----------
        max_ratio, max_probability : float
            R and Q must be smaller.

        Returns
        -------
        bool
            True for a refractory train or pair of trains.

        Notes
        -----
        Kilosort4 takes R from one window and Q from another. It calls two independent trains refractory as soon as the
        bins at +-1 ms are empty by chance.
        """
        both = zip(self.window_ratios, self.window_probabilities, strict=True)
        return any(r < max_ratio and q < max_probability for r, q in both)


NOT_REFRACTORY = Refractoriness(np.inf, 1.0)


def correlogram_1ms(a: I64, b: I64, time: SortedTime, same: bool) -> I64:
    """Count time differences of two spike trains in bins of 1 ms, for lags of -500..500 ms.

    Parameters
    ----------
    a, b : ndarray of int64, shape (n,)
        Spike times in samples, sorted.
    time : SortedTime
        The time that was sorted.
    same : bool
        True for an autocorrelogram: a spike is not paired with itself.

    Returns
    -------
    ndarray of int64, shape (1001,)
        Lags b - a of spikes of the same segment, ascending; 0 within 0.5 ms of lag 0.

    Examples
    --------
    >>> train = np.array([0, 150, 300])
    >>> np.flatnonzero(correlogram_1ms(train, train, SortedTime(((0, 600),), 30_000.0), True)) - 500
    array([-10,  -5,   5,  10])
    """
    counts = kernels.correlogram(time.apart(a), time.apart(b), time.sampling_hz * BIN_MS * 1e-3, HALF_BINS, same)
    counts[HALF_BINS] = 0
    return np.asarray(counts, dtype=np.int64)


def chance_at_zero(counts: I64) -> float:
    """Estimate the pairs in a bin at lag 0 where two trains avoid each other over longer times than refractory ones.

    Parameters
    ----------
    counts : ndarray of int64, shape (1001,)
        A cross-correlogram from `correlogram_1ms`.

    Returns
    -------
    float
        Height at lag 0 of the line through lags of 10..49 and 250..499 ms, if the correlogram still rises over the
        latter with 97.5 % confidence; inf if it does not, since its shoulders then tell.

    Examples
    --------
    One stops when the other starts: the longer the lag, the more pairs. Lag 0 is empty, but not by refractoriness.

    >>> lag = np.abs(np.arange(-500, 501))
    >>> round(chance_at_zero(lag), 6), chance_at_zero(np.full(1001, 10))
    (0.0, inf)
    """
    lag = np.arange(1, HALF_BINS + 1)
    pairs = counts[HALF_BINS + lag] + counts[HALF_BINS - lag]
    far, near = (lag >= 250) & (lag < HALF_BINS), (lag >= 10) & (lag < 50)
    away = lag[far] - lag[far].mean()
    rise = (away * pairs[far]).sum() / np.sqrt(max(pairs[far].mean(), 1e-9) * (away**2).sum())
    if rise < NORMAL_97_5:
        return float(np.inf)
    line = np.polyfit(lag[near | far], pairs[near | far] / 2, 1)
    return max(0.0, float(line[1]))


def refractoriness(counts: I64, most_by_chance: float = np.inf) -> Refractoriness:
    """Compute R and Q of a correlogram.

    Parameters
    ----------
    counts : ndarray of int64, shape (1001,)
        From `correlogram_1ms`.
    most_by_chance : float, optional
        Largest number of pairs in a bin that chance may explain. Default: that in the highest shoulder.

    Returns
    -------
    Refractoriness
        R = inf and Q = 1 without pairs in the shoulders.

    Notes
    -----
    With K the counts, q the largest mean of K over a shoulder, and windows i = 1..10 ms:

        R_i = sum_{|lag| <= i} K / (2 i q),  R = min R_i
        Q_i = Phi((n_i - q i) / sqrt(q i)),  n_i = sum_{|lag| <= i} K / 2

    Kilosort4 divides both K and q by the counts of two independent trains, n1 n2 bin / T, which changes no ratio.

    References
    ----------
    Pachitariu et al., Nature Methods 21:914 (2024), Kilosort4.
    """
    lag = np.arange(-HALF_BINS, HALF_BINS + 1)
    far = ((lag >= -499) & (lag <= -251)) | ((lag >= 250) & (lag <= 499))
    before, after = (lag >= -50) & (lag <= -11), (lag >= 10) & (lag <= 49)
    shoulder = min(max(counts[far].mean(), counts[before].mean(), counts[after].mean()), most_by_chance)
    if shoulder <= 0:
        return NOT_REFRACTORY
    window = np.arange(1, MAX_WINDOW_MS + 1)
    total = np.cumsum(counts[HALF_BINS + window] + counts[HALF_BINS - window])
    ratio = total / (2 * window * shoulder)
    expected = shoulder * window
    probability = 0.5 * (1 + scipy.special.erf((total / 2 - expected) / np.sqrt(2 * expected)))
    return Refractoriness(
        float(ratio.min()), float(probability.min()), tuple(ratio.tolist()), tuple(probability.tolist())
    )


def log_odds_one_train(counts: I64) -> float:
    """Compare two explanations of a cross-correlogram: spikes of one neuron, or of two independent ones.

    Parameters
    ----------
    counts : ndarray of int64, shape (1001,)
        From `correlogram_1ms`.

    Returns
    -------
    float
        Log odds: above 3 one neuron, below -3 two, between them the spikes cannot tell.

    Notes
    -----
    n pairs lie 0.5 to 2.5 ms apart, and E would by chance (from the mean of the shoulders, or `chance_at_zero`). One
    neuron is Poisson(0.2 E), two are Poisson(E), so the log odds are n log 0.2 + 0.8 E.

    Examples
    --------
    >>> counts = np.full(1001, 10)
    >>> round(log_odds_one_train(counts), 1)
    -48.5
    >>> counts[498:503] = 0
    >>> round(log_odds_one_train(counts), 1)
    32.0
    """
    near = counts[HALF_BINS - CORE_BINS : HALF_BINS + CORE_BINS + 1].sum()
    shoulder = np.concatenate([counts[HALF_BINS - 50 : HALF_BINS - 10], counts[HALF_BINS + 11 : HALF_BINS + 51]])
    by_chance = min(max(shoulder.mean(), counts.mean()), chance_at_zero(counts)) * 2 * CORE_BINS
    return float(near * np.log(ALLOWED_CONTAMINATION) + (1 - ALLOWED_CONTAMINATION) * by_chance)


def refractoriness_of_train(train: I64, time: SortedTime) -> Refractoriness:
    """Compute R and Q of a spike train's autocorrelogram.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, sorted.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    Refractoriness
        R and Q, also window by window.

    Examples
    --------
    >>> regular = np.arange(0, 3_000_000, 997)
    >>> refractoriness_of_train(regular, SortedTime(((0, 3_000_000),), 30_000.0)).ratio
    0.0
    """
    return refractoriness(correlogram_1ms(train, train, time, True))
