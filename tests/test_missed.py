"""The share of spikes that were too small to be found follows from the sizes of those that were."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from spikesieve.metrics.missed import missed


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
