"""Contamination of a unit from its refractory violations, with an exact interval; presence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.model import I64, SortedTime

# Closer pairs are double detections of one spike.
CENSORED_MS = 0.3
# No cortical neuron fires two spikes within this.
REFRACTORY_MS = 1.5
# Firing rates are taken as constant within a bin.
RATE_BIN_S = 10.0


class Contamination(NamedTuple):
    """Estimated share of spikes from other neurons, with its 95 % interval.

    Attributes
    ----------
    estimate : float
        Between 0 and 1.
    low, high : float
        Ends of the interval, between 0 and 1.
    """

    estimate: float
    low: float
    high: float


def refractory_violations(train: I64, time: SortedTime) -> int:
    """Count pairs of spikes more than 0.3 ms and at most 1.5 ms apart.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, sorted.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    int
        Number of pairs; the two spikes need not follow each other.

    Examples
    --------
    >>> refractory_violations(np.array([0, 20, 40, 9000]), SortedTime(((0, 30_000),), 30_000.0))
    3
    """
    train, ms = time.apart(train), time.sampling_hz / 1e3
    upper = kernels.correlogram(train, train, 2 * REFRACTORY_MS * ms, 0, True)[0] // 2
    lower = kernels.correlogram(train, train, 2 * CENSORED_MS * ms, 0, True)[0] // 2
    return int(upper - lower)


def contamination(train: I64, time: SortedTime) -> Contamination | None:
    """Estimate the share of spikes from other neurons from refractory violations.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, sorted.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    Contamination or None
        None for fewer than 2 spikes.

    Notes
    -----
    If a share C of the spikes comes from many independent neurons, the number of violations n is Poisson with mean
    n_1 (1 - (1 - C)^2), hence C = 1 - sqrt(1 - n / n_1). n_1 = w sum_b r_b^2 dt are the violations expected at C = 1,
    over bins of 10 s of used time, with w = 1.2 ms. (Where rates change, N^2 / T in place of the sum would be too
    small.) The interval is the exact one of a Poisson count.

    References
    ----------
    Llobet, Wyngaard, Barbour, bioRxiv 2022.02.08.479192, equation for many contaminating neurons.
    """
    if len(train) < 2:
        return None
    window_s = (REFRACTORY_MS - CENSORED_MS) * 1e-3
    bin_s = max(min(RATE_BIN_S, time.used_s), 1e-3)
    used_s = time.elapsed_s(train)
    counts = np.bincount(((used_s - used_s[0]) / bin_s).astype(np.int64)).astype(np.float64)
    pairs_per_s = max((counts * (counts - 1)).sum() / bin_s, 1e-12)
    expected = window_s * pairs_per_s
    n = refractory_violations(train, time)
    low = scipy.special.gammaincinv(n, 0.025) if n else 0.0
    high = scipy.special.gammaincinv(n + 1, 0.975)
    return Contamination(*(float(1 - np.sqrt(max(0.0, 1 - x / expected))) for x in (n, low, high)))


def presence(train: I64, time: SortedTime, n_bins: int = 30) -> float:
    """Return the share of equal bins of the used time in which the unit fires at least once.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, sorted; each lies in a segment.
    time : SortedTime
        The time that was sorted; the bins divide what was used of it.
    n_bins : int, optional
        Number of bins.

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> presence(np.array([5, 15, 25]), SortedTime(((0, 40),), 10.0), n_bins=4)
    0.75
    """
    share = time.elapsed_s(train) / max(time.used_s, 1e-9)
    return len(np.unique(np.minimum((share * n_bins).astype(np.int64), n_bins - 1))) / n_bins
