"""Fit two Gaussians of one covariance to whitened points by expectation maximisation."""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@nb.njit(cache=True, nogil=True)
def two_gaussians(
    white: F64, share: F64, fewest: float, ridge: float, max_steps: int, close: float
) -> tuple[bool, F64, F64, F64, float]:
    """Fit two Gaussians of one covariance to points of mean 0 and covariance 1.

    Parameters
    ----------
    white : ndarray of float64, shape (n, n_dims)
        Points of mean 0 and covariance 1.
    share : ndarray of float64, shape (n,)
        Memberships of the upper Gaussian at the start.
    fewest : float
        Smallest number of points in a Gaussian.
    ridge : float
        Added to the diagonal of the covariance.
    max_steps : int
        Largest number of steps.
    close : float
        The steps end when no membership changes by more.

    Returns
    -------
    found : bool
        False where a Gaussian has fewer than `fewest` points.
    log_odds : ndarray of float64, shape (n,)
        Log odds of the upper Gaussian for each point.
    upper, lower : ndarray of float64, shape (n_dims,)
        Means.
    p : float
        The upper Gaussian's share of the points.

    Notes
    -----
    All points have covariance 1 and the means differ by a, so the covariance within is
    W = (1 + ridge) 1 - p (1 - p) a a', and W^-1 a = a / (1 + ridge - p (1 - p) a'a) (Sherman and Morrison). Only the
    means are unknown.
    """
    n, n_dims = white.shape
    upper, lower = np.zeros(n_dims), np.zeros(n_dims)
    log_odds, member, p = np.zeros(n), share.copy(), 0.0
    for _ in range(max_steps):
        mass = member.sum()
        if not fewest <= mass <= n - fewest:
            return False, log_odds, upper, lower, p
        upper[:], lower[:] = 0.0, 0.0
        for i in range(n):
            for d in range(n_dims):
                upper[d] += member[i] * white[i, d]
                lower[d] += (1 - member[i]) * white[i, d]
        upper /= mass
        lower /= n - mass
        p = mass / n
        weights = (upper - lower) / (1 + ridge - p * (1 - p) * ((upper - lower) ** 2).sum())
        offset = math.log(p / (1 - p)) - ((upper + lower) * weights).sum() / 2
        change = 0.0
        for i in range(n):
            value = offset
            for d in range(n_dims):
                value += white[i, d] * weights[d]
            log_odds[i] = value
            after = 1 / (1 + math.exp(-value)) if value > -700 else 0.0
            change = max(change, abs(after - member[i]))
            member[i] = after
        if change < close:
            break
    return True, log_odds, upper, lower, p
