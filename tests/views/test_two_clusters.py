"""The axis between two neurons in the features of a unit, and in amplitude and place where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.curation.actions import Membership, Merge
from spikesieve.curation.recompute import curated
from spikesieve.views.two_clusters import two_clusters

SORTING = make_sorting(6, 2000)
# Two neighbours, and no trace of it but in the features: they have one template.
JOINED = of_sorting(curated(SORTING, [Merge((0, 1), 6)]), "joined")


def first_neuron() -> np.ndarray:
    """Which spikes of the joined unit are of neuron 0, in the order of the result."""
    own = np.isin(SORTING.spikes.unit, (0, 1))
    return SORTING.spikes.unit[own] == 0


def test_neurons_that_were_joined_are_on_either_side() -> None:
    rows = JOINED.units.rows[6]
    found = two_clusters(JOINED, rows)
    assert found is not None
    assert found.separation > 3
    upper = found.axis.place(JOINED, rows) > 0
    assert upper.sum() <= len(rows) / 2
    is_first = first_neuron()
    assert max((upper == is_first).mean(), (upper != is_first).mean()) > 0.97


def test_the_place_of_a_spike_does_not_depend_on_the_others_that_are_asked_for() -> None:
    rows = JOINED.units.rows[6]
    found = two_clusters(JOINED, rows)
    assert found is not None
    np.testing.assert_allclose(found.axis.place(JOINED, rows[::7]), found.axis.place(JOINED, rows)[::7], rtol=1e-9)
    assert len(found.axis.place(JOINED, rows[:0])) == 0


def test_features_of_other_programs_are_used_whatever_their_scale() -> None:
    assert JOINED.features is not None
    scaled = replace(JOINED.features, scores=0.03 * np.asarray(JOINED.features.scores[:]))
    theirs = replace(JOINED, sorting=None, amplitude=None, position_um=None, features=scaled)
    rows = theirs.units.rows[6]
    found = two_clusters(theirs, rows)
    assert found is not None
    upper, is_first = found.axis.place(theirs, rows) > 0, first_neuron()
    assert max((upper == is_first).mean(), (upper != is_first).mean()) > 0.97


def test_features_of_some_spikes_only_are_not_used() -> None:
    assert JOINED.features is not None
    some = replace(JOINED.features, stored=np.full(len(JOINED.sample), -1))
    theirs = replace(JOINED, sorting=None, features=some)
    found = two_clusters(theirs, theirs.units.rows[6])
    assert found is None or not len(found.axis.contacts)


def test_without_features_amplitude_and_place_are_used() -> None:
    rng = np.random.default_rng(0)
    is_second = rng.random(len(SORTING.spikes)) < 0.3
    result = replace(
        of_sorting(SORTING, "made-up"),
        sorting=None,
        features=None,
        amplitude=(rng.normal(50, 5, len(is_second)) + 40 * is_second).astype(np.float32),
        position_um=rng.normal(0, 2, (len(is_second), 2)).astype(np.float32),
        units=Membership.of_spikes(np.zeros(len(is_second), np.int64), (0,), 1),
    )
    rows = result.units.rows[0]
    found = two_clusters(result, rows)
    assert found is not None
    np.testing.assert_array_equal(found.axis.place(result, rows) > 0, is_second)


def test_nothing_is_found_of_few_spikes_or_none_or_without_any_measure() -> None:
    rows = JOINED.units.rows[6]
    assert two_clusters(JOINED, rows[:0]) is None
    assert two_clusters(JOINED, rows[:20]) is None
    assert two_clusters(replace(JOINED, sorting=None, features=None, amplitude=None, position_um=None), rows) is None
