"""Spikes at one lag of another train are told from those that come there by chance, in bursts or through a synapse."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import HZ, TIME, refractory_train

from spikesieve.metrics.echoes import NO_ECHO, echo, largest_share

SECONDS = 300.0


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, SECONDS, np.random.default_rng(seed))


def together(*trains: np.ndarray) -> np.ndarray:
    return np.unique(np.concatenate(trains))


@pytest.mark.parametrize("lag", [-45, -8, 0, 38, 85])
@pytest.mark.parametrize("step", [1, 3])
def test_a_share_of_the_spikes_at_one_lag_is_found(lag, step):
    parent, jitter = train(8.0, 0), np.random.default_rng(1).integers(-2, 3, 10_000)
    rest = parent[::step]
    own = train(4.0, 2)
    of = together(rest + lag + jitter[: len(rest)], own)
    found = echo(of, parent, TIME)
    assert found.share == pytest.approx(len(rest) / len(of), abs=0.03)
    assert abs(found.lag_samples - lag) <= 1


def test_two_phases_in_one_unit_are_both_counted():
    parent = train(8.0, 20)
    found = echo(together(parent[::3] + 40, parent[1::4] - 25), parent, TIME)
    assert found.share > 0.97
    assert found.lag_samples == 40


def test_independent_trains_of_any_rate_have_no_echo():
    for rate_hz, other_hz in ((50.0, 50.0), (0.1, 50.0), (2.0, 2.0), (50.0, 0.1)):
        assert echo(train(rate_hz, 3), train(other_hz, 4), TIME) == NO_ECHO


def test_common_changes_of_the_rate_make_no_echo():
    rng = np.random.default_rng(5)
    starts = rng.integers(0, round(SECONDS * HZ) - 3000, 300)
    one, two = (
        together(train(0.5, 6 + i), (starts[:, None] + rng.integers(0, 3000, (300, 6))).ravel()) for i in (0, 1)
    )
    assert echo(one, two, TIME) == NO_ECHO


def test_the_late_spikes_of_bursts_are_no_echo_of_the_first():
    """They come after 3 to 5 ms, and the search ends at 3 ms."""
    first = train(5.0, 8)
    late = first + np.random.default_rng(9).integers(80, 150, len(first))
    assert echo(np.sort(late), first, TIME).share < 0.1


def test_a_strong_synapse_makes_a_small_echo_at_most():
    """Of the spikes of the first neuron 30 % make the second one fire, after 1.5 ms with a jitter of 0.4 ms."""
    rng, first, own = np.random.default_rng(10), train(10.0, 11), train(10.0, 12)
    driven = first[rng.random(len(first)) < 0.3]
    second = together(own, np.round(driven + rng.normal(45, 12, len(driven))).astype(np.int64))
    assert echo(second, first, TIME).share < 0.15


def test_few_coincidences_and_empty_trains_prove_nothing():
    parent = train(5.0, 13)
    assert echo(np.concatenate([parent[:2] + 30, train(1.0, 14)[30:]]), parent, TIME) == NO_ECHO
    assert echo(parent[:0], parent, TIME) == NO_ECHO
    assert echo(parent, parent[:0], TIME) == NO_ECHO


@pytest.mark.parametrize("step", [1, 2, 7])
def test_no_share_is_larger_than_the_pairs_allow(step):
    parent = train(20.0, 30)
    of = together(parent[::step] + 21, parent[:: 2 * step] - 60, train(9.0, 31))
    share = echo(of, parent, TIME).share
    assert 0 < share <= largest_share(of, parent, TIME)
    assert largest_share(of, of[:0], TIME) == largest_share(of[:0], of, TIME) == 0
