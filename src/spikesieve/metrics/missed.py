"""Share of a unit's spikes that were too small to be found, from the scores and rates of those that were."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy

from spikesieve.model import F32, F64, I64, Bool

# With fewer spikes the share is not estimated.
MIN_SPIKES = 20
# SD of a neuron's own amplitudes, relative to their mean; the noise of a score has SD 1.
AMPLITUDE_CV = 0.15
# Smaller scores passed other thresholds (another template, another rate), so they do not mark the cut.
LOWEST_QUANTILE = 0.01
# A mean this far below the cut cannot be told from a lower one.
DEEPEST_SD = 3.0
# A smallest score farther above the threshold was not cut off by it: noise changes a score by 1 SD.
NEAR_THRESHOLD_SD = 2.0
# One-sided 95 % bound of a normal distribution, in SD.
BOUND_SD = 1.64
# Spikes are judged together where the logarithm of the size that was expected of them rounds to the same multiple of
# the first, or with the next larger ones until there are as many as the second.
LOG_SIZE_STEP, MIN_SPIKES_OF_SIZE = 0.15, 40
# Where spikes barely exceed the cut, a larger share than this cannot be told from it.
MOST = 0.9


@dataclass(frozen=True, eq=False)
class FoundScores:
    """Scores of a unit's spikes as matching found them, in SD of the noise.

    Attributes
    ----------
    score : ndarray of float32, shape (n,)
        Score of each spike.
    least : ndarray of float32, shape (n,)
        The smallest score that would have been accepted.
    expected : ndarray of float32, shape (n,)
        Norm of the template at the displacement of that time.
    """

    score: F32
    least: F32
    expected: F32

    @property
    def threshold(self) -> float:
        """Half of the spikes had to exceed this."""
        return float(np.median(self.least)) if len(self.least) else 0.0

    def take(self, rows: I64 | Bool) -> FoundScores:
        """Select spikes.

        Parameters
        ----------
        rows : ndarray of int64 or bool
            Which ones.

        Returns
        -------
        FoundScores
            Their scores.
        """
        return FoundScores(self.score[rows], self.least[rows], self.expected[rows])


def missed_fraction_by_size(found: FoundScores) -> float | None:
    """Estimate the share of a unit's spikes that were too small to be found, at each displacement of the tissue.

    Where the unit is small, more of its spikes are missed. Scores of all displacements together look as if it were
    small nowhere.

    Parameters
    ----------
    found : FoundScores
        Scores of the unit's spikes.

    Returns
    -------
    float or None
        Between 0 and 1; None for fewer than 20 spikes.

    Examples
    --------
    A unit is large half of the time, and otherwise as large as the threshold of 5:

    >>> size = np.repeat([20.0, 5.0], 1000).astype(np.float32)
    >>> score = (size + np.random.default_rng(0).standard_normal(2000) * np.hypot(1, 0.15 * size)).astype(np.float32)
    >>> found = FoundScores(score, np.full(2000, 5, np.float32), size).take(score > 5)
    >>> round(missed_fraction_by_size(found), 1), round(missed_fraction(found.score, 5.0), 1)
    (0.3, 0.0)
    """
    n_spikes = len(found.score)
    if n_spikes < MIN_SPIKES:
        return None
    order = np.argsort(found.expected, kind="stable")
    step = np.round(np.log(np.maximum(found.expected[order], 1e-3)) / LOG_SIZE_STEP)
    starts = [0]
    for start in (np.flatnonzero(np.diff(step)) + 1).tolist():
        if min(start - starts[-1], n_spikes - start) >= MIN_SPIKES_OF_SIZE:
            starts.append(start)
    total = 0.0
    for a, b in pairwise([*starts, n_spikes]):
        of_size = found.take(order[a:b])
        total += (b - a) / (1 - min(missed_fraction(of_size.score, of_size.threshold) or 0.0, MOST))
    return 1 - n_spikes / total


def missed_fraction(scores: F32, threshold: float) -> float | None:
    """Estimate the share of a unit's spikes below the detection threshold.

    Parameters
    ----------
    scores : ndarray of float32, shape (n,)
        Scores of the unit's spikes in SD of the noise.
    threshold : float
        About the smallest score that the sorter looks for, in the same unit.

    Returns
    -------
    float or None
        Between 0 and 1; None for fewer than 20 spikes.

    Notes
    -----
    Scores are taken as Gaussian, cut off at c: the smallest score found, or the threshold where all scores lie far
    above it. With m the mean of the scores found, the mean mu before the cut solves

        m = mu + sd phi(b) / (1 - Phi(b)),  b = (c - mu) / sd,  sd^2 = 1 + (0.15 mu)^2.

    The SD is given, not fitted: what is left above a cut does not tell both mean and SD.

    Examples
    --------
    >>> scores = np.random.default_rng(0).normal(5.0, 1.25, 2000).astype(np.float32)
    >>> round(missed_fraction(scores[scores > 5.0], 5.0), 1)
    0.5
    """
    if len(scores) < MIN_SPIKES:
        return None
    cut = float(np.quantile(scores, LOWEST_QUANTILE)) if is_truncated(scores, threshold) else threshold
    found_mean = float(scores.mean(dtype=np.float64))

    def excess(mean: float) -> float:
        sd = float(np.hypot(1.0, AMPLITUDE_CV * mean))
        below = (cut - mean) / sd
        hazard = float(np.exp(-(below**2) / 2) / np.sqrt(2 * np.pi) / scipy.special.ndtr(-below))
        return mean + sd * hazard - found_mean

    deepest = cut - DEEPEST_SD
    mean = deepest if excess(deepest) > 0 else float(scipy.optimize.brentq(excess, deepest, found_mean))
    return float(scipy.special.ndtr((cut - mean) / np.hypot(1.0, AMPLITUDE_CV * mean)))


def is_truncated(scores: F32, threshold: float) -> bool:
    """Say whether the smallest scores lie at the threshold, so that smaller spikes were missed.

    Parameters
    ----------
    scores : ndarray of float32, shape (n,)
        Scores of the unit's spikes in SD of the noise.
    threshold : float
        About the smallest score that the sorter looks for.

    Returns
    -------
    bool
        True where the lowest percentile is at most 2 SD above the threshold.

    Examples
    --------
    >>> is_truncated(np.linspace(5, 9, 100, dtype=np.float32), 5.0)
    True
    """
    return bool(np.quantile(scores, LOWEST_QUANTILE) <= threshold + NEAR_THRESHOLD_SD)


def missed_fraction_by_position(n_spikes: I64, seconds: F64) -> float:
    """Estimate the share of spikes missed because drift moved the unit out of sight.

    Parameters
    ----------
    n_spikes : ndarray of int64, shape (n_positions,)
        Spikes found while the tissue was at each position.
    seconds : ndarray of float64, shape (n_positions,)
        Time that it was there in s, above 0.

    Returns
    -------
    float
        Between 0 and 1.

    Notes
    -----
    The unit is taken to fire everywhere at the rate of the position where it fires most. Of each position's rate the
    lower 95 % bound counts, so that chance does not pass for a high rate.

    Examples
    --------
    >>> round(missed_fraction_by_position(np.array([0, 10_000]), np.array([100.0, 100.0])), 1)
    0.5
    """
    rate_hz = float(((n_spikes - BOUND_SD * np.sqrt(n_spikes)) / seconds).max())
    expected = rate_hz * float(seconds.sum())
    return max(0.0, 1.0 - float(n_spikes.sum()) / expected) if expected > 0 else 0.0
