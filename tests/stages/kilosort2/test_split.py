"""Units that are two are split, and what drifts or overlaps is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.settings.kilosort2 import Kilosort2Params
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
