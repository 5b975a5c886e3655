"""Smoothing of a noisy displacement: how much of it is movement, and how sure it is at each time.

The tissue makes a random walk with jumps. The SD of its steps is learned from the displacement by maximum likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.optimize import minimize_scalar

from spikesieve.model import F64

# A larger step is a jump and is smoothed little. A value this many SD from the walk gets little weight.
JUMP_UM, OUTLIER_SD = 3.0, 3.0
REWEIGHTINGS = 6
# Range of the SD of steps, in um from one bin to the next.
MIN_STEP_UM, MAX_STEP_UM = 1e-4, 30.0


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A displacement without its noise.

    Attributes
    ----------
    displacement_um : ndarray of float64, shape (n_bins,)
        Displacement in um, median 0.
    variance : ndarray of float64, shape (n_bins,)
        Squared standard error in um^2; infinite where nothing is known.
    step_um : float
        SD of a step of the random walk in um; `MIN_STEP_UM` if everything is noise.
    log_likelihood_ratio : float
        Logarithm of the likelihood ratio to no movement at all.
    """

    displacement_um: F64
    variance: F64
    step_um: float
    log_likelihood_ratio: float


def smooth(measured_um: F64, noise_variance: F64, gap: F64) -> Smoothed:
    """Fit the random walk with jumps that explains a noisy displacement best.

    Parameters
    ----------
    measured_um : ndarray of float64, shape (n_bins,)
        Measured displacement in um.
    noise_variance : ndarray of float64, shape (n_bins,)
        Variance of its noise in um^2; infinite where nothing was measured.
    gap : ndarray of float64, shape (n_bins - 1,)
        Distance of neighbouring bins in time, divided by the usual one.

    Returns
    -------
    Smoothed
        The walk, its variance, the SD of its steps, and the evidence for movement.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> walk_um = np.cumsum(rng.standard_normal(200))
    >>> smoothed = smooth(walk_um + 0.5 * rng.standard_normal(200), np.full(200, 0.25), np.ones(199))
    >>> 0.8 < smoothed.step_um < 1.2, smoothed.log_likelihood_ratio > 5
    (True, True)
    """
    precision = np.where(np.isfinite(noise_variance), 1.0 / np.maximum(noise_variance, 1e-12), 0.0)
    if not precision.any():
        return Smoothed(np.zeros_like(measured_um), np.full_like(measured_um, np.inf), 0.0, 0.0)
    # How much each measurement is believed, and how stiff the walk is between two bins: less at a jump.
    trust, stiffness = np.ones_like(measured_um), np.ones_like(gap)
    step_um, walk_um = MIN_STEP_UM, measured_um
    for _ in range(REWEIGHTINGS):
        weight = precision * trust
        step_um = _likeliest_step_um(measured_um, weight, gap, stiffness)
        walk_um = _walk(measured_um, weight, step_um**2 * gap / stiffness)[0]
        stiffness = 1.0 / (1.0 + (np.diff(walk_um) / JUMP_UM) ** 2)
        trust = 1.0 / (1.0 + (measured_um - walk_um) ** 2 * precision / OUTLIER_SD**2)
    weight = precision * trust
    step_variance = step_um**2 * gap / stiffness
    walk_um, moving = _walk(measured_um, weight, step_variance)
    still = _walk(measured_um, weight, np.full_like(gap, MIN_STEP_UM**2))[1]
    evidence = max(0.0, 0.5 * (still - moving))
    return Smoothed(walk_um - np.median(walk_um), _variance(weight, step_variance), step_um, evidence)


def _likeliest_step_um(measured_um: F64, weight: F64, gap: F64, stiffness: F64) -> float:
    """The SD of steps that makes the measurements likeliest."""

    def cost(log_step: float) -> float:
        return _walk(measured_um, weight, np.exp(2 * log_step) * gap / stiffness)[1]

    bounds = np.log([MIN_STEP_UM, MAX_STEP_UM])
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 0.05}).x))


def _walk(measured_um: F64, weight: F64, step_variance: F64) -> tuple[F64, float]:
    """The likeliest walk for given variances of its steps, and -2 log likelihood up to a constant."""
    links = 1.0 / np.maximum(step_variance, 1e-12)
    diagonal = weight + 1e-12
    diagonal[:-1] += links
    diagonal[1:] += links
    pulled = weight * measured_um
    pivots, below, _ = dpttrf(diagonal, -links)
    walk_um, _ = dpttrs(pivots, below, pulled)
    cost = np.log(np.maximum(pivots, 1e-300)).sum() - np.log(links).sum() + pulled @ (measured_um - walk_um)
    return np.asarray(walk_um), float(cost)


def _variance(weight: F64, step_variance: F64) -> F64:
    """Diagonal of the inverse of the tridiagonal matrix of `_walk`: what earlier bins, each bin and later bins tell."""
    later = _precision_from_before(weight[::-1], step_variance[::-1])[::-1]
    return np.asarray(1.0 / np.maximum(_precision_from_before(weight, step_variance) + weight + later, 1e-12))


def _precision_from_before(weight: F64, step_variance: F64) -> F64:
    """Precision about each bin that comes from the bins before it: (n_bins,)."""
    out = np.zeros(len(weight))
    known = 0.0
    for i, (w, variance) in enumerate(zip(weight[:-1].tolist(), step_variance.tolist(), strict=True)):
        known += w
        known = 1.0 / (1.0 / known + variance) if known > 0 else 0.0
        out[i + 1] = known
    return out
