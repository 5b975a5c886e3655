"""Clustering separates what is separate, keeps what is one, and asks the spike times before it splits."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import clouds
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.stages import cluster, landmark_graph
from spikesieve.stages.cluster import ClusterParams, MergeTree, Verdict

PARAMS = ClusterParams()


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
    assert len(landmark_graph.landmarks(3000, params)) == 150
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


def bimodal(depth_distance: float) -> tuple[list[np.ndarray], MergeTree, np.ndarray]:
    """Two clouds joined once, well linked, so that only bimodality and spike times decide."""
    features, truth = clouds([1500, 1500], depth_distance, 4)
    members = [np.flatnonzero(truth == 0), np.flatnonzero(truth == 1), np.arange(3000)]
    return members, MergeTree(np.array([0]), np.array([1]), np.array([0.9])), features


def decide(verdict, distance: float) -> bool:
    members, tree, features = bimodal(distance)
    return cluster.should_split(members, tree, 0, features, PARAMS, None if verdict is None else lambda a, b: verdict)


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
    weak = MergeTree(tree.left, tree.right, np.array([0.1]))
    assert cluster.should_split(members, weak, 0, features, PARAMS, lambda a, b: pytest.fail("asked"))


# Pieces


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
