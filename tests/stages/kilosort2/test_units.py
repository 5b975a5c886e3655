"""Splits of what is two, and the score below which a unit's spikes are another's."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.kilosort2.cutoff import lowest_score
from spikesieve.stages.kilosort2.split import two_sides

PARAMS = Kilosort2Params()
RNG = np.random.default_rng


def cloud(mean: np.ndarray, n: int, seed: int, noise: float = 1.0) -> np.ndarray:
    """Features of n spikes with white noise around a mean (n_near, n_pcs)."""
    return (mean + noise * RNG(seed).standard_normal((n, *mean.shape))).astype(np.float32)


def shape(seed: int, size: float) -> np.ndarray:
    mean = RNG(seed).standard_normal((8, 6))
    return size * mean / np.linalg.norm(mean)


def mixed(a: np.ndarray, b: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Both in random order, and which are b."""
    order = RNG(seed).permutation(len(a) + len(b))
    return np.concatenate([a, b])[order], order >= len(a)


def test_two_clouds_are_told_apart():
    features, is_b = mixed(cloud(shape(1, 12), 900, 2), cloud(shape(3, 12), 500, 4))
    second = two_sides(features, PARAMS)
    assert second is not None
    agree = (second == is_b).mean()
    assert max(agree, 1 - agree) > 0.98


@pytest.mark.parametrize("n", [0, 1, 599, 2000])
def test_one_cloud_is_one(n):
    assert two_sides(cloud(shape(1, 12), n, 2), PARAMS) is None


def test_a_side_that_is_too_small_is_not_split_off():
    features, _ = mixed(cloud(shape(1, 12), 2000, 2), cloud(shape(3, 12), 250, 4))
    assert two_sides(features, PARAMS) is None


def test_what_moves_slowly_is_one():
    """A footprint that changes along the order of the batches from one shape to another: 3000 spikes."""
    way = np.linspace(0, 1, 3000)[:, None, None]
    features = (1 - way) * shape(1, 12) + way * shape(3, 12) + RNG(5).standard_normal((3000, 8, 6))
    assert two_sides(features.astype(np.float32), PARAMS) is None


def test_sizes_that_differ_little_are_one_and_sizes_that_differ_much_are_two():
    one = shape(1, 30)
    assert two_sides(mixed(cloud(one, 700, 2), cloud(0.85 * one, 700, 4))[0], PARAMS) is None
    assert two_sides(mixed(cloud(one, 700, 2), cloud(0.5 * one, 700, 4))[0], PARAMS) is not None


def test_clouds_that_overlap_are_left_alone():
    assert two_sides(mixed(cloud(shape(1, 1.2), 700, 2), cloud(shape(3, 1.2), 700, 4))[0], PARAMS) is None


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
