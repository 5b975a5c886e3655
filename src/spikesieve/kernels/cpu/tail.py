"""A Gaussian cut off below, above an exponential tail: expectation maximisation."""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@nb.njit(cache=True, nogil=True)
def gaussian_above_tail(
    x: F64, least: float, mean: float, sd: float, bounds: F64, max_steps: int, close: float
) -> tuple[float, float, float, float]:
    """Mean and SD of the Gaussian, its share of `x`, and the mean of the tail beyond `least`.

    Densities above `least`, with p the share, e the tail's mean, Phi the normal distribution:

        p N(x; mean, sd) / Phi((mean - least) / sd)        (1 - p) exp(-(x - least) / e) / e

    x         (n,) float64, all at least `least`;  mean, sd  where to start, with a share of 0.8 and a tail of 1
    bounds    (6,) float64: least and largest tail; least SD; the largest SD is hypot(bounds[3], bounds[4] mean);
              the Gaussian's mean is at least bounds[5] times the mean of what is seen of it
    The steps end when mean, sd and tail move less than `close` in sum, or after max_steps.
    """
    share, tail = 0.8, 1.0
    for _ in range(max_steps):
        below = (least - mean) / sd
        seen = max(0.5 * math.erfc(below / math.sqrt(2.0)), 1e-6)
        of_mine, of_other = share / (math.sqrt(2 * math.pi) * sd * seen), (1 - share) / tail
        mass, first, second, beyond = 0.0, 0.0, 0.0, 0.0
        for value in x:
            mine = of_mine * math.exp(-(((value - mean) / sd) ** 2) / 2)
            other = of_other * math.exp(-(value - least) / tail)
            p = mine / max(mine + other, 1e-300)
            mass += p
            first += p * (value - least)
            second += p * (value - least) ** 2
            beyond += (1 - p) * (value - least)
        n_mine, n_other = max(mass, 1e-9), max(x.size - mass, 1e-9)
        seen_mean = first / n_mine
        variance = max(second / n_mine - seen_mean**2, 0.0)
        seen_mean += least
        # What is seen of the Gaussian is cut off at `least`: its own mean and variance follow from the hazard there.
        hazard = math.exp(-(below**2) / 2) / math.sqrt(2 * math.pi) / seen
        before = mean, sd, tail
        mean = max(seen_mean - sd * hazard, bounds[5] * seen_mean)
        spread = math.sqrt(variance / max(1 + below * hazard - hazard**2, 0.2))
        sd = min(max(spread, bounds[2]), math.hypot(bounds[3], bounds[4] * mean))
        share = min(max(mass / x.size, 0.02), 0.999)
        tail = min(max(beyond / n_other, bounds[0]), bounds[1])
        if abs(mean - before[0]) + abs(sd - before[1]) + abs(tail - before[2]) < close:
            break
    return mean, sd, share, tail
