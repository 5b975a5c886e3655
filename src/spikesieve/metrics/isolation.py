"""How well the spikes of a unit are apart from those of its neighbours in the space of their features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.metrics.neighbors import nearest_points
from spikesieve.model import F32, F64, I64

# SpikeInterface's number of neighbours; it looks at up to 10 000 spikes.
N_NEIGHBORS, MAX_SPIKES = 5, 1000
# Spikes whose distances are computed at a time: what is computed on the way stays in the cache.
SPIKES_AT_ONCE = 1024


class Isolation(NamedTuple):
    """Metrics of isolation by SpikeInterface's names; NaN where the spikes cannot tell.

    Attributes
    ----------
    isolation_distance : float
        Squared Mahalanobis distance within which there are as many foreign spikes as own ones.
    l_ratio : float
        Foreign spikes by chance inside the unit, per own spike.
    d_prime : float
        Distance of own and foreign spikes along the best line between them, in SD.
    nn_hit_rate : float
        Share of own spikes among the nearest neighbours of own spikes.
    nn_miss_rate : float
        Share of own spikes among the nearest neighbours of foreign spikes.
    silhouette : float
        From -1 to 1: how much nearer own spikes are to their own mean than to the nearest other unit's.
    """

    isolation_distance: float
    l_ratio: float
    d_prime: float
    nn_hit_rate: float
    nn_miss_rate: float
    silhouette: float


class Neighbors(NamedTuple):
    """Features of the spikes of the neighbours of a unit, on its contacts.

    Attributes
    ----------
    spikes : ndarray of float32, shape (n_spikes, n_features)
        Spikes of all of them.
    counts : ndarray of int64, shape (n_units,)
        Spikes of each; none has none.
    means : ndarray of float32, shape (n_units, n_features)
        Mean of each.
    scatter : ndarray of float64, shape (n_features, n_features)
        Products of every two features' deviations from the mean of their unit, summed over all spikes.
    """

    spikes: F32
    counts: I64
    means: F32
    scatter: F64


def isolation(own: F32, neighbors: Neighbors) -> Isolation:
    """Compute all metrics of isolation.

    Parameters
    ----------
    own : ndarray of float32, shape (n_own, n_features)
        Features of the spikes of a unit.
    neighbors : Neighbors
        Its neighbours.

    Returns
    -------
    Isolation
        Without neighbours nothing but the two rates is known: 1 and 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = (rng.normal(x, size=(200, 3)).astype(np.float32) for x in (0, 10))
    >>> near = Neighbors(other, np.array([200]), other.mean(axis=0, keepdims=True), 199 * np.cov(other.T))
    >>> isolation(one, near).nn_hit_rate
    1.0
    """
    if len(own) < 2 or not own.shape[1]:
        return Isolation(*[float("nan")] * 6)
    if not len(neighbors.spikes):
        return Isolation(np.nan, np.nan, np.nan, 1.0, 0.0, np.nan)
    return Isolation(
        *mahalanobis(own, neighbors.spikes),
        d_prime(own, neighbors),
        *nearest_neighbors(own, neighbors.spikes),
        silhouette(own, neighbors.means),
    )


def mahalanobis(own: F32, foreign: F32) -> tuple[float, float]:
    """Compute isolation distance and L-ratio from Mahalanobis distances to the unit's mean.

    Parameters
    ----------
    own, foreign : ndarray of float32, shape (n_own, n_features), (n_foreign, n_features)
        Features of the unit's spikes, and of others.

    Returns
    -------
    isolation_distance, l_ratio : float
        NaN if the covariance of the own spikes has no inverse: they are not more than the features, or one feature
        follows from the others.

    References
    ----------
    Harris et al., Neuron 32:141 (2001); Schmitzer-Torbert et al., Neuroscience 131:1 (2005); SpikeInterface
    `mahalanobis`.
    """
    n = min(len(own), len(foreign))
    if n < 2 or len(own) <= own.shape[1]:
        return float("nan"), float("nan")
    covariance = np.cov(own.T).reshape(own.shape[1], -1)
    try:
        inverse = np.linalg.inv(covariance)
    except np.linalg.LinAlgError:
        return float("nan"), float("nan")
    # How much less a feature varies where all others are known. Beyond the precision of features it follows from them.
    inflation = np.diag(covariance) * np.diag(inverse)
    if not ((inflation > 0) & (inflation < 1 / np.finfo(np.float32).eps)).all():
        return float("nan"), float("nan")
    mean, weights, squared = own.mean(axis=0), inverse.astype(np.float32), np.empty(len(foreign))
    for start in range(0, len(foreign), SPIKES_AT_ONCE):
        part = slice(start, start + SPIKES_AT_ONCE)
        away = foreign[part] - mean
        squared[part] = np.einsum("ij,ij->i", away @ weights, away)
    l_ratio = scipy.special.chdtrc(own.shape[1], squared).sum() / len(own)
    return float(np.partition(squared, n - 1)[n - 1]), float(l_ratio)


def d_prime(own: F32, neighbors: Neighbors) -> float:
    """Compute the distance of two groups of spikes along Fisher's discriminant.

    Parameters
    ----------
    own : ndarray of float32, shape (n_own, n_features)
        Features of the unit's spikes.
    neighbors : Neighbors
        The spikes of others.

    Returns
    -------
    float
        Difference of the means over the root of the mean of both variances; NaN if the spikes are not more than the
        features.

    References
    ----------
    Hill, Mehta, Kleinfeld, J Neurosci 31:8699 (2011); SpikeInterface `d_prime`, whose sign is that of its
    discriminant.
    """
    counts, n_foreign = neighbors.counts, int(neighbors.counts.sum())
    if len(own) + n_foreign - 2 <= own.shape[1]:
        return float("nan")
    mean, means = own.mean(axis=0), neighbors.means.astype(np.float64)
    foreign_mean = counts @ means / n_foreign
    apart, centred, among = mean - foreign_mean, own - mean, means - foreign_mean
    scatter = (centred.T @ centred).astype(np.float64), neighbors.scatter + (counts * among.T) @ among
    try:
        line = np.linalg.solve(scatter[0] + scatter[1], apart)
    except np.linalg.LinAlgError:
        return float("nan")
    variance = line @ (scatter[0] / len(own) + scatter[1] / n_foreign) @ line / 2
    return float(apart @ line / np.sqrt(variance)) if variance > 0 else float("nan")


def nearest_neighbors(own: F32, foreign: F32) -> tuple[float, float]:
    """Ask of each spike how many of its nearest neighbours belong to the unit.

    Parameters
    ----------
    own, foreign : ndarray of float32, shape (n_own, n_features), (n_foreign, n_features)
        Features of the unit's spikes, and of others. Of more than 1000, evenly spaced ones are looked at.

    Returns
    -------
    hit, miss : float
        Share of own spikes among the neighbours of own spikes, and of foreign spikes; NaN for too few spikes.

    References
    ----------
    Chung et al., Neuron 95:1381 (2017); SpikeInterface `nearest_neighbor`.
    """
    n_own, n = len(own), len(own) + len(foreign)
    share = MAX_SPIKES / n
    looked_at = np.arange(0, n - 1, 1 / share).astype(np.int64) if share < 1 else np.arange(n)
    spikes = np.concatenate([own[looked_at[looked_at < n_own]], foreign[looked_at[looked_at >= n_own] - n_own]])
    n_own = int(n_own * share) if share < 1 else n_own
    if len(spikes) <= N_NEIGHBORS or not 0 < n_own < len(spikes):
        return float("nan"), float("nan")
    found = nearest_points(spikes, spikes, N_NEIGHBORS + 1)
    itself = found == np.arange(len(spikes))[:, None]
    itself[~itself.any(axis=1), -1] = True  # others lie at the same place
    is_own = ((found >= 0) & (found < n_own))[~itself].reshape(len(spikes), N_NEIGHBORS)
    return float(is_own[:n_own].mean()), float(is_own[n_own:].mean())


def silhouette(own: F32, other_means: F32) -> float:
    """Compare the distances of a unit's spikes from its mean with those from the nearest other mean.

    Parameters
    ----------
    own : ndarray of float32, shape (n_own, n_features)
        Features of the unit's spikes.
    other_means : ndarray of float32, shape (n_others, n_features)
        Mean features of the other units, at least one.

    Returns
    -------
    float
        Mean of (b - a) / max(a, b), where a is the distance from the own mean and b that from the mean that is
        nearest on average.

    References
    ----------
    Rousseeuw, J Comput Appl Math 20:53 (1987), simplified by Hruschka et al., IEEE ICDM (2004); SpikeInterface
    `silhouette`.

    Examples
    --------
    >>> round(silhouette(np.array([[-1], [1]], np.float32), np.array([[100], [200]], np.float32)), 2)
    0.99
    """
    a = np.linalg.norm(own - own.mean(axis=0), axis=1)
    spikes, means = own.astype(np.float64), other_means.astype(np.float64)
    squared = (spikes**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2 * spikes @ means.T
    others = np.sqrt(np.maximum(squared, 0.0))
    b = others[:, others.mean(axis=0).argmin()]
    return float(np.mean((b - a) / np.maximum(np.maximum(a, b), np.finfo(np.float32).tiny)))
