"""The graph that spikes are clustered on: landmarks, links to them, first labels, links between clusters."""

from __future__ import annotations

import numpy as np

from spikesieve import kernels
from spikesieve.kernels.one_thread import one_openmp_thread
from spikesieve.model import F32, F64, I64
from spikesieve.settings.cluster import ClusterParams

# Bounds the memory: labels are found for this many spikes at a time.
CHUNK_SPIKES = 20_000
# k-means++ draws its centres from at most this many spikes, and tries this many candidates for each.
MAX_SPIKES_FOR_CENTRES, N_CANDIDATES = 10_000, 100


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
    k = min(n + 1, len(landmark_of))
    from sklearn.neighbors import NearestNeighbors  # as in `shapes`

    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features[landmark_of])
    with one_openmp_thread():  # the workers share the cores already
        links: I64 = search.kneighbors(features, return_distance=False).astype(np.int64, copy=False)
    links[landmark_of[links] == np.arange(len(features))[:, None]] = -1
    # A landmark keeps its n others, any other spike its n nearest.
    found_itself = (links < 0).any(axis=1)
    links[~found_itself, n:] = -1
    return links


def initial_labels(features: F32, params: ClusterParams) -> I64:
    """Label the spikes by greedy k-means++.

    Each new centre is the best of 100 candidates. They are drawn by their unexplained squared norm; the best one
    explains most. A centre c explains ``2 x.c - |c|^2`` of a spike x.

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
    # scikit-learn's kmeans_plusplus differs in its draws, costs 3.6 s for our 3.3 s (10 000 x 96), 16 MB as ours.
    rng = np.random.default_rng(params.seed)
    n = len(features)
    subset = features
    if n > MAX_SPIKES_FOR_CENTRES:
        subset = features[np.sort(rng.choice(n, MAX_SPIKES_FOR_CENTRES, replace=False))]
    centres = _draw_centres(subset, min(params.initial_clusters, max(1, n // 10)), rng)
    if not centres:
        return np.zeros(n, np.int64)
    matrix = np.array(centres, np.float32)
    labels = np.empty(n, np.int64)
    for start in range(0, n, CHUNK_SPIKES):
        chunk = slice(start, start + CHUNK_SPIKES)
        labels[chunk] = (2 * (features[chunk] @ matrix.T) - (matrix**2).sum(axis=1)).argmax(axis=1)
    return labels


def _draw_centres(subset: F32, n_centres: int, rng: np.random.Generator) -> list[F32]:
    norm2 = (subset.astype(np.float64) ** 2).sum(axis=1)
    explained = np.zeros(len(subset))
    centres: list[F32] = []
    for _ in range(n_centres):
        unexplained = np.maximum(norm2 - explained, 0.0)
        total = unexplained.sum()
        if total <= 0:
            break
        candidates = np.unique(rng.choice(len(subset), N_CANDIDATES, p=unexplained / total))
        products, c_norm2 = subset @ subset[candidates].T, norm2[candidates].astype(np.float32)
        best = int(kernels.explained_more(products, c_norm2, explained.astype(np.float32)).argmax())
        centres.append(subset[candidates[best]])
        explained = np.maximum(explained, 2 * products[:, best] - c_norm2[best])
    return centres


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
