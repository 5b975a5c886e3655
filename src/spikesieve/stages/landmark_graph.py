"""The graph that spikes are clustered on: landmarks, links to them, first labels, links between clusters."""

from __future__ import annotations

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, F64, I64
from spikesieve.settings.cluster import ClusterParams
from spikesieve.stages.centres import TILE, draw_centres

# Bounds the memory: labels are found for this many spikes at a time.
CHUNK_SPIKES = 20_000
# Landmarks that are kept beside the nearest ones until the distances are known in double precision.
N_SPARE = 3
# k-means++ draws its centres from at most this many spikes.
MAX_SPIKES_FOR_CENTRES = 10_000


def landmarks(n_spikes: int, params: ClusterParams) -> I64:
    """Choose evenly spaced spikes as landmarks.

    Parameters
    ----------
    n_spikes : int
        Number of spikes of the group.
    params : ClusterParams
        One spike in ``downsampling`` is a landmark, within ``min_landmarks`` and ``max_landmarks``.

    Returns
    -------
    ndarray of int64, shape (n_landmarks,)
        Spike of each landmark, ascending.

    Examples
    --------
    >>> landmarks(40, ClusterParams(downsampling=4, min_landmarks=10))
    array([ 0,  4,  8, 12, 16, 20, 24, 28, 32, 36])
    """
    n_landmarks = min(max(n_spikes // params.downsampling, params.min_landmarks), params.max_landmarks, n_spikes)
    return (np.arange(n_landmarks) * n_spikes) // n_landmarks


def nearest_landmarks(features: F32, landmark_of: I64, n: int) -> I64:
    """Find the exact nearest landmarks of each spike by Euclidean distance.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    landmark_of : ndarray of int64, shape (n_landmarks,)
        Spike of each landmark.
    n : int
        Number of landmarks that a spike is linked to.

    Returns
    -------
    ndarray of int64, shape (n_spikes, min(n + 1, n_landmarks))
        Landmarks of each spike; -1 marks an unused entry. No spike is linked to itself.

    Notes
    -----
    Distances from products in single precision pick three landmarks more than wanted, those in double precision decide.
    Spikes of up to 300 noise SD lose none that way: the products are wrong by 1e-7 of the squared norm.
    """
    every_spike = len(landmark_of) == len(features)
    of_landmarks = features if every_spike else features[landmark_of]
    links = np.empty((len(features), min(n + 1, len(landmark_of))), np.int64)
    # Where every spike is a landmark, each distance serves two spikes: their lists are filled together.
    step = len(features) if every_spike else CHUNK_SPIKES
    for start in range(0, len(features), step):
        chunk = slice(start, start + step)
        links[chunk] = _nearest(features[chunk], of_landmarks, links.shape[1], every_spike)
    links[landmark_of[links] == np.arange(len(features))[:, None]] = -1
    # A landmark keeps its n others, any other spike its n nearest.
    found_itself = (links < 0).any(axis=1)
    links[~found_itself, n:] = -1
    return links


def _nearest(spikes: F32, of_landmarks: F32, n: int, are_same: bool) -> I64:
    """As scikit-learn's NearestNeighbors in half to two thirds of its time: float32 picks a few more, float64 sorts."""
    n_kept = min(n + N_SPARE, len(of_landmarks))
    distance2 = np.full((len(spikes), n_kept), np.inf, np.float32)
    nearest = np.zeros((len(spikes), n_kept), np.int32)
    norm2, landmark_norm2 = (np.einsum("ij,ij->i", x, x) for x in (spikes, of_landmarks))
    for a in range(0, len(spikes), TILE):
        for b in range(a if are_same else 0, len(of_landmarks), TILE):
            products = spikes[a : a + TILE] @ of_landmarks[b : b + TILE].T
            both = are_same and a != b
            kernels.keep_nearest(products, a, b, norm2, landmark_norm2, both, distance2, nearest)
    return kernels.nearest_first(spikes, of_landmarks, nearest, n)


def initial_labels(features: F32, params: ClusterParams) -> I64:
    """Label the spikes by greedy k-means++, see `draw_centres`.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    params : ClusterParams
        Number of centres and seed.

    Returns
    -------
    ndarray of int64, shape (n_spikes,)
        Centre of each spike.

    Examples
    --------
    >>> initial_labels(np.repeat(np.eye(2, dtype=np.float32), 10, axis=0), ClusterParams())[[0, 9, 10, 19]]
    array([0, 0, 1, 1])
    """
    # scikit-learn's kmeans_plusplus differs in its draws and costs 1.3 s for our 0.15 s (7000 x 96).
    rng = np.random.default_rng(params.seed)
    n = len(features)
    subset = features
    if n > MAX_SPIKES_FOR_CENTRES:
        subset = features[np.sort(rng.choice(n, MAX_SPIKES_FOR_CENTRES, replace=False))]
    centres = draw_centres(subset, min(params.initial_clusters, max(1, n // 10)), rng)
    if not len(centres):
        return np.zeros(n, np.int64)
    matrix = subset[centres]
    labels = np.empty(n, np.int64)
    for start in range(0, n, CHUNK_SPIKES):
        chunk = slice(start, start + CHUNK_SPIKES)
        labels[chunk] = (2 * (features[chunk] @ matrix.T) - (matrix**2).sum(axis=1)).argmax(axis=1)
    return labels


def link_counts(spike_label: I64, landmark_label: I64, links: I64, n_labels: int) -> F64:
    """Count the links between clusters in both directions.

    Parameters
    ----------
    spike_label : ndarray of int64, shape (n_spikes,)
        Cluster of each spike.
    landmark_label : ndarray of int64, shape (n_landmarks,)
        Cluster of each landmark; links to landmarks with label -1 are not counted.
    links : ndarray of int64, shape (n_spikes, n)
        Landmarks that each spike is linked to; -1 marks an unused entry.
    n_labels : int
        Number of clusters.

    Returns
    -------
    ndarray of float64, shape (n_labels, n_labels)
        Symmetric counts.

    Examples
    --------
    >>> link_counts(np.array([0, 1]), np.array([0, 1]), np.array([[0, 1], [1, -1]]), 2)
    array([[2., 1.],
           [1., 2.]])
    """
    rows = np.repeat(spike_label, links.shape[1])
    targets = np.where(links.ravel() >= 0, landmark_label[np.maximum(links.ravel(), 0)], -1)
    used = targets >= 0
    counts = np.bincount(rows[used] * n_labels + targets[used], minlength=n_labels**2).reshape(n_labels, n_labels)
    return (counts + counts.T).astype(np.float64)
