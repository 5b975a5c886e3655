"""Contamination is estimated right, its interval holds the truth, and it does not depend on when a unit fires."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import TIME, refractory_train, sorted_time

from spikesieve.metrics.contamination import contamination, presence, refractory_violations
from spikesieve.model import SortedTime

SECONDS = 600.0


def own(rate_hz: float, seed: int, seconds: float = SECONDS) -> np.ndarray:
    return refractory_train(rate_hz, seconds, np.random.default_rng(seed))


def foreign(rate_hz: float, seed: int, seconds: float = SECONDS) -> np.ndarray:
    return refractory_train(rate_hz, seconds, np.random.default_rng(seed), dead_ms=0.0)


def mixed(share: float, seed: int, rate_hz: float = 20.0, seconds: float = SECONDS) -> np.ndarray:
    parts = own(rate_hz * (1 - share), seed, seconds), foreign(rate_hz * share, seed + 1000, seconds)
    return np.sort(np.concatenate(parts))


def test_a_clean_train_is_not_contaminated():
    found = contamination(own(20.0, 1), sorted_time(SECONDS))
    assert found.estimate == found.low == 0
    assert found.high < 0.02


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_interval_holds_the_truth(share):
    held = 0
    for seed in range(10):
        found = contamination(mixed(share, seed), sorted_time(SECONDS))
        assert found.low <= found.estimate <= found.high
        held += found.low <= share <= found.high
    assert held >= 8


def test_a_unit_that_fires_only_for_a_minute_is_judged_by_that_minute():
    """The expected violations depend on when it fires, not on how long the recording is."""
    train = mixed(0.3, 1, rate_hz=60.0, seconds=60.0)
    alone, within = contamination(train, sorted_time(60.0)), contamination(train, sorted_time(SECONDS))
    assert alone.estimate == pytest.approx(0.3, abs=0.1)
    assert within.estimate == pytest.approx(alone.estimate, abs=0.05)


def test_few_spikes_give_a_wide_interval_or_none():
    assert contamination(np.array([5], np.int64), sorted_time(SECONDS)) is None
    found = contamination(np.array([5, 100_000], np.int64), sorted_time(SECONDS))
    assert found.high == 1.0


def test_violations_are_pairs_between_a_third_and_one_and_a_half_milliseconds():
    """At 30 kHz: 9 to 45 samples; pairs of spikes that do not follow each other count too."""
    assert refractory_violations(np.array([0, 8], np.int64), TIME) == 0
    assert refractory_violations(np.array([0, 10], np.int64), TIME) == 1
    assert refractory_violations(np.array([0, 44], np.int64), TIME) == 1
    assert refractory_violations(np.array([0, 46], np.int64), TIME) == 0
    assert refractory_violations(np.array([0, 20, 40], np.int64), TIME) == 3


def test_presence_ratio_is_the_share_of_bins_with_a_spike():
    time = SortedTime(((0, 1000), (2000, 4000)), 1000.0)
    everywhere = np.concatenate([np.arange(0, 1000, 10), np.arange(2000, 4000, 10)])
    assert presence(everywhere, time) == 1.0
    assert presence(np.array([5]), time) == pytest.approx(1 / 30)
    assert presence(np.arange(0, 1000, 10), time) == pytest.approx(1 / 3, abs=0.04)
    assert presence(np.empty(0, np.int64), time) == 0.0
