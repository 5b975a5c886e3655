"""Two Gaussians of one covariance (is this one neuron?), a Gaussian above a tail (which spikes are its?)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from spikesieve.kernels import gaussian_above_tail, two_gaussians
from spikesieve.model import F32, F64, Bool

# Axes along which the two Gaussians start apart, and the share of the points that starts on the upper side.
START_AXES = 3
START_SHARES = (0.9, 0.5, 0.1)
MAX_STEPS, CLOSE = 40, 1e-3
# A side with fewer points than this is no Gaussian.
FEWEST = 8
RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class TwoSides:
    """The best mixture of two Gaussians with one covariance.

    upper       (n,) bool, which points belong to the one and which to the other
    gain        log likelihood over that of one Gaussian
    separation  distance of the means in SD of what is within (Mahalanobis)
    """

    upper: Bool
    gain: float
    separation: float


def two_sides(points: F64) -> TwoSides | None:
    """Split points (n, n_dims) float64 in two by expectation maximisation from several starts; None if none holds."""
    n, n_dims = points.shape
    if n < 2 * FEWEST:
        return None
    centred = points - points.mean(axis=0)
    covariance = centred.T @ centred / n + RIDGE * np.eye(n_dims)
    white = np.linalg.solve(np.linalg.cholesky(covariance), centred.T).T
    best: TwoSides | None = None
    for axis in range(min(START_AXES, n_dims)):
        edges = np.quantile(white[:, axis], [1 - share for share in START_SHARES])
        for edge in edges:
            found = _from_start(white, (white[:, axis] > edge).astype(np.float64))
            if found is not None and (best is None or found.gain > best.gain):
                best = found
    return best


def _from_start(white: F64, share: F64) -> TwoSides | None:
    """EM from (n,) memberships of the upper side; white (n, n_dims) has covariance 1, so only the means are unknown."""
    n, n_dims = white.shape
    holds, log_odds, upper, lower, p = two_gaussians(white, share, FEWEST, RIDGE, MAX_STEPS, CLOSE)
    if not holds:
        return None
    # Within the sides the covariance is (1 + ridge) 1 - q a a'.
    apart, below, q = upper - lower, white - lower, p * (1 - p)
    size = float(apart @ apart)
    left = 1 + RIDGE - q * size
    distance = ((below**2).sum(axis=1) + q * (below @ apart) ** 2 / left) / (1 + RIDGE)
    log_lower = -0.5 * distance + np.log(1 - p)
    log_determinant = (n_dims - 1) * np.log(1 + RIDGE) + np.log(left)
    likelihood = np.logaddexp(log_lower, log_lower + log_odds).sum() - 0.5 * n * log_determinant
    one = -0.5 * (white**2).sum()
    return TwoSides(log_odds > 0, float(likelihood - one), float(np.sqrt(max(0.0, size / left))))


# Bounds of the tail's mean excess and of the Gaussian's SD, in noise SD; the SD may grow with the mean.
TAIL_SD = (0.2, 1.5)
SPREAD_SD, SPREAD_RELATIVE = (0.95, 1.5**0.5), 0.35
TAIL_STEPS, TAIL_CLOSE = 60, 1e-3
# Of more scores every so many, in their order, tell as much.
MOST_SCORES = 500
# The Gaussian's mean is at least this times the mean of what is seen of it.
FARTHEST_MEAN = 0.6


@dataclass(frozen=True)
class AboveTail:
    """Scores above `least`, in SD of the noise: a neuron's, Gaussian, above an exponential tail of others.

    mean, sd  of the Gaussian, also of what of it lies below `least`
    share     of the scores that are the neuron's
    excess    mean of the tail beyond `least`
    least     where the scores begin
    """

    mean: float
    sd: float
    share: float
    excess: float
    least: float

    def cut(self, odds: float) -> float:
        """The score above which, up to its mean, the odds are above these that it is the neuron's, or `least`."""
        at = np.linspace(self.least, max(self.least, self.mean), 200)
        mine, other = _densities(at, self)
        less = np.flatnonzero(mine <= odds * other)
        return float(at[less[-1]]) if len(less) else self.least

    def missed(self, cut: float) -> float:
        """The share of the neuron's spikes that lies below `cut`."""
        return float(ndtr((cut - self.mean) / self.sd))


def above_tail(scores: F32, least: float, expected: float, expected_cv: float) -> AboveTail:
    """Fit by expectation maximisation.

    scores    (n,) float32, all at least `least`;  expected, expected_cv: mean and relative SD to start from
    """
    x = np.sort(scores.astype(np.float64))[:: max(1, -(-len(scores) // MOST_SCORES))]
    start = max(float(np.median(x)), expected), float(np.hypot(1, expected_cv * expected))
    bounds = np.array([*TAIL_SD, *SPREAD_SD, SPREAD_RELATIVE, FARTHEST_MEAN])
    return AboveTail(*gaussian_above_tail(x, least, *start, bounds, TAIL_STEPS, TAIL_CLOSE), least)


def _densities(x: F64, m: AboveTail) -> tuple[F64, F64]:
    seen = max(float(ndtr((m.mean - m.least) / m.sd)), 1e-6)
    mine = m.share * np.exp(-(((x - m.mean) / m.sd) ** 2) / 2) / (np.sqrt(2 * np.pi) * m.sd * seen)
    return mine, (1 - m.share) * np.exp(-(x - m.least) / m.excess) / m.excess
