"""The nearest neighbours are those of exact distances."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.metrics import isolation
from spikesieve.metrics.neighbors import TILE, nearest_points

MANY = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def squared(x, y):
    return ((x[:, None].astype(np.float64) - y) ** 2).sum(axis=2)


@MANY
@given(SEEDS, st.integers(1, 60), st.integers(1, 12), st.floats(-3, 2), st.booleans())
def test_neighbours_are_the_nearest(seed, n_others, n_dims, power, are_same):
    rng = np.random.default_rng(seed)
    others = (10**power * rng.normal(size=(n_others, n_dims))).astype(np.float32)
    points = others if are_same else (10**power * rng.normal(size=(20, n_dims))).astype(np.float32)
    n = int(rng.integers(1, n_others + 1))
    found = np.take_along_axis(squared(points, others), nearest_points(points, others, n), axis=1)
    np.testing.assert_allclose(found, np.sort(squared(points, others), axis=1)[:, :n], rtol=1e-12)


def test_neighbours_in_other_tiles_are_found():
    points = np.random.default_rng(0).normal(size=(2 * TILE + 50, 3)).astype(np.float32)
    expected = np.argsort(squared(points, points), axis=1)[:, :4]
    np.testing.assert_array_equal(nearest_points(points, points, 4), expected)
    np.testing.assert_array_equal(nearest_points(points, points.copy(), 4), expected)


def test_spikes_at_one_place_are_neighbours_of_one_another_and_not_of_themselves():
    own, foreign = np.zeros((9, 2), np.float32), np.full((9, 2), 5, np.float32)
    assert isolation.nearest_neighbors(own, foreign) == (1.0, 0.0)
