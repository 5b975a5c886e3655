"""Graph clustering with landmarks, modularity and a merge tree: Kilosort4's clustering of one group of spikes.

1. Every spike is linked to its nearest landmarks. 2. Labels start from k-means++ and climb the modularity of that
graph. 3. The clusters are joined into a tree, the most connected first. 4. From the root down, a join is undone where
its two sides are two neurons: barely linked, or bimodal and not refractory to each other. See docs/cluster.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, F64, I64
from spikesieve.settings.cluster import ClusterParams
from spikesieve.stages.bimodality import bimodality
from spikesieve.stages.landmark_graph import initial_labels, landmarks, link_counts, nearest_landmarks

# More spikes than this on one side of a join say no more about its shape.
MAX_SPIKES_PER_SIDE = 20_000


class Verdict(Enum):
    """What their spike times say about two sets of spikes."""

    ONE = "one refractory train"
    TWO = "two independent trains"
    UNDECIDED = "too few spikes to tell"


# Compares the spike times of two sides, given as indices into the group. It must be picklable.
CompareTrains = Callable[[I64, I64], Verdict]


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The joins of n clusters, which are nodes 0 to n - 1; join i makes node n + i.

    Attributes
    ----------
    left, right : ndarray of int64, shape (n - 1,)
        The two nodes that each join connects.
    ratio : ndarray of float64, shape (n - 1,)
        Links between the two nodes, divided by those expected by chance.
    """

    left: I64
    right: I64
    ratio: F64


def cluster_group(features: F32, params: ClusterParams, compare_trains: CompareTrains | None) -> I64:
    """Cluster the spikes of one group.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike in noise SD.
    params : ClusterParams
        Numbers of neighbours and landmarks, and the criteria of a split.
    compare_trains : callable or None
        Tells from two arrays of spike indices whether these spikes form one refractory train. None: split by shape
        alone.

    Returns
    -------
    ndarray of int64, shape (n_spikes,)
        Cluster of each spike, 0 to n - 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((200, 3)).astype(np.float32)
    >>> features[100:, 0] += 20
    >>> np.bincount(cluster_group(features, ClusterParams(), None))
    array([100, 100])
    """
    n = len(features)
    if n < 2 * params.n_neighbours:
        return np.zeros(n, np.int64)
    landmark_of = landmarks(n, params)
    links = nearest_landmarks(features, landmark_of, params.n_neighbours)
    start = initial_labels(features, params)
    spike_label, landmark_label = kernels.ascend(
        links, landmark_of, start, int(start.max()) + 1, params.resolution, params.max_rounds
    )
    unique_labels, labels = np.unique(spike_label, return_inverse=True)
    labels, n_labels = labels.astype(np.int64), len(unique_labels)
    if n_labels == 1:
        return labels
    new_label = np.full(int(max(spike_label.max(), landmark_label.max())) + 1, -1, np.int64)
    new_label[spike_label] = labels
    tree = merge_tree(link_counts(labels, new_label[landmark_label], links, n_labels))
    return cut_tree(tree, labels, n_labels, features, params, compare_trains)


def merge_tree(counts: F64) -> MergeTree:
    """Join the two clusters with the most links relative to chance, again and again.

    Parameters
    ----------
    counts : ndarray of float64, shape (n, n)
        Links between clusters, as `link_counts` counts them.

    Returns
    -------
    MergeTree
        The n - 1 joins, in their order.

    Notes
    -----
    Chance is the product of the links of the two clusters, divided by all links, plus 0.001.

    Examples
    --------
    >>> tree = merge_tree(np.array([[9.0, 1.0, 4.0], [1.0, 9.0, 1.0], [4.0, 1.0, 9.0]]))
    >>> tree.left, tree.right
    (array([0, 3]), array([2, 1]))
    """
    n = len(counts)
    counts = counts.copy()
    node = np.arange(n)
    left, right, ratio = [], [], []
    alive = np.ones(n, np.bool_)
    for step in range(n - 1):
        degree = counts.sum(axis=1)
        chance = 0.001 + np.outer(degree, degree) / max(1.0, degree.sum())
        linked = np.where(alive[:, None] & alive[None, :], counts / chance, -1.0)
        np.fill_diagonal(linked, -1.0)
        i, j = np.unravel_index(linked.argmax(), linked.shape)
        i, j = min(i, j), max(i, j)
        left.append(node[i])
        right.append(node[j])
        ratio.append(linked[i, j])
        counts[i] += counts[j]
        counts[:, i] += counts[:, j]
        counts[j], counts[:, j] = 0.0, 0.0
        alive[j] = False
        node[i] = n + step
    return MergeTree(np.array(left, np.int64), np.array(right, np.int64), np.array(ratio))


def cut_tree(
    tree: MergeTree,
    labels: I64,
    n_labels: int,
    features: F32,
    params: ClusterParams,
    compare_trains: CompareTrains | None,
) -> I64:
    """Undo joins from the root down, wherever the two sides are two neurons.

    Parameters
    ----------
    tree : MergeTree
        Joins of the clusters.
    labels : ndarray of int64, shape (n_spikes,)
        Cluster of each spike.
    n_labels : int
        Number of clusters.
    features : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    params : ClusterParams
        Criteria of a split.
    compare_trains : callable or None
        See `cluster_group`.

    Returns
    -------
    ndarray of int64, shape (n_spikes,)
        Final cluster of each spike, 0 to n - 1.
    """
    node_spikes = _NodeSpikes(tree, labels, n_labels)
    final_label = np.zeros(len(labels), np.int64)
    n_found = 0
    open_nodes = [n_labels + len(tree.left) - 1]
    while open_nodes:
        node = open_nodes.pop()
        join = node - n_labels
        if join >= 0 and should_split(node_spikes, tree, join, features, params, compare_trains):
            open_nodes += [int(tree.right[join]), int(tree.left[join])]
        else:
            final_label[node_spikes[node]] = n_found
            n_found += 1
    return final_label


class SpikesOfNode(Protocol):
    """The spikes of each node of a merge tree."""

    def __getitem__(self, node: int | np.int64) -> I64:
        """Spikes of a node, ascending: (n,) int64."""
        ...


class _NodeSpikes:
    """The spikes of each node, looked up when needed: kept for a whole tree they take more memory than the features."""

    def __init__(self, tree: MergeTree, labels: I64, n_labels: int) -> None:
        leaves = [[k] for k in range(n_labels)]
        for a, b in zip(tree.left, tree.right, strict=True):
            leaves.append(leaves[a] + leaves[b])
        self._leaves, self._labels = leaves, labels

    def __getitem__(self, node: int | np.int64) -> I64:
        is_in_node = np.zeros(len(self._leaves), np.bool_)
        is_in_node[self._leaves[node]] = True
        return np.flatnonzero(is_in_node[self._labels])


def should_split(
    node_spikes: SpikesOfNode,
    tree: MergeTree,
    join: int,
    features: F32,
    params: ClusterParams,
    compare_trains: CompareTrains | None,
) -> bool:
    """Decide whether the two sides of a join are two neurons.

    Parameters
    ----------
    node_spikes : SpikesOfNode
        Spikes of each node.
    tree : MergeTree
        Joins of the clusters.
    join : int
        Index of the join.
    features : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    params : ClusterParams
        Criteria of a split.
    compare_trains : callable or None
        See `cluster_group`. It is not called if the sides are barely linked.

    Returns
    -------
    bool
        True if the sides are barely linked, or bimodal and not one refractory train.
    """
    if tree.ratio[join] < params.min_link_ratio:
        return True
    left, right = node_spikes[tree.left[join]], node_spikes[tree.right[join]]
    verdict = compare_trains(left, right) if compare_trains is not None else Verdict.UNDECIDED
    if verdict is Verdict.ONE:
        return False
    needed = params.min_bimodality_if_not_refractory if verdict is Verdict.TWO else params.min_bimodality
    left, right = evenly_spaced(left, MAX_SPIKES_PER_SIDE), evenly_spaced(right, MAX_SPIKES_PER_SIDE)
    return bimodality(features[left], features[right]) >= needed


def evenly_spaced(spikes: I64, max_spikes: int) -> I64:
    """Thin out spikes to at most a given number, evenly spaced.

    Parameters
    ----------
    spikes : ndarray of int64, shape (n_spikes,)
        Indices of spikes.
    max_spikes : int
        Largest number that is kept.

    Returns
    -------
    ndarray of int64, shape (min(n_spikes, max_spikes),)
        The kept indices, in the same order.

    Examples
    --------
    >>> evenly_spaced(np.arange(10), 4)
    array([0, 2, 5, 7])
    """
    n = min(len(spikes), max_spikes)
    return spikes[np.arange(n) * len(spikes) // n]
