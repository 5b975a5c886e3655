"""Clustering separates what is separate, keeps what is one, and asks the spike times before it splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.stages import cluster
from spikesieve.stages.cluster import ClusterParams, Tree, Verdict

PARAMS = ClusterParams()


def clouds(sizes: list[int], distance: float = 12.0, n_dims: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds of unit SD, each `distance` from the others, in random order: features, true labels."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = distance / np.sqrt(2) * np.eye(n_dims)[: len(sizes)]
    return (centres[truth] + rng.standard_normal((len(truth), n_dims))).astype(np.float32), truth


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


def labels_of(features: np.ndarray, compare=None, params: ClusterParams = PARAMS) -> np.ndarray:
    labels = cluster.cluster_group(features, params, compare)
    assert labels.dtype == np.int64
    assert labels.shape == (len(features),)
    assert sorted(set(labels.tolist())) == list(range(len(set(labels.tolist()))))
    return labels


# Whole groups


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [[300, 300], [1000, 50], [400, 200, 100, 50], [150, 30]])
def test_clouds_far_apart_become_clusters(sizes, seed):
    features, truth = clouds(sizes, seed=seed)
    assert same_partition(labels_of(features), truth)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [20, 60, 300, 1000])
def test_one_cloud_stays_one(n, seed):
    features, _ = clouds([n], seed=seed)
    assert labels_of(features).max() == 0


@pytest.mark.parametrize("sizes", [[20, 20], [40, 20], [25, 25, 25]])
def test_groups_of_twenty_spikes_are_clustered_too(sizes):
    """Kilosort4 makes one unit of a group with fewer than 1000 spikes."""
    features, truth = clouds(sizes, 20.0)
    assert same_partition(labels_of(features), truth)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 60), st.integers(0, 1000), st.sampled_from(["noise", "ties", "zeros"]))
def test_every_spike_has_a_label_whatever_the_features(n, seed, kind):
    features = np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)
    if kind == "ties":
        features = np.round(features)
    if kind == "zeros":
        features[:] = 0
    labels_of(features)  # it asserts that labels are 0..n-1 without gaps


def test_the_same_input_gives_the_same_labels():
    features, _ = clouds([200, 150, 100], 5.0)
    np.testing.assert_array_equal(labels_of(features), labels_of(features))


def test_a_large_group_is_clustered_by_landmarks():
    features, truth = clouds([1800, 1200], n_dims=6)
    params = ClusterParams(min_landmarks=10, max_landmarks=150)
    assert len(cluster.landmarks(3000, params)) == 150
    assert same_partition(labels_of(features, params=params), truth)


# Refractoriness decides


@pytest.mark.parametrize(("verdict", "n_units"), [(Verdict.TWO, 2), (Verdict.UNDECIDED, 1), (Verdict.ONE, 1)])
def test_the_spike_times_are_asked_and_decide(verdict, n_units):
    """In Kilosort4 the answer is always the same: its test of two sides has a slip (`len(st2 == 0)`)."""
    features, truth = clouds([800, 800], 3.0)
    asked = []

    def answer(a, b):
        asked.append((a, b))
        return verdict

    assert labels_of(features, answer).max() + 1 == n_units
    a, b = asked[0]
    assert sorted([*a, *b]) == list(range(1600))
    assert abs(truth[a].mean() - truth[b].mean()) > 0.6


def bimodal(depth_distance: float) -> tuple[list[np.ndarray], Tree, np.ndarray]:
    """Two clouds joined once, well linked, so that only bimodality and spike times decide."""
    features, truth = clouds([1500, 1500], depth_distance, 4)
    members = [np.flatnonzero(truth == 0), np.flatnonzero(truth == 1), np.arange(3000)]
    return members, Tree(np.array([0]), np.array([1]), np.array([0.9])), features


def decide(verdict, distance: float) -> bool:
    members, tree, features = bimodal(distance)
    return cluster.stay_apart(members, tree, 0, features, PARAMS, None if verdict is None else lambda a, b: verdict)


@pytest.mark.parametrize(
    ("verdict", "distance", "apart"),
    [
        (None, 6.0, True),
        (Verdict.UNDECIDED, 6.0, True),
        (Verdict.TWO, 6.0, True),
        (Verdict.ONE, 6.0, False),
        (None, 1.0, False),
        (Verdict.TWO, 1.0, False),
        (None, 3.0, False),
        (Verdict.TWO, 3.0, True),
    ],
)
def test_shape_and_spike_times_decide_together(verdict, distance, apart):
    assert decide(verdict, distance) is apart


def test_sides_that_are_barely_linked_stay_apart_without_asking():
    members, tree, features = bimodal(1.0)
    weak = Tree(tree.left, tree.right, np.array([0.1]))
    assert cluster.stay_apart(members, weak, 0, features, PARAMS, lambda a, b: pytest.fail("asked"))


# Bimodality


def test_bimodality_grows_with_distance_and_is_symmetric():
    values = []
    for distance in (0.0, 2.0, 4.0, 8.0):
        features, truth = clouds([2000, 2000], distance, 4)
        a, b = features[truth == 0], features[truth == 1]
        values.append(cluster.bimodality(a, b))
        assert cluster.bimodality(b, a) == pytest.approx(values[-1], abs=0.1)
    assert values == sorted(values)
    assert values[0] < 0.2
    assert values[-1] > 0.95


@pytest.mark.parametrize("n", [10, 30, 100])
def test_a_handful_of_spikes_in_many_dimensions_is_not_separated_by_noise(n):
    """A random half of one cloud against the other: 96 dimensions separate 2 n points perfectly."""
    scores = []
    for seed in range(10):
        x = np.random.default_rng(seed).standard_normal((2 * n, 96)).astype(np.float32)
        scores.append(cluster.bimodality(x[:n], x[n:]))
    assert np.mean(np.array(scores) >= PARAMS.min_bimodality) <= 0.2


# Pieces


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 30), st.integers(10, 200))
def test_landmarks_are_distinct_and_even(n_spikes, downsampling, min_landmarks):
    params = ClusterParams(downsampling=downsampling, min_landmarks=min_landmarks)
    chosen = cluster.landmarks(n_spikes, params)
    assert len(np.unique(chosen)) == len(chosen) == min(n_spikes, max(n_spikes // downsampling, min_landmarks))
    assert chosen.min() >= 0
    assert chosen.max() < n_spikes
    assert len(chosen) < 2 or np.ptp(np.diff(chosen)) <= 1


def test_nearest_landmarks_are_the_nearest_and_never_oneself():
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    landmark_of = np.arange(0, 60, 3)
    links = cluster.nearest_landmarks(x, landmark_of, 4)
    distance = np.linalg.norm(x[:, None] - x[landmark_of][None], axis=2)
    for i in range(60):
        expected = [k for k in np.argsort(distance[i]) if landmark_of[k] != i][:4]
        assert sorted(links[i][links[i] >= 0]) == sorted(expected)


def test_link_counts_by_hand():
    links = np.array([[0, 1], [0, -1], [1, 1]])
    counts = cluster.link_counts(np.array([0, 0, 1]), np.array([0, 1]), links, 2)
    # Spikes of 0: two links to landmark 0 (label 0), one to 1 (label 1); spike of 1: two to label 1; both ways.
    assert counts.tolist() == [[4, 1], [1, 4]]
    assert cluster.link_counts(np.array([0, 0, 1]), np.array([0, -1]), links, 2).tolist() == [[4, 0], [0, 0]]


def test_the_most_connected_clusters_are_joined_first():
    counts = np.array([[50, 1, 9], [1, 50, 1], [9, 1, 50]], float)
    tree = cluster.merge_tree(counts)
    assert (tree.left[0], tree.right[0]) == (0, 2)
    assert {int(tree.left[1]), int(tree.right[1])} == {1, 3}
    assert tree.ratio[0] > tree.ratio[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 100))
def test_a_tree_joins_every_cluster_once(n, seed):
    half = np.random.default_rng(seed).integers(0, 9, (n, n)).astype(float)
    tree = cluster.merge_tree(half + half.T)
    assert sorted([*tree.left, *tree.right]) == list(range(2 * n - 2))


def test_initial_labels_find_the_clouds():
    features, truth = clouds([200, 200, 200], 20.0)
    start = cluster.initial_labels(features, PARAMS)
    assert all(len(set(truth[start == k])) == 1 for k in range(start.max() + 1) if (start == k).any())
