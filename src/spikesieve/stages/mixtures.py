"""Two Gaussians of one covariance (is this one neuron?), a Gaussian above a tail (which spikes are its?)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from spikesieve.model import F32, F64, Bool

# Axes along which the two Gaussians start apart, and the share of the points that starts on the upper side.
START_AXES = 3
START_SHARES = (0.9, 0.5, 0.1)
MAX_STEPS = 40
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
    for _ in range(MAX_STEPS):
        mass = share.sum()
        if not FEWEST <= mass <= n - FEWEST:
            return None
        upper, lower, p = share @ white / mass, (1 - share) @ white / (n - mass), mass / n
        apart = upper - lower
        within = (1 + RIDGE) * np.eye(n_dims) - p * (1 - p) * np.outer(apart, apart)
        weights = np.linalg.solve(within, apart)
        log_odds = white @ weights - (upper + lower) @ weights / 2 + np.log(p / (1 - p))
        previous, share = share, expit(log_odds)
        if np.abs(share - previous).max() < 1e-3:
            break
    below = white - lower
    log_lower = -0.5 * (below * np.linalg.solve(within, below.T).T).sum(axis=1) + np.log(1 - p)
    likelihood = np.logaddexp(log_lower, log_lower + log_odds).sum() - 0.5 * n * np.linalg.slogdet(within)[1]
    one = -0.5 * (white**2).sum()
    return TwoSides(log_odds > 0, float(likelihood - one), float(np.sqrt(max(0.0, apart @ weights))))


# Bounds of the tail's mean excess and of the Gaussian's SD, in noise SD; the SD may grow with the mean.
TAIL_SD = (0.2, 1.5)
SPREAD_SD, SPREAD_RELATIVE = (0.95, 1.5**0.5), 0.35
TAIL_STEPS = 60
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
    x = scores.astype(np.float64)
    found = AboveTail(max(float(np.median(x)), expected), float(np.hypot(1, expected_cv * expected)), 0.8, 1.0, least)
    for _ in range(TAIL_STEPS):
        mine, other = _densities(x, found)
        of_mine = mine / np.maximum(mine + other, 1e-300)
        found = _tail_step(x, of_mine, found)
    return found


def _tail_step(x: F64, of_mine: F64, now: AboveTail) -> AboveTail:
    mass = max(float(of_mine.sum()), 1e-9)
    mean = float(of_mine @ x) / mass
    variance = float(of_mine @ (x - mean) ** 2) / mass
    # What is seen of the Gaussian is cut off at `least`: its own mean and variance follow from the hazard there.
    below = (now.least - now.mean) / now.sd
    hazard = float(np.exp(-(below**2) / 2) / np.sqrt(2 * np.pi) / max(float(ndtr(-below)), 1e-6))
    centre = max(mean - now.sd * hazard, FARTHEST_MEAN * mean)
    spread = np.sqrt(variance / max(1 + below * hazard - hazard**2, 0.2))
    widest = np.hypot(SPREAD_SD[1], SPREAD_RELATIVE * centre)
    tail = float(((1 - of_mine) * (x - now.least)).sum()) / max(float((1 - of_mine).sum()), 1e-9)
    return AboveTail(
        centre,
        float(np.clip(spread, SPREAD_SD[0], widest)),
        float(np.clip(of_mine.mean(), 0.02, 0.999)),
        float(np.clip(tail, *TAIL_SD)),
        now.least,
    )


def _densities(x: F64, m: AboveTail) -> tuple[F64, F64]:
    seen = max(float(ndtr((m.mean - m.least) / m.sd)), 1e-6)
    mine = m.share * np.exp(-(((x - m.mean) / m.sd) ** 2) / 2) / (np.sqrt(2 * np.pi) * m.sd * seen)
    return mine, (1 - m.share) * np.exp(-(x - m.least) / m.excess) / m.excess
