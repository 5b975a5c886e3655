"""Each spike goes to the unit that explains it best, judged as it was where the tissue was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matched_cases import FIT, N_CONTACTS, confusion, footprint, refined, spikes_of, train

from spikesieve.stages.sieve import assignment
from spikesieve.stages.sieve.assignment import most_likely_units
from spikesieve.stages.sieve.described_spikes import group_by_contacts
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans


def test_spikes_go_to_the_unit_that_explains_them_best():
    """A fifth of each neuron's spikes was found by the other's template."""
    units = [footprint(3, 14, 0), footprint(3.8, 12, 1)]
    matched, truth = spikes_of(units, [train(10, 0), train(10, 1)], [0, 1])
    swapped = np.random.default_rng(0).random(len(truth)) < 0.2
    matched.template[swapped] = 1 - matched.template[swapped]
    table = confusion(truth, refined(matched).unit)
    assert table.shape == (2, 2)
    assert table.max(axis=1).sum() > 0.98 * len(truth)


def test_a_spike_is_judged_with_its_template_at_the_norm_where_it_was_matched():
    unit, size, amplitude = footprint(4, 12, 0), 0.5, 0.9
    rng = np.random.default_rng(0)
    unexplained = rng.standard_normal((50, *unit.shape))
    matched, _ = spikes_of([unit], [np.arange(50) * 3000 + 100], [0])
    matched = replace(
        matched,
        features=(unexplained + amplitude * unit).astype(np.float32),
        amplitude=np.full(50, amplitude, np.float32),
        norm_ratio=np.full(50, size, np.float32),
    )
    means = UnitMeans(unit[None], np.ones((1, N_CONTACTS), bool), np.array([500.0]))
    none = np.zeros(50, np.float32)
    assignment = Assignment(np.zeros(50, np.int64), none, none, none > 0)
    found = most_likely_units(matched, group_by_contacts(matched, np.arange(50)), means, assignment, FIT)
    here = size * unit
    scores = ((unexplained + amplitude * here) * here).sum(axis=(1, 2)) / np.linalg.norm(here)
    np.testing.assert_allclose(found.score, scores, rtol=1e-4)
    at_rest = most_likely_units(
        replace(matched, norm_ratio=np.ones(50, np.float32)),
        group_by_contacts(matched, np.arange(50)),
        means,
        assignment,
        FIT,
    )
    assert found.accepted.mean() < 0.9 < at_rest.accepted.mean()


def test_weighing_fewer_spikes_at_a_time_changes_nothing(monkeypatch):
    units = [footprint(4, 12, 0), footprint(4, 12, 1)]
    matched, _ = spikes_of(units, [train(5.0, k) for k in range(2)], [0, 0])
    whole = refined(matched)
    monkeypatch.setattr(assignment, "SPIKES_AT_ONCE", 37)
    parts = refined(matched)
    np.testing.assert_array_equal(parts.unit, whole.unit)
    np.testing.assert_allclose(parts.means.scores, whole.means.scores, rtol=1e-5, atol=1e-5)
