"""Spikes that score too little for their unit are cut off."""

from __future__ import annotations

import numpy as np
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
