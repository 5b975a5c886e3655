"""A course of displacement seen through noise: how much of it is movement, and how sure that is at each time.

The tissue makes a random walk, whose step is learned from the course itself (maximum likelihood), with jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.optimize import minimize_scalar

from spikesieve.model import F64

# A larger step is a jump and is hardly smoothed; a value this many SD from the course is hardly believed.
JUMP_UM, OUTLIER_SD = 3.0, 3.0
ROUNDS = 6
# Steps of the walk that are looked for, um from one bin to the next.
LEAST_STEP_UM, LARGEST_STEP_UM = 1e-4, 30.0


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A course without its noise.

    um          (n_bins,) float64, median 0
    variance    (n_bins,) float64, um^2
    step_um     SD of a step of the walk; LEAST_STEP_UM where the course is noise
    likelihood  logarithm of the likelihood ratio against no movement at all
    """

    um: F64
    variance: F64
    step_um: float
    likelihood: float


def smooth(seen_um: F64, noise: F64, gap: F64) -> Smoothed:
    """The random walk, with jumps, that explains a noisy course.

    seen_um  (n_bins,) float64
    noise    (n_bins,) float64, its variance in um^2; infinite where nothing was seen
    gap      (n_bins - 1,) float64, time between neighbouring bins over the usual one
    """
    precision = np.where(np.isfinite(noise), 1.0 / np.maximum(noise, 1e-12), 0.0)
    if not precision.any():
        return Smoothed(np.zeros_like(seen_um), np.full_like(seen_um, np.inf), 0.0, 0.0)
    believed, bend = np.ones_like(seen_um), np.ones_like(gap)
    bounds = np.log([LEAST_STEP_UM, LARGEST_STEP_UM])
    step, course = LEAST_STEP_UM, seen_um
    for _ in range(ROUNDS):
        weight = precision * believed

        def cost(log_step: float, weight: F64 = weight, bend: F64 = bend) -> float:
            return _walk(seen_um, weight, np.exp(2 * log_step) * gap / bend)[1]

        step = float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 0.05}).x))
        course = _walk(seen_um, weight, step**2 * gap / bend)[0]
        bend = 1.0 / (1.0 + (np.diff(course) / JUMP_UM) ** 2)
        believed = 1.0 / (1.0 + (seen_um - course) ** 2 * precision / OUTLIER_SD**2)
    weight = precision * believed
    steps = step**2 * gap / bend
    course, moving = _walk(seen_um, weight, steps)
    still = _walk(seen_um, weight, np.full_like(gap, LEAST_STEP_UM**2))[1]
    return Smoothed(course - np.median(course), _variance(weight, steps), step, max(0.0, 0.5 * (still - moving)))


def _walk(seen: F64, weight: F64, steps: F64) -> tuple[F64, float]:
    """The most likely walk with the given variances of its steps, and -2 log likelihood but for a constant."""
    links = 1.0 / np.maximum(steps, 1e-12)
    diagonal = weight + 1e-12
    diagonal[:-1] += links
    diagonal[1:] += links
    pulled = weight * seen
    pivots, below, _ = dpttrf(diagonal, -links)
    course, _ = dpttrs(pivots, below, pulled)
    cost = np.log(np.maximum(pivots, 1e-300)).sum() - np.log(links).sum() + pulled @ (seen - course)
    return np.asarray(course), float(cost)


def _variance(weight: F64, steps: F64) -> F64:
    """Diagonal of the inverse of the tridiagonal matrix of `_walk`: what is known from before plus what from after."""
    after = _carried(weight[::-1], steps[::-1])[::-1]
    return np.asarray(1.0 / np.maximum(_carried(weight, steps) + weight + after, 1e-12))


def _carried(weight: F64, steps: F64) -> F64:
    """(n_bins,) precision about each bin that comes from the bins before it."""
    out = np.zeros(len(weight))
    known = 0.0
    for i, (w, variance) in enumerate(zip(weight[:-1].tolist(), steps.tolist(), strict=True)):
        known += w
        known = 1.0 / (1.0 / known + variance) if known > 0 else 0.0
        out[i + 1] = known
    return out
