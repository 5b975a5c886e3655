"""Units that are two: two Gaussians along the direction that separates them best, Kilosort2's bimodal splits."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, Bool
from spikesieve.settings.kilosort2 import Kilosort2Params

DIMENSIONS = 10
# The running mean that drift is taken out with, in spikes.
RUNNING_SPIKES = 250.0
ROUNDS, FIRST_TURN = 50, 10
SMALLEST_SHARE = 0.05
SAME_SHAPE, SAME_SIZE = 0.9, 0.2
SMALL = 1e-12


def two_sides(features: F32, params: Kilosort2Params) -> Bool | None:
    """Which spikes of a unit are the second of two, (n_spikes,) bool, or None where it is one.

    features  (n_spikes, n_near, n_pcs) float32, in the order of the batches, within a batch of time

    The features, less their running mean, are reduced to their first principal components; two Gaussians are fitted to
    their projection on one direction, first the component with the most variance, later the difference of the means.
    The unit is two if the smaller side has at least 5 % and `split_spikes` spikes, both sides are assigned with a mean
    posterior above `split_posterior`, and the mean waveforms differ in shape or size.
    """
    if len(features) < 2 * params.min_split_spikes:
        return None
    x = _detrended(features)
    side = _posterior(x)
    second = side > 0.5
    fewest = max(params.min_split_spikes, SMALLEST_SHARE * len(x))
    n = np.count_nonzero(second)
    if min(n, len(x) - n) < fewest:
        return None
    if min(side[second].mean(), (1.0 - side[~second]).mean()) < params.split_posterior:
        return None
    means = (features[~second].mean(axis=0), features[second].mean(axis=0))
    return None if _alike(*means) else np.asarray(second)


def _detrended(features: F32) -> F64:
    """The first principal components, less their running mean: (n_spikes, 10) float64."""
    flat = features.reshape(len(features), -1).astype(np.float64)
    flat -= flat.mean(axis=0)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    x = flat @ vectors[:, ::-1][:, :DIMENSIONS]
    return np.asarray(x - gaussian_filter1d(x, RUNNING_SPIKES, axis=0))


def _posterior(x: F64) -> F64:
    """Probability of each row to be of the second of two Gaussians along one direction, (n,) float64, by EM."""
    direction = np.zeros(x.shape[1])
    direction[x.var(axis=0).argmax()] = 1.0
    along = x @ direction
    side = (along > along.mean()).astype(np.float64)
    for turn in range(ROUNDS):
        share = np.clip(side.mean(), SMALL, 1.0 - SMALL)
        if turn >= FIRST_TURN and turn % 2 == 0:
            apart = (side @ x) / (share * len(x)) - ((1.0 - side) @ x) / ((1.0 - share) * len(x))
            along = x @ (apart / max(float(np.linalg.norm(apart)), SMALL))
        first, second = (_log_density(along, weight) for weight in (1.0 - side, side))
        odds = np.log(share / (1.0 - share)) + second - first
        side = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))
    return np.asarray(side)


def _log_density(along: F64, weight: F64) -> F64:
    """Log density of the Gaussian that is fitted to weighted values, without its constant."""
    total = max(float(weight.sum()), SMALL)
    mean = (weight * along).sum() / total
    variance = max(float((weight * (along - mean) ** 2).sum() / total), SMALL)
    return np.asarray(-0.5 * (along - mean) ** 2 / variance - 0.5 * np.log(variance))


def _alike(a: F32, b: F32) -> bool:
    """Whether two mean waveforms correlate above 0.9 and differ by less than a fifth in size."""
    size_a, size_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    shape = float((a * b).sum()) / max(size_a * size_b, SMALL)
    return shape > SAME_SHAPE and 2.0 * abs(size_a - size_b) < SAME_SIZE * (size_a + size_b)
