"""R, Q and the log odds tell one train from two; few spikes leave it open."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import HZ, TIME, refractory_train

from spikesieve.metrics.refractory import (
    Refractoriness,
    correlogram_1ms,
    log_odds_one_train,
    refractoriness,
    refractoriness_of_train,
)

SECONDS = 300.0


def poisson(rate_hz: float, seed: int, seconds: float = SECONDS) -> np.ndarray:
    return refractory_train(rate_hz, seconds, np.random.default_rng(seed), dead_ms=0.0)


def renewal(rate_hz: float, seed: int, seconds: float = SECONDS) -> np.ndarray:
    return refractory_train(rate_hz, seconds, np.random.default_rng(seed))


def refractoriness_of_pair(a: np.ndarray, b: np.ndarray) -> Refractoriness:
    return refractoriness(correlogram_1ms(a, b, TIME, False))


@pytest.mark.parametrize("rate_hz", [2.0, 10.0, 50.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_renewal_train_is_refractory(rate_hz, seed):
    own = refractoriness_of_train(renewal(rate_hz, seed), TIME)
    assert own.ratio < 0.05
    assert own.meets(0.2, 0.2)


@pytest.mark.parametrize("rate_hz", [2.0, 10.0, 50.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_poisson_train_is_not(rate_hz, seed):
    own = refractoriness_of_train(poisson(rate_hz, seed), TIME)
    assert not own.meets(0.2, 0.2)


@pytest.mark.parametrize("seed", range(4))
def test_the_halves_of_one_train_are_refractory_to_each_other(seed):
    """Kilosort4's own split test calls them not refractory (its emptiness test is always true)."""
    train = renewal(20.0, seed)
    half = np.random.default_rng(seed).random(len(train)) < 0.5
    pair = refractoriness_of_pair(train[half], train[~half])
    assert pair.ratio < 0.05
    assert pair.meets(0.25, 0.05)


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_independent_trains_are_not(rate_hz, seed):
    pair = refractoriness_of_pair(renewal(rate_hz, seed), renewal(rate_hz, seed + 100))
    assert not pair.meets(0.25, 0.05)


def test_few_spikes_are_never_called_refractory():
    for n in (0, 1, 2, 10):
        own = refractoriness_of_train(np.sort(np.random.default_rng(n).integers(0, int(HZ * SECONDS), n)), TIME)
        assert not own.meets(0.2, 0.2)
        assert own.probability > 0.2


def test_empty_shoulders_give_infinite_r_and_q_of_1():
    assert refractoriness(np.zeros(1001, np.int64)).ratio == np.inf
    assert refractoriness(np.zeros(1001, np.int64)).probability == 1.0


def test_contamination_shows_in_the_ratio():
    clean, dirt = renewal(20.0, 1), poisson(3.0, 2)
    mixed = refractoriness_of_train(np.sort(np.concatenate([clean, dirt])), TIME)
    # Pairs with a contaminating spike: (2 x 20 x 3 + 3 x 3) of 23 x 23.
    assert mixed.ratio == pytest.approx(129 / 529, abs=0.06)


def test_counts_are_symmetric_and_leave_the_middle_bin_out():
    train = poisson(30.0, 3)
    counts = correlogram_1ms(train, train, TIME, True)
    assert counts[500] == 0
    # A lag of exactly half a bin is counted in the later bin of both directions, hence not quite the same.
    np.testing.assert_allclose(counts, counts[::-1], atol=5 + 0.1 * counts.max())
    assert counts.shape == (1001,)


def test_the_ratio_by_hand():
    """10 pairs in every bin, 2 in the two innermost: R_1 = 4 / (2 E) over 10 / E = 0.2."""
    counts = np.full(1001, 10, np.int64)
    counts[[499, 501]] = 2
    counts[500] = 0
    result = refractoriness(counts)
    assert result.ratio == pytest.approx(0.2)
    windows = np.arange(1, 11)
    totals = 2 + 10 * (windows - 1)
    from scipy.stats import norm

    expected = norm.cdf((totals - 10 * windows) / np.sqrt(10 * windows)).min()
    assert result.probability == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_odds_say_one_for_halves_two_for_independent_trains_and_nothing_for_few_spikes(seed):
    train, other = renewal(20.0, seed), renewal(10.0, seed + 50)
    half = np.random.default_rng(seed).random(len(train)) < 0.5
    assert log_odds_one_train(correlogram_1ms(train[half], train[~half], TIME, False)) > 3
    assert log_odds_one_train(correlogram_1ms(train[half], other, TIME, False)) < -3
    assert abs(log_odds_one_train(correlogram_1ms(train[::100], other[::50], TIME, False))) < 3
