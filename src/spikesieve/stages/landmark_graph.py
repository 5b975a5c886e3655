"""The graph that spikes are clustered on: landmarks, links to them, first labels, links between clusters."""

from __future__ import annotations

import numpy as np

from spikesieve.metrics.neighbors import nearest_points
from spikesieve.model import F32, F64, I64
from spikesieve.settings.cluster import ClusterParams
from spikesieve.stages.centres import draw_centres

# Bounds the memory: labels are found for this many spikes at a time.
CHUNK_SPIKES = 20_000
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

    """
    every_spike, n_nearest = len(landmark_of) == len(features), min(n + 1, len(landmark_of))
    if every_spike:
        links = nearest_points(features, features, n_nearest)
    else:
        chunks = [features[start : start + CHUNK_SPIKES] for start in range(0, len(features), CHUNK_SPIKES)]
        links = np.concatenate([nearest_points(chunk, features[landmark_of], n_nearest) for chunk in chunks])
    links[landmark_of[links] == np.arange(len(features))[:, None]] = -1
    # A landmark keeps its n others, any other spike its n nearest.
    found_itself = (links < 0).any(axis=1)
    links[~found_itself, n:] = -1
    return links


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
