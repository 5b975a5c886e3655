"""Bimodal splits, as Kilosort2 makes them: two Gaussians along the direction that separates a unit best."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, Bool
from spikesieve.settings.kilosort2 import Kilosort2Params

N_DIMENSIONS = 10
# SD of the running mean that takes the drift out, in spikes.
RUNNING_SPIKES = 250.0
# Rounds of EM, and the round from which on the direction turns.
EM_ROUNDS, FIRST_TURN = 50, 10
MIN_SHARE = 0.05
# Sides with a larger correlation and a smaller relative difference of their norms are one unit.
SAME_SHAPE, SAME_NORM = 0.9, 0.2
SMALL = 1e-12


def two_sides(features: F32, params: Kilosort2Params) -> Bool | None:
    """Split a unit in two, if it is two.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_near, n_pcs)
        PC scores in noise SD, in the order of the batches, and of time within a batch.
    params : Kilosort2Params
        Smallest side (``split_spikes``) and smallest mean posterior (``split_posterior``).

    Returns
    -------
    ndarray of bool, shape (n_spikes,), or None
        Spikes of the second side; None if the unit is one.

    Notes
    -----
    The features, less their running mean, are reduced to 10 principal components. Two Gaussians are fitted to their
    projection on one direction: first the component with the largest variance, later the difference of the means. The
    unit is two if the smaller side has at least 5 % of the spikes and ``split_spikes``, both sides are assigned with a
    mean posterior above ``split_posterior``, and the mean waveforms differ in shape or size.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((1000, 4, 3)).astype(np.float32)
    >>> two_sides(features, Kilosort2Params()) is None
    True
    >>> features[::2, 0] += 10
    >>> second = two_sides(features, Kilosort2Params())
    >>> len(np.unique(second[::2])), len(np.unique(second[1::2]))
    (1, 1)
    """
    if len(features) < 2 * params.min_split_spikes:
        return None
    x = _detrended(features)
    posterior = _posterior(x)
    second = posterior > 0.5
    min_spikes = max(params.min_split_spikes, MIN_SHARE * len(x))
    n = np.count_nonzero(second)
    if min(n, len(x) - n) < min_spikes:
        return None
    if min(posterior[second].mean(), (1.0 - posterior[~second]).mean()) < params.split_posterior:
        return None
    means = (features[~second].mean(axis=0), features[second].mean(axis=0))
    return None if _alike(*means) else np.asarray(second)


def _detrended(features: F32) -> F64:
    """The first principal components, less their running mean: (n_spikes, 10)."""
    flat = features.reshape(len(features), -1).astype(np.float64)
    flat -= flat.mean(axis=0)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    x = flat @ vectors[:, ::-1][:, :N_DIMENSIONS]
    return np.asarray(x - gaussian_filter1d(x, RUNNING_SPIKES, axis=0))


def _posterior(x: F64) -> F64:
    """Probability that each row belongs to the second of two Gaussians along one direction, by EM."""
    direction = np.zeros(x.shape[1])
    direction[x.var(axis=0).argmax()] = 1.0
    projection = x @ direction
    posterior = (projection > projection.mean()).astype(np.float64)
    for turn in range(EM_ROUNDS):
        share = np.clip(posterior.mean(), SMALL, 1.0 - SMALL)
        if turn >= FIRST_TURN and turn % 2 == 0:
            sum_of_second, sum_of_first = posterior @ x, (1.0 - posterior) @ x
            difference = sum_of_second / (share * len(x)) - sum_of_first / ((1.0 - share) * len(x))
            projection = x @ (difference / max(float(np.linalg.norm(difference)), SMALL))
        first, second = (_log_density(projection, weight) for weight in (1.0 - posterior, posterior))
        odds = np.log(share / (1.0 - share)) + second - first
        posterior = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))
    return np.asarray(posterior)


def _log_density(projection: F64, weight: F64) -> F64:
    """Log density, up to a constant, of the Gaussian that is fitted to weighted values."""
    total = max(float(weight.sum()), SMALL)
    mean = (weight * projection).sum() / total
    variance = max(float((weight * (projection - mean) ** 2).sum() / total), SMALL)
    return np.asarray(-0.5 * (projection - mean) ** 2 / variance - 0.5 * np.log(variance))


def _alike(a: F32, b: F32) -> bool:
    """Whether two mean waveforms have nearly the same shape and size."""
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    correlation = float((a * b).sum()) / max(norm_a * norm_b, SMALL)
    return correlation > SAME_SHAPE and 2.0 * abs(norm_a - norm_b) < SAME_NORM * (norm_a + norm_b)
