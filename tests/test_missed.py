"""The share of spikes that were too small to be found follows from the sizes of those that were."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from spikesieve.metrics.missed import is_cut, missed, missed_where


@pytest.mark.parametrize("mean", [4.5, 5.5, 6.5, 8.0, 12.0])
def test_the_missed_share_of_a_gaussian_cut_off_at_5(mean):
    sd = np.hypot(1.0, 0.15 * mean)
    scores = np.random.default_rng(0).normal(mean, sd, 5000)
    found = missed(scores[scores > 5.0].astype(np.float32), 5.0)
    assert found == pytest.approx(ndtr((5.0 - mean) / sd), abs=0.04)


def test_a_few_stray_spikes_below_the_cut_change_little():
    scores = np.random.default_rng(0).normal(6.0, np.hypot(1.0, 0.9), 5000)
    scores = scores[scores > 5.0]
    some = np.concatenate([scores, np.full(len(scores) // 200, 3.0)]).astype(np.float32)
    assert missed(some, 5.0) == pytest.approx(missed(scores.astype(np.float32), 5.0), abs=0.04)


def test_of_a_tail_nearly_all_is_missed():
    scores = 5.0 + np.random.default_rng(0).exponential(0.3, 500)
    assert missed(scores.astype(np.float32), 5.0) > 0.9


def test_few_spikes_cannot_tell():
    assert missed(np.full(19, 8.0, np.float32), 5.0) is None
    assert missed(np.empty(0, np.float32), 5.0) is None
    assert missed(np.full(20, 8.0, np.float32), 5.0) is not None


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0, 4.0])
def test_a_large_neuron_misses_nothing_however_little_its_size_varies(spread):
    scores = np.random.default_rng(0).normal(25.0, spread, 400).astype(np.float32)
    assert missed(scores, 5.0) < 0.01


def test_a_neuron_seen_at_one_end_of_the_movement_misses_the_rest():
    seconds = np.full(5, 60.0)
    assert missed_where(np.array([300, 300, 300, 300, 300]), seconds) == 0
    assert missed_where(np.array([0, 0, 10, 290, 300]), seconds) == pytest.approx(0.55, abs=0.06)
    # A few spikes that fall here and there by chance tell nothing.
    assert missed_where(np.array([3, 7, 5, 4, 6]), seconds) < 0.1
    assert missed_where(np.array([0, 0, 0, 0, 0]), seconds) == 0


def test_only_what_lies_near_the_threshold_is_cut_by_it():
    rng = np.random.default_rng(0)
    assert is_cut(rng.normal(7, 1.5, 500).astype(np.float32), 5.0)
    assert not is_cut(rng.normal(20, 3, 500).astype(np.float32), 5.0)
