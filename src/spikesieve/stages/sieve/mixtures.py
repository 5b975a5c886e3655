"""Two mixture models: two Gaussians of one covariance (is this one neuron?), and a Gaussian above a tail.

The first tells whether a unit is to be split. The second tells which spikes of a unit are the neuron's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesieve import kernels
from spikesieve.model import F32, F64, Bool

Number = TypeVar("Number", np.float32, np.float64)

# Expectation maximisation finds the nearest maximum only, so it starts from several cuts: across each of the first
# axes, with each of these shares of the points on the upper side.
N_START_AXES = 3
START_SHARES = (0.9, 0.5, 0.1)
# The steps end when no membership changes by more than TOLERANCE, or after MAX_STEPS.
MAX_STEPS, TOLERANCE = 40, 1e-3
# A Gaussian with fewer points than this is not looked for.
MIN_POINTS = 8
# Added to the covariance so that it can be inverted where points coincide.
RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class TwoGaussians:
    """The best mixture of two Gaussians with one covariance.

    Attributes
    ----------
    upper : ndarray of bool, shape (n,)
        Which of the two Gaussians each point belongs to.
    gain : float
        Log likelihood above that of a single Gaussian.
    separation : float
        Distance of the two means in SD within the Gaussians (Mahalanobis).
    """

    upper: Bool
    gain: float
    separation: float


def fit_two_gaussians(points: F64) -> TwoGaussians | None:
    """Fit two Gaussians of one covariance by expectation maximisation from several starts.

    Parameters
    ----------
    points : ndarray of float64, shape (n, n_dims)
        Points. If their axes are ordered by variance, the starts are across the largest.

    Returns
    -------
    TwoGaussians or None
        The most likely mixture of all starts. None where there are too few points, or where one of the two Gaussians
        always loses its points.

    Examples
    --------
    >>> points = np.random.default_rng(0).standard_normal((200, 2))
    >>> points[:50, 0] += 8
    >>> found = fit_two_gaussians(points)
    >>> int(found.upper.sum()), found.gain > 25, round(found.separation)
    (50, True, 8)
    >>> fit_two_gaussians(points[:10]) is None
    True
    """
    n, n_dims = points.shape
    if n < 2 * MIN_POINTS:
        return None
    centred = points - points.mean(axis=0)
    covariance = centred.T @ centred / n + RIDGE * np.eye(n_dims)
    white = np.linalg.solve(np.linalg.cholesky(covariance), centred.T).T
    best: TwoGaussians | None = None
    for axis in range(min(N_START_AXES, n_dims)):
        edges = np.quantile(white[:, axis], [1 - share for share in START_SHARES])
        for edge in edges:
            found = _from_start(white, (white[:, axis] > edge).astype(np.float64))
            if found is not None and (best is None or found.gain > best.gain):
                best = found
    return best


def _from_start(white: F64, membership: F64) -> TwoGaussians | None:
    """The mixture from one start; `white` (n, n_dims) has covariance 1, so that only the means are unknown."""
    n, n_dims = white.shape
    holds, log_odds, upper, lower, p = kernels.two_gaussians(white, membership, MIN_POINTS, RIDGE, MAX_STEPS, TOLERANCE)
    if not holds:
        return None
    # Within each Gaussian the covariance is (1 + ridge) 1 - q a a', with a the difference of the means.
    apart, from_lower, q = upper - lower, white - lower, p * (1 - p)
    squared = float(apart @ apart)
    within = 1 + RIDGE - q * squared
    distance = ((from_lower**2).sum(axis=1) + q * (from_lower @ apart) ** 2 / within) / (1 + RIDGE)
    log_lower = -0.5 * distance + np.log(1 - p)
    log_determinant = (n_dims - 1) * np.log(1 + RIDGE) + np.log(within)
    of_two = np.logaddexp(log_lower, log_lower + log_odds).sum() - 0.5 * n * log_determinant
    of_one = -0.5 * (white**2).sum()
    return TwoGaussians(log_odds > 0, float(of_two - of_one), float(np.sqrt(max(0.0, squared / within))))


# Smallest and largest mean of the tail above the threshold, in noise SD.
TAIL_MEAN_SD = (0.2, 1.5)
# The SD of the Gaussian is at least the first, in noise SD. It is at most hypot(second, RELATIVE_SD mean): it
# may grow with the mean.
GAUSSIAN_SD, RELATIVE_SD = (0.95, 1.5**0.5), 0.35
TAIL_MAX_STEPS, TAIL_TOLERANCE = 60, 1e-3
# More scores than this tell no more: of more, every second (third, ...) in sorted order is used, to save time.
MAX_SCORES = 500
# The mean of the Gaussian is at least this times the mean of its part above the threshold.
MIN_MEAN_RATIO = 0.6


@dataclass(frozen=True)
class GaussianAboveTail:
    """Scores above a threshold: a neuron's, which are Gaussian, and an exponential tail of others.

    Attributes
    ----------
    mean, sd : float
        Mean and SD of the whole Gaussian in noise SD, its part below the threshold included.
    share : float
        Share of the scores that are the neuron's.
    tail_mean : float
        Mean of the tail above the threshold, in noise SD.
    threshold : float
        The smallest score, in noise SD.
    """

    mean: float
    sd: float
    share: float
    tail_mean: float
    threshold: float

    def cutoff(self, odds: float) -> float:
        """Find the score below which spikes are cut off.

        Parameters
        ----------
        odds : float
            Smallest odds at which a spike is the neuron's own and not of the tail.

        Returns
        -------
        float
            The score from which on, up to the mean, the odds exceed `odds`; the threshold if they do everywhere.

        Examples
        --------
        >>> clear, mixed = GaussianAboveTail(20, 1, 1, 0.5, 5.0), GaussianAboveTail(9, 1, 0.5, 0.5, 5.0)
        >>> clear.cutoff(0.5), round(mixed.cutoff(0.5), 1), round(mixed.cutoff(2.0), 1)
        (5.0, 6.7, 7.1)
        """
        at = np.linspace(self.threshold, max(self.threshold, self.mean), 200)
        own, others = _densities(at, self)
        below = np.flatnonzero(own <= odds * others)
        return float(at[below[-1]]) if len(below) else self.threshold


def fit_gaussian_above_tail(
    scores: F32, threshold: float, expected_mean: float, expected_cv: float
) -> GaussianAboveTail:
    """Fit a Gaussian above an exponential tail by expectation maximisation.

    Parameters
    ----------
    scores : ndarray of float32, shape (n,)
        Scores in noise SD, all of them at least `threshold`.
    threshold : float
        Where the scores begin.
    expected_mean : float
        Mean of the Gaussian to start from; the median of the scores if that is larger.
    expected_cv : float
        SD of the neuron's amplitudes relative to their mean, to start from.

    Returns
    -------
    GaussianAboveTail
        The mixture.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = np.concatenate([rng.normal(12, 1.5, 300), 5 + rng.exponential(0.5, 100)]).astype(np.float32)
    >>> found = fit_gaussian_above_tail(scores, 5.0, 12.0, 0.15)
    >>> round(found.mean), round(found.share, 1)
    (12, 0.7)
    """
    x = np.sort(scores)[:: max(1, -(-len(scores) // MAX_SCORES))].astype(np.float64)
    start = max(float(median_of_sorted(x)), expected_mean), math.hypot(1, expected_cv * expected_mean)
    bounds = np.array([*TAIL_MEAN_SD, *GAUSSIAN_SD, RELATIVE_SD, MIN_MEAN_RATIO])
    return GaussianAboveTail(
        *kernels.gaussian_above_tail(x, threshold, *start, bounds, TAIL_MAX_STEPS, TAIL_TOLERANCE), threshold
    )


def median_of_sorted(x: NDArray[Number]) -> Number:
    """Find the median of values that are sorted already, which `numpy.median` would sort again.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (n,)
        Values, ascending; at least one.

    Returns
    -------
    float32 or float64
        The middle one, or the mean of the two in the middle.

    Examples
    --------
    >>> float(median_of_sorted(np.array([1.0, 2.0, 5.0, 9.0])))
    3.5
    """
    middle: Number = (x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2
    return middle


def _densities(x: F64, m: GaussianAboveTail) -> tuple[F64, F64]:
    """Densities of the neuron's scores and of the tail."""
    above = max(float(scipy.special.ndtr((m.mean - m.threshold) / m.sd)), 1e-6)
    own = m.share * np.exp(-(((x - m.mean) / m.sd) ** 2) / 2) / (np.sqrt(2 * np.pi) * m.sd * above)
    return own, (1 - m.share) * np.exp(-(x - m.threshold) / m.tail_mean) / m.tail_mean
