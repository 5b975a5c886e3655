"""The mean of a unit: where it is measured, how it is weighted, and how much of it is noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matched_cases import N_CONTACTS, footprint, spikes_of, train

from spikesieve.stages.sieve.described_spikes import group_by_contacts
from spikesieve.stages.sieve.unit_means import Assignment, WeightedSpikes, mean_scores

UNIT = footprint(4, 20, 0)


def learned_mean(n_without_first: int, weight: float = 1.0):
    """The mean of 400 spikes, of which so many are described by a template that lacks the first four contacts."""
    matched, _ = spikes_of([UNIT, UNIT], [train(3, 0), train(3, 1)], [0, 1])
    n = 400
    matched = matched.take(np.arange(n))
    contacts = matched.template_contacts.copy()
    contacts[1, :4] = -1
    template = (np.arange(n) < n_without_first).astype(np.int32)
    matched = replace(matched, template=template, template_contacts=contacts)
    learn_from = WeightedSpikes(matched, group_by_contacts(matched, np.arange(n)), np.full(n, weight))
    one = np.ones(n, np.float32)
    assignment = Assignment(np.zeros(n, np.int64), matched.amplitude, one, np.arange(n) % 4 > 0)
    return mean_scores(learn_from, assignment, 2)


def test_a_mean_is_measured_where_half_of_the_spikes_are_described():
    few, many = learned_mean(196), learned_mean(204)
    np.testing.assert_array_equal(few.measured[0], np.ones(N_CONTACTS, bool))
    np.testing.assert_array_equal(many.measured[0], np.arange(N_CONTACTS) >= 4)
    assert not many.scores[0, :4].any()
    assert np.linalg.norm(few.scores[0] - UNIT) < 0.05 * np.linalg.norm(UNIT)
    assert np.linalg.norm((many.scores[0] - UNIT)[4:]) < 0.05 * np.linalg.norm(UNIT)


def test_only_accepted_spikes_count_and_each_by_its_weight():
    means = learned_mean(0, weight=2.5)
    np.testing.assert_allclose(means.n_spikes, [300 * 2.5, 0])
    assert not means.scores[1].any()
    np.testing.assert_allclose(means.norms, np.linalg.norm(means.scores, axis=(1, 2)))
