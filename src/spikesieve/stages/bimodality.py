"""Bimodality: whether two clusters have a gap between them, along the direction that separates them best."""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve.model import F32, F64

# Histogram of the projection: 399 bins on [-2, 2], where the clusters lie around -1 and 1.
BIN_EDGES = np.linspace(-2, 2, 400)
BIN_WIDTH, SMOOTHING_BINS = 0.01, 4.0
# The valley is looked for in these bins, around the middle.
VALLEY_START, VALLEY_STOP = 175, 225
# A direction is fitted in at most one dimension per this many spikes of the smaller cluster.
SPIKES_PER_DIMENSION = 10
RIDGE = 0.01


def bimodality(a: F32, b: F32) -> float:
    """Measure how deep the joint histogram of two clusters dips between them.

    Parameters
    ----------
    a, b : ndarray of float32, shape (n_spikes, n_features)
        Features of the spikes of each cluster.

    Returns
    -------
    float
        0 if there is one hump, 1 if nothing lies between two humps.

    Notes
    -----
    A ridge regression of -1 and 1 on the features, with both clusters weighing the same, gives the projection. The
    value is 1 - valley / smaller peak of its smoothed histogram. First the features are reduced to one principal
    component per 10 spikes of the smaller cluster, or noise alone would separate a handful of spikes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((2000, 4)).astype(np.float32)
    >>> bimodality(x[:1000], x[1000:]) < 0.2, bimodality(x[:1000], x[1000:] + 4) > 0.9
    (True, True)
    """
    n_dims = int(np.clip(min(len(a), len(b)) // SPIKES_PER_DIMENSION, 2, a.shape[1]))
    x = np.ones((len(a) + len(b), n_dims + 1))
    lower, upper = x[: len(a)], x[len(a) :]
    if n_dims < a.shape[1]:
        x[:, :-1] = _principal_components(np.concatenate([a, b], dtype=np.float64), n_dims)
    else:
        lower[:, :-1], upper[:, :-1] = a, b
    normal = 0.5 / len(a) * (lower.T @ lower) + 0.5 / len(b) * (upper.T @ upper)
    difference = 0.5 * (upper.mean(axis=0) - lower.mean(axis=0))
    projection = x @ np.linalg.solve(normal + RIDGE / len(x) * np.eye(n_dims + 1), difference)
    return _dip(projection, _bandwidth(projection[: len(a)], projection[len(a) :]))


def _dip(projection: F64, bandwidth: float) -> float:
    histogram = np.histogram(projection, bins=BIN_EDGES)[0].astype(np.float64)
    smooth = scipy.ndimage.gaussian_filter1d(histogram, max(SMOOTHING_BINS, bandwidth / BIN_WIDTH))
    valley = VALLEY_START + int(smooth[VALLEY_START:VALLEY_STOP].argmin())
    peak = min(smooth[:valley].max(), smooth[valley:].max())
    return float(1 - smooth[valley] / peak) if peak > 0 else 0.0


def _principal_components(x: F64, n: int) -> F64:
    """Project x (n_spikes, n_dims), which is centred in place, on its first n principal components."""
    x -= x.mean(axis=0)
    _, vectors = np.linalg.eigh(x.T @ x)
    return np.asarray(x @ vectors[:, ::-1][:, :n])


def _bandwidth(a: F64, b: F64) -> float:
    """Silverman's bandwidth of the smaller cluster, 0.9 sd n^-1/5: few spikes make a rough histogram, not two humps."""
    smaller = a if len(a) <= len(b) else b
    return float(0.9 * smaller.std() * len(smaller) ** -0.2)
