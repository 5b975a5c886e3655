"""Features on the contacts of another unit, and neighbours among them, on ordinary and on hostile input."""

from __future__ import annotations

import numpy as np
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import kernels

MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


@MANY
@given(SEEDS, st.integers(2, 200), st.integers(1, 12), st.sampled_from([0.0, 1e-6, 1.0, 1e4]), st.floats(-3, 3))
def test_neighbours_are_those_of_exact_distances(seed, n, n_dims, away, power):
    rng = np.random.default_rng(seed)
    points = (10**power * (rng.normal(size=(n, n_dims)) + away)).astype(np.float32)
    points[rng.random(n) < 0.1] = points[0]
    n_own, n_nearest = rng.integers(0, n + 1), rng.integers(1, min(n, 8))
    arguments = points, points @ points.T, int(n_own), int(n_nearest)
    np.testing.assert_array_equal(kernels.own_neighbors(*arguments), reference.own_neighbors(*arguments))


def test_a_point_that_is_no_number_is_near_none_and_has_no_neighbour():
    points = np.array([[0.0], [1.0], [np.nan], [2.5]], np.float32)
    assert kernels.own_neighbors(points, points @ points.T, 4, 1).tolist() == [1, 1, 0, 1]


def features_case(seed, n_units, n_near, n_pcs, n_wanted):
    """Units with 0 to 3 spikes on contacts of which some are none, and contacts of which some are nobody's."""
    rng = np.random.default_rng(seed)
    first = np.cumsum([0, *rng.integers(0, 4, n_units)])
    contacts = np.array([rng.permutation(n_near + 3)[:n_near] - 1 for _ in range(n_units)], np.int64)
    wanted = rng.permutation(n_near + 5)[:n_wanted] - 1
    units = rng.integers(0, n_units, rng.integers(0, 5))
    return rng, first, contacts.reshape(n_units, n_near), units, wanted


SIZES = (SEEDS, st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 6))


@MANY
@given(*SIZES)
def test_features_are_put_on_the_wanted_contacts(seed, n_units, n_near, n_pcs, n_wanted):
    rng, first, contacts, units, wanted = features_case(seed, n_units, n_near, n_pcs, n_wanted)
    features = rng.normal(size=(first[-1], n_near, n_pcs)).astype(np.float32)
    arguments = features, first, contacts, units, wanted
    np.testing.assert_array_equal(kernels.move_features(*arguments), reference.move_features(*arguments))


@MANY
@given(*SIZES)
def test_scatter_is_summed_on_the_wanted_contacts(seed, n_units, n_near, n_pcs, n_wanted):
    rng, _, contacts, units, wanted = features_case(seed, n_units, n_near, n_pcs, n_wanted)
    scatter = (10 ** rng.uniform(-4, 4, (n_units, n_near, n_pcs, n_near, n_pcs))).astype(np.float32)
    arguments = scatter, contacts, units, wanted
    np.testing.assert_array_equal(kernels.sum_scatter(*arguments), reference.sum_scatter(*arguments))
