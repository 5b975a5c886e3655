"""Fit a truncated Gaussian and an exponential tail by expectation maximisation."""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@nb.njit(cache=True, nogil=True)
def gaussian_above_tail(
    x: F64, least: float, mean: float, sd: float, bounds: F64, max_steps: int, close: float
) -> tuple[float, float, float, float]:
    """Fit a Gaussian that is cut off below, plus an exponential tail, to scores.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Scores, all at least `least`.
    least : float
        Where the Gaussian is cut off and the tail starts.
    mean, sd : float
        Start of the Gaussian; its share starts at 0.8, the mean of the tail at 1.
    bounds : ndarray of float64, shape (6,)
        Smallest and largest mean of the tail; smallest SD; the largest SD is hypot(bounds[3], bounds[4] mean); the
        Gaussian's mean is at least bounds[5] times the mean of its part above `least`.
    max_steps : int
        Largest number of steps.
    close : float
        The steps end when mean, SD and tail change by less than this in sum.

    Returns
    -------
    mean, sd, share, tail : float
        Mean and SD of the Gaussian, its share of `x`, mean of the tail beyond `least`.

    Notes
    -----
    Densities above `least`, with p the share, e the tail's mean, Phi the normal distribution:

        p N(x; mean, sd) / Phi((mean - least) / sd)        (1 - p) exp(-(x - least) / e) / e
    """
    share, tail = 0.8, 1.0
    for _ in range(max_steps):
        below = (least - mean) / sd
        seen = max(0.5 * math.erfc(below / math.sqrt(2.0)), 1e-6)
        gaussian_scale, tail_scale = share / (math.sqrt(2 * math.pi) * sd * seen), (1 - share) / tail
        mass, first, second, beyond = 0.0, 0.0, 0.0, 0.0
        for value in x:
            gaussian = gaussian_scale * math.exp(-(((value - mean) / sd) ** 2) / 2)
            exponential = tail_scale * math.exp(-(value - least) / tail)
            p = gaussian / max(gaussian + exponential, 1e-300)
            mass += p
            first += p * (value - least)
            second += p * (value - least) ** 2
            beyond += (1 - p) * (value - least)
        n_gaussian, n_tail = max(mass, 1e-9), max(x.size - mass, 1e-9)
        seen_mean = first / n_gaussian
        variance = max(second / n_gaussian - seen_mean**2, 0.0)
        seen_mean += least
        # The Gaussian is cut off at `least`: its mean and variance before the cut follow from the hazard there.
        hazard = math.exp(-(below**2) / 2) / math.sqrt(2 * math.pi) / seen
        before = mean, sd, tail
        mean = max(seen_mean - sd * hazard, bounds[5] * seen_mean)
        spread = math.sqrt(variance / max(1 + below * hazard - hazard**2, 0.2))
        sd = min(max(spread, bounds[2]), math.hypot(bounds[3], bounds[4] * mean))
        share = min(max(mass / x.size, 0.02), 0.999)
        tail = min(max(beyond / n_tail, bounds[0]), bounds[1])
        if abs(mean - before[0]) + abs(sd - before[1]) + abs(tail - before[2]) < close:
            break
    return mean, sd, share, tail
