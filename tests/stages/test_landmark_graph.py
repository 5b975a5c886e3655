"""The graph of a group: landmarks are even, links go to the nearest, first labels find what is far apart."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import clouds
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

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


@pytest.mark.parametrize("n_landmarks", [5, 300, 1500])
@pytest.mark.parametrize("far", [0.0, 100.0])
def test_nearest_landmarks_are_those_of_scikit_learn(n_landmarks, far, monkeypatch):
    """Far from zero the products in single precision tell only roughly which of two spikes is nearer."""
    monkeypatch.setattr(landmark_graph, "CHUNK_SPIKES", 700)
    x = clouds([1000, 500], 20.0)[0] + np.float32(far)
    landmark_of = landmark_graph.landmarks(1500, ClusterParams(max_landmarks=max(100, n_landmarks)))[:n_landmarks]
    links = landmark_graph.nearest_landmarks(x, landmark_of, 10)
    expected = kneighbors(x[landmark_of], x, min(11, n_landmarks))
    is_itself = landmark_of[expected] == np.arange(1500)[:, None]
    expected[is_itself] = -1
    expected[~is_itself.any(axis=1), 10:] = -1
    np.testing.assert_array_equal(links, expected)


def kneighbors(landmarks, spikes, n):
    search = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(landmarks.astype(np.float64))
    return search.kneighbors(spikes.astype(np.float64), return_distance=False)


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
