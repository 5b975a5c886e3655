"""The share of missed spikes follows from the scores and rates of those that were found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from tiny import sorted_time

from spikesieve.metrics.missed import (
    FoundScores,
    is_truncated,
    missed_fraction,
    missed_fraction_by_position,
    missed_fraction_by_size,
)
from spikesieve.model import Motion
from spikesieve.stages.missed_spikes import missed_share


@pytest.mark.parametrize("mean", [4.5, 5.5, 6.5, 8.0, 12.0])
def test_the_missed_share_of_a_gaussian_cut_off_at_5(mean):
    sd = np.hypot(1.0, 0.15 * mean)
    scores = np.random.default_rng(0).normal(mean, sd, 5000)
    found = missed_fraction(scores[scores > 5.0].astype(np.float32), 5.0)
    assert found == pytest.approx(ndtr((5.0 - mean) / sd), abs=0.04)


def test_a_few_stray_spikes_below_the_cut_change_little():
    scores = np.random.default_rng(0).normal(6.0, np.hypot(1.0, 0.9), 5000)
    scores = scores[scores > 5.0]
    with_stray = np.concatenate([scores, np.full(len(scores) // 200, 3.0)]).astype(np.float32)
    assert missed_fraction(with_stray, 5.0) == pytest.approx(missed_fraction(scores.astype(np.float32), 5.0), abs=0.04)


def test_a_tail_at_the_threshold_misses_nearly_all_spikes():
    scores = 5.0 + np.random.default_rng(0).exponential(0.3, 500)
    assert missed_fraction(scores.astype(np.float32), 5.0) > 0.9


def test_fewer_than_20_spikes_give_no_estimate():
    assert missed_fraction(np.full(19, 8.0, np.float32), 5.0) is None
    assert missed_fraction(np.empty(0, np.float32), 5.0) is None
    assert missed_fraction(np.full(20, 8.0, np.float32), 5.0) is not None


@pytest.mark.parametrize("sd", [0.5, 1.0, 2.0, 4.0])
def test_a_large_neuron_misses_nothing_whatever_the_sd_of_its_scores(sd):
    scores = np.random.default_rng(0).normal(25.0, sd, 400).astype(np.float32)
    assert missed_fraction(scores, 5.0) < 0.01


def test_a_neuron_seen_at_one_end_of_the_movement_misses_the_rest():
    seconds = np.full(5, 60.0)
    assert missed_fraction_by_position(np.array([300, 300, 300, 300, 300]), seconds) == 0
    assert missed_fraction_by_position(np.array([0, 0, 10, 290, 300]), seconds) == pytest.approx(0.55, abs=0.06)
    # Differences by chance between few spikes do not count.
    assert missed_fraction_by_position(np.array([3, 7, 5, 4, 6]), seconds) < 0.1
    assert missed_fraction_by_position(np.array([0, 0, 0, 0, 0]), seconds) == 0


def test_only_scores_near_the_threshold_are_truncated():
    rng = np.random.default_rng(0)
    assert is_truncated(rng.normal(7, 1.5, 500).astype(np.float32), 5.0)
    assert not is_truncated(rng.normal(20, 3, 500).astype(np.float32), 5.0)


@pytest.mark.parametrize("small", [4.0, 6.0])
def test_what_is_missed_where_a_unit_is_small_counts(small):
    """As many spikes at a size of 20 as at a small one, all at a threshold of 5."""
    expected = np.repeat([20.0, small], 3000)
    score = expected + np.random.default_rng(0).standard_normal(6000) * np.hypot(1, 0.15 * expected)
    least = np.full(6000, 5.0)
    found = FoundScores(*(x.astype(np.float32) for x in (score, least, expected))).take(score > 5)
    assert missed_fraction_by_size(found) == pytest.approx(1 - len(found.score) / 6000, abs=0.04)


def test_few_spikes_are_not_divided_by_size():
    score = np.random.default_rng(0).normal(8, 1.5, 70).astype(np.float32)
    least = np.full(70, 5, np.float32)
    found = FoundScores(score, least, np.arange(70, dtype=np.float32))
    assert missed_fraction_by_size(found) == pytest.approx(missed_fraction(score, 5.0))
    assert missed_fraction_by_size(found.take(np.arange(19))) is None


SECONDS = 200


def share_of(rates_hz: np.ndarray, movement_um: np.ndarray, size: float = 7.0) -> float:
    """`missed_share` of a unit of a size in noise SD with a rate and a displacement each second; the threshold is 5."""
    hz, rng = 1000.0, np.random.default_rng(0)
    train = np.sort(np.concatenate([s * hz + rng.integers(0, hz, round(rate)) for s, rate in enumerate(rates_hz)]))
    scores = rng.normal(size, 1.2, len(train)).astype(np.float32)
    still = np.zeros((1, SECONDS, 1), np.float32)
    time_s = np.arange(SECONDS) + 0.5
    motion = Motion(
        time_s, np.zeros(1), np.zeros(1, np.int64), still + movement_um[None, :, None], still, ("use",), ("",)
    )
    found = FoundScores(scores, np.full(len(scores), 5, np.float32), np.full(len(scores), size, np.float32))
    share = missed_share(train.astype(np.int64), found, (0.0, 0), sorted_time(SECONDS, hz), motion)
    assert share is not None
    return share


def test_a_unit_seen_at_one_end_of_the_movement_only_misses_spikes_in_both_halves():
    swing = 10 * np.sin(np.arange(SECONDS) / 8)
    seen = np.where(swing > 0, 10.0, 0.0)
    assert share_of(seen, swing) > 0.4
    assert share_of(np.full(SECONDS, 10.0), swing) < 0.12


def test_a_large_unit_without_spikes_at_one_end_misses_spikes():
    swing = 10 * np.sin(np.arange(SECONDS) / 8)
    assert share_of(np.where(swing > 0, 10.0, 0.0), swing, 30.0) > 0.4
    assert share_of(np.where(swing > 0, 10.0, 6.0), swing, 30.0) < 0.01
    assert share_of(np.where(swing > 0, 10.0, 6.0), swing, 7.0) > 0.08


def test_a_rate_that_changes_with_time_is_no_movement():
    rates = np.where(np.arange(SECONDS) < SECONDS / 2, 10.0, 2.0)
    there_and_back = np.where(np.arange(SECONDS) < SECONDS / 2, -8.0, 8.0) + 4 * np.sin(np.arange(SECONDS) / 8)
    assert share_of(rates, there_and_back) < 0.12
    swing = 10 * np.sin(np.arange(SECONDS) / 8)
    once = np.where((np.arange(SECONDS) < SECONDS / 2) & (swing < 0), 2.0, 10.0)
    assert share_of(once, swing) < 0.12


def test_drift_of_1_um_hides_no_unit():
    swing = np.sin(np.arange(SECONDS) / 8)
    assert share_of(np.where(swing > 0, 10.0, 0.0), swing) < 0.12
