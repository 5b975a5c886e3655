"""Graph clustering with landmarks, modularity and a merge tree: Kilosort4's clustering of one group of spikes.

1. Every spike is linked to its nearest landmarks. 2. Labels start from k-means++ and climb the modularity of that
graph. 3. The clusters are joined into a tree, the most connected first. 4. From the root down, each join is undone
where the two sides are two neurons: barely linked, or bimodal and not refractory to each other. See docs/cluster.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.neighbors import NearestNeighbors

from spikesieve.kernels import ascend
from spikesieve.model import F32, F64, I64
from spikesieve.settings.cluster import ClusterParams


class Verdict(Enum):
    """What spike times say of two sides."""

    ONE = "one refractory train"
    TWO = "two independent trains"
    UNDECIDED = "too few spikes to tell"


# What the times of the spikes on two sides (indices into the group) say.
CompareTrains = Callable[[I64, I64], Verdict]

# Spikes that are looked at together; of more than that on one side of a join, so many are.
AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Tree:
    """Joins of K clusters: join i makes node K + i from nodes left[i], right[i], linked ratio[i] times chance."""

    left: I64
    right: I64
    ratio: F64


def cluster_group(features: F32, params: ClusterParams, compare_trains: CompareTrains | None) -> I64:
    """Labels 0..n-1 of the spikes of one group: (n_spikes,) int64.

    features       (n_spikes, n_features) float32
    compare_trains  refractory test of two sides, or None to split by shape alone
    """
    n = len(features)
    if n < 2 * params.n_neighbours:
        return np.zeros(n, np.int64)
    landmark_of = landmarks(n, params)
    links = nearest_landmarks(features, landmark_of, params.n_neighbours)
    start = initial_labels(features, params)
    spike_label, landmark_label = ascend(
        links, landmark_of, start, int(start.max()) + 1, params.resolution, params.max_rounds
    )
    labels, n_labels = compact(spike_label)
    lookup = np.full(int(max(spike_label.max(), landmark_label.max())) + 1, -1, np.int64)
    lookup[spike_label] = labels
    if n_labels == 1:
        return labels
    tree = merge_tree(link_counts(labels, lookup[landmark_label], links, n_labels))
    return cut_tree(tree, labels, n_labels, features, params, compare_trains)


def landmarks(n_spikes: int, params: ClusterParams) -> I64:
    """Evenly spaced spikes: every `downsampling`-th, but not fewer than min_landmarks nor more than max_landmarks."""
    wanted = min(max(n_spikes // params.downsampling, params.min_landmarks), params.max_landmarks, n_spikes)
    return (np.arange(wanted) * n_spikes) // wanted


def nearest_landmarks(features: F32, landmark_of: I64, n: int) -> I64:
    """Exact nearest landmarks by Euclidean distance: (n_spikes, n) int64, -1 in place of the spike itself."""
    k = min(n + 1, len(landmark_of))
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features[landmark_of])
    found: I64 = search.kneighbors(features, return_distance=False).astype(np.int64, copy=False)
    found[landmark_of[found] == np.arange(len(features))[:, None]] = -1
    # A landmark keeps all its n others, any other spike its n nearest.
    keep_last = (found < 0).any(axis=1)
    found[~keep_last, n:] = -1
    return found


def initial_labels(features: F32, params: ClusterParams) -> I64:
    """Greedy k-means++ labels: (n_spikes,) int64.

    Each new centre is, of 100 candidates drawn by unexplained variance, the one that explains most. A centre c
    explains 2 x.c - |c|^2 of a spike x.
    """
    rng = np.random.default_rng(params.seed)
    n = len(features)
    n_centres = min(params.initial_clusters, max(1, n // 10))
    subset = features if n <= 10_000 else features[np.sort(rng.choice(n, 10_000, replace=False))]
    norm2 = (subset.astype(np.float64) ** 2).sum(axis=1)
    explained = np.zeros(len(subset))
    centres = []
    for _ in range(n_centres):
        left = np.maximum(norm2 - explained, 0.0)
        total = left.sum()
        if total <= 0:
            break
        tried = np.unique(rng.choice(len(subset), 100, p=left / total))
        gain = 2 * (subset @ subset[tried].T) - norm2[tried].astype(np.float32)
        best = int(np.maximum(gain - explained[:, None].astype(np.float32), 0).sum(axis=0).argmax())
        centres.append(subset[tried[best]])
        explained = np.maximum(explained, gain[:, best])
    if not centres:
        return np.zeros(n, np.int64)
    matrix = np.array(centres, np.float32)
    labels = np.empty(n, np.int64)
    for start in range(0, n, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        labels[some] = (2 * (features[some] @ matrix.T) - (matrix**2).sum(axis=1)).argmax(axis=1)
    return labels


def compact(labels: I64) -> tuple[I64, int]:
    """Labels renumbered 0..n-1 without gaps, and n."""
    unique, inverse = np.unique(labels, return_inverse=True)
    return inverse.astype(np.int64), len(unique)


def link_counts(spike_label: I64, landmark_label: I64, links: I64, n_labels: int) -> F64:
    """Links between clusters in both directions, without unlabelled (-1) landmarks: (n_labels, n_labels) float64."""
    rows = np.repeat(spike_label, links.shape[1])
    targets = np.where(links.ravel() >= 0, landmark_label[np.maximum(links.ravel(), 0)], -1)
    used = targets >= 0
    counts = np.bincount(rows[used] * n_labels + targets[used], minlength=n_labels**2).reshape(n_labels, n_labels)
    return (counts + counts.T).astype(np.float64)


def merge_tree(counts: F64) -> Tree:
    """Join the two clusters with the most links over chance, again and again.

    Chance is the product of the two clusters' links over all links, plus 0.001.
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
    return Tree(np.array(left, np.int64), np.array(right, np.int64), np.array(ratio))


def cut_tree(
    tree: Tree, labels: I64, n_labels: int, features: F32, params: ClusterParams, compare_trains: CompareTrains | None
) -> I64:
    """From the root down: a join stays where its sides are one neuron. Returns labels 0..n-1 (n_spikes,) int64."""
    members = _Members(tree, labels, n_labels)
    result = np.zeros(len(labels), np.int64)
    n_found = 0
    open_nodes = [n_labels + len(tree.left) - 1]
    while open_nodes:
        node = open_nodes.pop()
        join = node - n_labels
        if join >= 0 and stay_apart(members, tree, join, features, params, compare_trains):
            open_nodes += [int(tree.right[join]), int(tree.left[join])]
        else:
            result[members[node]] = n_found
            n_found += 1
    return result


class _Members:
    """The spikes of each node of a tree, in order: whole trees of them would take more memory than their features."""

    def __init__(self, tree: Tree, labels: I64, n_labels: int) -> None:
        leaves = [[k] for k in range(n_labels)]
        for a, b in zip(tree.left, tree.right, strict=True):
            leaves.append(leaves[a] + leaves[b])
        self._leaves, self._labels = leaves, labels

    def __getitem__(self, node: int | np.int64) -> I64:
        """(n,) int64, ascending."""
        wanted = np.zeros(len(self._leaves), np.bool_)
        wanted[self._leaves[node]] = True
        return np.flatnonzero(wanted[self._labels])


def stay_apart(
    members: _Members,
    tree: Tree,
    join: int,
    features: F32,
    params: ClusterParams,
    compare_trains: CompareTrains | None,
) -> bool:
    """Whether the two sides of a join are two neurons."""
    if tree.ratio[join] < params.min_link_ratio:
        return True
    a, b = members[tree.left[join]], members[tree.right[join]]
    verdict = compare_trains(a, b) if compare_trains is not None else Verdict.UNDECIDED
    if verdict is Verdict.ONE:
        return False
    needed = params.min_bimodality_if_not_refractory if verdict is Verdict.TWO else params.min_bimodality
    return bimodality(features[thinned(a, AT_ONCE)], features[thinned(b, AT_ONCE)]) >= needed


def thinned(spikes: I64, most: int) -> I64:
    """At most so many of them, evenly spread: more tell no more of a shape."""
    n = min(len(spikes), most)
    return spikes[np.arange(n) * len(spikes) // n]


def bimodality(a: F32, b: F32) -> float:
    """How deep the joint projection of two clusters dips between them: 0 (one hump) to 1 (nothing in between).

    A ridge regression of +-1 on the features, both clusters weighing the same, gives the projection; its histogram
    (399 bins on [-2, 2], Gaussian of 4 bins or more for few spikes) is compared: 1 - valley / smaller peak. First the
    features are reduced to as many principal components as the smaller cluster can support (a tenth of its spikes),
    so that a handful of spikes is not separated by noise.
    """
    n_dims = int(np.clip(min(len(a), len(b)) // 10, 2, a.shape[1]))
    x = np.ones((len(a) + len(b), n_dims + 1))
    lower, upper = x[: len(a)], x[len(a) :]
    if n_dims < a.shape[1]:
        x[:, :-1] = _principal_components(np.concatenate([a, b], dtype=np.float64), n_dims)
    else:
        lower[:, :-1], upper[:, :-1] = a, b
    normal = 0.5 / len(a) * (lower.T @ lower) + 0.5 / len(b) * (upper.T @ upper)
    difference = 0.5 * (upper.mean(axis=0) - lower.mean(axis=0))
    projection = x @ np.linalg.solve(normal + 0.01 / len(x) * np.eye(n_dims + 1), difference)
    histogram = np.histogram(projection, bins=np.linspace(-2, 2, 400))[0].astype(np.float64)
    smooth = gaussian_filter1d(histogram, max(4.0, _bandwidth(projection[: len(a)], projection[len(a) :]) / 0.01))
    valley = 175 + int(smooth[175:225].argmin())
    peak = min(smooth[:valley].max(), smooth[valley:].max())
    return float(1 - smooth[valley] / peak) if peak > 0 else 0.0


def _principal_components(x: F64, n: int) -> F64:
    """x (n_spikes, n_dims), which is centred in place, on its first n principal components."""
    x -= x.mean(axis=0)
    _, vectors = np.linalg.eigh(x.T @ x)
    return np.asarray(x @ vectors[:, ::-1][:, :n])


def _bandwidth(a: F64, b: F64) -> float:
    """Silverman's bandwidth of the smaller cluster, 0.9 sd n^-1/5: few spikes make a rough histogram, not two humps."""
    small = a if len(a) <= len(b) else b
    return float(0.9 * small.std() * len(small) ** -0.2)
