"""Features on the contacts of another unit, on ordinary and on hostile input."""

from __future__ import annotations

import numpy as np
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import kernels

MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


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
