"""The graph of a group: landmarks are even, links go to the nearest, first labels find what is far apart."""

from __future__ import annotations

import numpy as np
from clouds import clouds
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.settings.cluster import ClusterParams
from spikesieve.stages import landmark_graph

PARAMS = ClusterParams()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 30), st.integers(10, 200))
def test_landmarks_are_distinct_and_even(n_spikes, downsampling, min_landmarks):
    params = ClusterParams(downsampling=downsampling, min_landmarks=min_landmarks)
    chosen = landmark_graph.landmarks(n_spikes, params)
    assert len(np.unique(chosen)) == len(chosen) == min(n_spikes, max(n_spikes // downsampling, min_landmarks))
    assert chosen.min() >= 0
    assert chosen.max() < n_spikes
    assert len(chosen) < 2 or np.ptp(np.diff(chosen)) <= 1


def test_nearest_landmarks_are_the_nearest_and_never_oneself():
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    landmark_of = np.arange(0, 60, 3)
    links = landmark_graph.nearest_landmarks(x, landmark_of, 4)
    distance = np.linalg.norm(x[:, None] - x[landmark_of][None], axis=2)
    for i in range(60):
        expected = [k for k in np.argsort(distance[i]) if landmark_of[k] != i][:4]
        assert sorted(links[i][links[i] >= 0]) == sorted(expected)


def test_link_counts_by_hand():
    links = np.array([[0, 1], [0, -1], [1, 1]])
    counts = landmark_graph.link_counts(np.array([0, 0, 1]), np.array([0, 1]), links, 2)
    # Spikes of 0: two links to landmark 0 (label 0), one to 1 (label 1); spike of 1: two to label 1; both ways.
    assert counts.tolist() == [[4, 1], [1, 4]]
    assert landmark_graph.link_counts(np.array([0, 0, 1]), np.array([0, -1]), links, 2).tolist() == [[4, 0], [0, 0]]


def test_initial_labels_find_the_clouds():
    features, truth = clouds([200, 200, 200], 20.0)
    start = landmark_graph.initial_labels(features, PARAMS)
    assert all(len(set(truth[start == k])) == 1 for k in range(start.max() + 1) if (start == k).any())
