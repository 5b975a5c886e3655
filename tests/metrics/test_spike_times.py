"""Refractory violations, presence and rates of trains whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.metrics.spike_times import (
    firing_range,
    hill_contamination,
    isi_violations,
    presence_ratio,
    rp_violations,
    sliding_rp_violation,
    synchrony,
)
from spikesieve.model import SortedTime

HZ = 30_000.0
HOUR = SortedTime(((0, 108_000_000),), HZ)
NOTHING = np.empty(0, np.int64)


def contaminated(share: float, refractory_samples: int = 60) -> np.ndarray:
    """A refractory train of an hour at 10 Hz, of which a share is replaced by spikes of many other neurons."""
    rng = np.random.default_rng(0)
    steps = refractory_samples + rng.exponential(HZ / 10 - refractory_samples, 36_000)
    own = np.cumsum(steps).astype(np.int64)
    own = own[own < 108_000_000]
    kept = own[rng.random(len(own)) >= share]
    return np.sort(np.concatenate([kept, rng.integers(0, 108_000_000, len(own) - len(kept))]))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_estimates_are_the_share_of_foreign_spikes(share: float) -> None:
    train = contaminated(share)
    assert rp_violations(train, HOUR).share == pytest.approx(share, abs=0.04)
    assert share <= sliding_rp_violation(train, HOUR) < share + 0.06
    # Spikes of many neurons meet own ones and each other: n = t N^2 (1 - (1 - f)^2) / T.
    assert isi_violations(train, HOUR).share == pytest.approx(share * (1 - share / 2), abs=0.03)
    assert hill_contamination(train, HOUR, 2.0, 0.1) == pytest.approx(share, abs=0.08)


def test_a_train_without_refractory_period_is_all_foreign() -> None:
    train = contaminated(1.0)
    assert rp_violations(train, HOUR).share > 0.9
    assert np.isnan(sliding_rp_violation(train, HOUR))
    assert hill_contamination(train, HOUR, 2.0, 0.1) > 0.4


def test_spikes_on_both_sides_of_a_border_are_no_violation() -> None:
    train = np.array([100, 110])
    assert isi_violations(train, SortedTime(((0, 105), (105, 30_000)), HZ)).n == 0
    assert rp_violations(train, SortedTime(((0, 105), (105, 30_000)), HZ)).n == 0
    assert isi_violations(train, SortedTime(((0, 30_000),), HZ)).n == 1


def test_presence_and_rates_are_those_of_the_bins() -> None:
    minute = 1_800_000
    train = np.concatenate([np.arange(0, minute, 3000), np.arange(2 * minute, 3 * minute, 3000)])
    time = SortedTime(((0, 4 * minute),), HZ)
    assert presence_ratio(train, time) == 0.5
    assert firing_range(train, time) == pytest.approx(10.0)
    assert np.isnan(presence_ratio(train[:10], SortedTime(((0, minute - 1),), HZ)))


def test_no_spike_is_no_number() -> None:
    for measure in (presence_ratio, firing_range, sliding_rp_violation):
        assert np.isnan(measure(NOTHING, HOUR))
    assert np.isnan(isi_violations(NOTHING, HOUR).share)
    assert np.isnan(rp_violations(NOTHING, HOUR).share)
    assert np.isnan(hill_contamination(NOTHING, HOUR, 2.0, 0.1))
    assert np.isnan(synchrony(NOTHING, NOTHING.astype(np.int32), 3)).all()
    assert synchrony(NOTHING, NOTHING.astype(np.int32), 0).shape == (0, 3)


def test_spikes_at_one_sample_are_synchronous() -> None:
    sample = np.array([5, 5, 5, 5, 9, 20, 20])
    unit = np.array([0, 1, 2, 3, 0, 1, 1], np.int32)
    np.testing.assert_allclose(synchrony(sample, unit, 4)[:, 0], [1 / 2, 2 / 3, 1, 1])
    np.testing.assert_allclose(synchrony(sample, unit, 4)[:, 1], [1 / 2, 1 / 3, 1, 1])
    np.testing.assert_allclose(synchrony(sample, unit, 4)[:, 2], 0)
