"""keep_nearest, nearest_first: the nearest others of each point, in lists that tiles fill one after the other."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import kernels

FEW = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def lists(n_spikes, n_kept):
    return np.full((n_spikes, n_kept), np.inf), np.zeros((n_spikes, n_kept), np.int64)


def between(x, y):
    return ((x[:, None] - y) ** 2).sum(axis=2)


@FEW
@given(SEEDS, st.integers(0, 30), st.integers(0, 30), st.integers(1, 12), st.integers(1, 9))
def test_the_nearest_landmarks_are_kept(seed, n_spikes, n_landmarks, n_kept, size):
    rng = np.random.default_rng(seed)
    spikes, landmarks = (rng.standard_normal((n, 3)).astype(np.float32) for n in (n_spikes, n_landmarks))
    ours, judged = lists(n_spikes, n_kept), lists(n_spikes, n_kept)
    for a in range(0, n_spikes, size):
        for b in range(0, n_landmarks, size):
            tile = between(spikes[a : a + size], landmarks[b : b + size]), a, b, False
            kernels.keep_nearest(*tile, *ours)
            reference.keep_nearest(*tile, *judged)
    np.testing.assert_array_equal(ours, judged)


@FEW
@given(SEEDS, st.integers(1, 40), st.integers(1, 12), st.sampled_from([1, 7, 8, 9, 64]), st.booleans())
def test_each_distance_serves_both_spikes(seed, n_spikes, n_kept, size, are_equal):
    rng = np.random.default_rng(seed)
    spikes = np.zeros((n_spikes, 3), np.float32) if are_equal else rng.standard_normal((n_spikes, 3)).astype(np.float32)
    ours, judged = lists(n_spikes, n_kept), lists(n_spikes, n_kept)
    for a in range(0, n_spikes, size):
        for b in range(a, n_spikes, size):
            tile = between(spikes[a : a + size], spikes[b : b + size]), a, b, a != b
            kernels.keep_nearest(*tile, *ours)
            reference.keep_nearest(*tile, *judged)
    np.testing.assert_array_equal(ours[0], judged[0])
    assert are_equal or np.array_equal(ours[1], judged[1])
    assert all(len(set(row)) == len(row) for row in ours[1][:, :n_spikes])


def test_numbers_that_are_none_are_in_no_list():
    distance2, nearest = lists(2, 3)
    away = np.array([[np.nan, 3], [np.nan, np.nan]], np.float32)
    kernels.keep_nearest(away, 0, 0, False, distance2, nearest)
    assert distance2.tolist() == [[3, np.inf, np.inf], [np.inf] * 3]
    assert nearest[0, 0] == 1


@FEW
@given(SEEDS, st.integers(0, 20), st.integers(1, 12), st.integers(0, 9), st.sampled_from([1.0, 1e-15, 1e15]))
def test_landmarks_are_sorted_by_distance(seed, n_spikes, n_kept, n_features, scale):
    rng = np.random.default_rng(seed)
    spikes, landmarks = ((scale * rng.standard_normal((n, n_features))).astype(np.float32) for n in (n_spikes, 20))
    nearest = np.array([rng.permutation(20)[:n_kept] for _ in range(n_spikes)], np.int64).reshape(n_spikes, n_kept)
    n = int(rng.integers(1, n_kept + 1))
    ours = kernels.nearest_first(spikes, landmarks, nearest, n)
    assert ours.tolist() == reference.nearest_first(spikes, landmarks, nearest, n).tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_landmark_is_at_a_distance_that_is_no_number(value):
    spikes, nearest = np.array([[0], [value]], np.float32), np.array([[0, 1], [0, 1]])
    landmarks = np.array([[value], [3]], np.float32)
    assert kernels.nearest_first(spikes, landmarks, nearest, 2).tolist() == [[1, -1], [-1, -1]]
