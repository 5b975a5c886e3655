"""Spikes that score too little for their unit are cut off."""

from __future__ import annotations

import numpy as np
import pytest
from matched_cases import FIT, N_CONTACTS, footprint

from spikesieve.stages.sieve.score_cutoffs import above_cutoffs
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans


def test_a_unit_has_a_cutoff_for_every_norm_at_which_it_was_matched():
    rng = np.random.default_rng(1)
    size = np.repeat(np.array([1.0, 0.6], np.float32), 1000)
    norm = 12 * size
    score = norm + rng.standard_normal(2000)
    # Where the unit is small, spikes of others score as much as its own.
    score[1000:1500] = 4.5 + rng.exponential(0.6, 500)
    means = UnitMeans(footprint(4, 12, 0)[None], np.ones((1, N_CONTACTS), bool), np.array([2000.0]))
    ones = np.ones(2000, np.float32)
    assignment = Assignment(np.zeros(2000, np.int64), ones, score.astype(np.float32), ones > 0)
    above = above_cutoffs(size, assignment, means, FIT)
    assert above[:1000].mean() > 0.99
    assert above[1000:1500].mean() < 0.2
    assert above[1500:].mean() > 0.85


@pytest.mark.parametrize("norm_ratio", [0.86, 1.0, 1.16])
def test_the_first_unit_has_a_cutoff_wherever_it_was_matched(norm_ratio):
    """At 0.86 the logarithm of the norm ratio is one step below 0."""
    rng = np.random.default_rng(0)
    score = np.concatenate([rng.normal(12, 1.5, 300), 5 + rng.exponential(0.5, 100)]).astype(np.float32)
    one = np.ones(400, np.float32)
    means = UnitMeans(np.full((1, 1, 1), 12.0 / norm_ratio), np.ones((1, 1), bool), np.ones(1))
    found = Assignment(np.zeros(400, np.int64), one, score, one > 0)
    above = above_cutoffs(np.float32(norm_ratio) * one, found, means, FIT)
    assert above[:300].sum() > 290
    assert above[300:].sum() < 10


def test_without_accepted_spikes_there_is_nothing_to_cut():
    none = np.zeros(5, np.float32)
    means = UnitMeans(np.ones((1, 1, 1)), np.ones((1, 1), bool), np.ones(1))
    assert above_cutoffs(none + 1, Assignment(np.zeros(5, np.int64), none, none, none > 0), means, FIT).all()
