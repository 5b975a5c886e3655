"""Halves of a neuron take turns; neurons that fire at different times do not add up to one train."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import HZ, refractory_train, sorted_time

from spikesieve.metrics.alternation import alternation, are_parts_of_one
from spikesieve.model import SortedTime

SECONDS = 200.0
TIME = sorted_time(SECONDS)


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, SECONDS, np.random.default_rng(seed))


def phase(spikes: np.ndarray, period_s: float) -> np.ndarray:
    """Where each spike falls in a period, 0 to 1."""
    return spikes / HZ / period_s % 1


@pytest.mark.parametrize(("rate_hz", "period_s"), [(2.0, 80.0), (10.0, 40.0)])
def test_the_halves_of_a_train_are_one(rate_hz, period_s):
    whole = train(rate_hz, 0)
    slope = 30 * np.sin(2 * np.pi * phase(whole, period_s))
    up = np.random.default_rng(1).random(len(whole)) < 1 / (1 + np.exp(-slope))
    found = alternation(whole[up], whole[~up], TIME)
    assert found.is_one_train
    assert alternation(whole[~up], whole[up], TIME) == pytest.approx(found)


def test_two_neurons_at_even_rates_are_two():
    found = alternation(train(5, 0), train(3, 1), TIME)
    assert found.overlap > 0.6
    assert not found.is_one_train


def test_neurons_that_fire_at_different_times_and_rest_in_between_are_two():
    first, second = train(8, 0), train(8, 1)
    found = alternation(first[phase(first, 40) < 0.25], second[np.abs(phase(second, 40) - 0.6) < 0.1], TIME)
    assert found.overlap < 0.1
    assert found.silence > 0.4
    assert not found.is_one_train


def test_neurons_that_fire_in_turns_at_different_rates_are_two():
    first, second = train(12, 0), train(1.5, 1)
    found = alternation(first[phase(first, 40) < 0.5], second[phase(second, 40) > 0.5], TIME)
    assert found.overlap < 0.1
    assert not found.is_one_train


def test_few_spikes_cannot_tell():
    whole = train(10, 0)[:90]
    assert alternation(whole[:45], whole[45:], TIME) == (1.0, 0.0, 1.0)
    assert alternation(whole[:0], train(10, 0), TIME) == (1.0, 0.0, 1.0)


def test_time_that_was_not_sorted_is_no_silence():
    """The same halves before and after a pause that is three times as long as they are."""
    whole = train(10.0, 0)
    up = phase(whole, 40) < 0.5
    end = round(SECONDS * HZ)
    pause = np.where(whole < end // 2, 0, 3 * end)
    with_gap = SortedTime(((0, end // 2), (3 * end + end // 2, 4 * end)), HZ)
    apart = alternation((whole + pause)[up], (whole + pause)[~up], with_gap)
    assert apart == pytest.approx(alternation(whole[up], whole[~up], TIME))
    assert apart.is_one_train


def test_neurons_with_places_of_their_own_are_no_parts_of_one():
    """Each fires at a third of the track, at a rate of its own."""
    rates_hz = (12.0, 4.0, 1.5)
    trains = [train(rate_hz, k) for k, rate_hz in enumerate(rates_hz)]
    first, second, third = (one[phase(one, 40) * 3 // 1 == k] for k, one in enumerate(trains))
    assert not are_parts_of_one(first, second, [third], TIME)
    assert not are_parts_of_one(second, third, [first], TIME)
    assert not are_parts_of_one(first, third, [second], TIME)


def test_a_neuron_that_fires_all_the_time_is_no_part():
    whole = train(10.0, 0)
    low, middle, high = (whole[phase(whole, 40) * 3 // 1 == k] for k in range(3))
    assert not are_parts_of_one(low, middle, [train(10.0, 1)], TIME)
    assert are_parts_of_one(low, middle, [train(10.0, 1), high], TIME)
    assert are_parts_of_one(low, whole[phase(whole, 40) >= 1 / 3], [train(10.0, 1)], TIME)
