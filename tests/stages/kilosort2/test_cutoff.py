"""The score below which the spikes of a unit are another neuron's."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.kilosort2.cutoff import lowest_score

PARAMS = Kilosort2Params()
RNG = np.random.default_rng


def never(below: np.ndarray, above: np.ndarray) -> bool:
    return False


def scores_of(n_own: int, n_other: int, seed: int = 0) -> np.ndarray:
    """A unit of score 9 and spikes that pile up at the threshold of 4."""
    own = 9 + 1.2 * RNG(seed).standard_normal(n_own)
    other = 4 + RNG(seed + 1).exponential(0.5, n_other)
    return np.maximum(np.concatenate([own, other]), 4).astype(np.float32)


def test_a_pile_at_the_threshold_is_cut_off_at_the_valley():
    score = scores_of(600, 300)
    lowest = lowest_score(np.arange(900), score, PARAMS, never)
    assert 5 < lowest < 7
    assert (score[:600] >= lowest).mean() > 0.97
    assert (score[600:] < lowest).mean() > 0.9


@pytest.mark.parametrize("n", [0, 1, 2, 30, 600])
def test_without_a_pile_nothing_is_cut_off(n):
    assert lowest_score(np.arange(n), scores_of(n, 0), PARAMS, never) == PARAMS.threshold


def test_spikes_that_are_another_neurons_by_their_times_are_cut_off():
    score = scores_of(600, 0)

    def other(below: np.ndarray, above: np.ndarray) -> bool:
        return len(below) > 0 and score[below].max() < 7.2

    lowest = lowest_score(np.arange(600), score, PARAMS, other)
    assert 6.5 <= lowest <= 7.5
    assert lowest_score(np.arange(600), score, PARAMS, lambda *_: True) <= PARAMS.learn_threshold
