"""The number of channels that the samples themselves show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from spikesieve.stages.channel_count import other_channel_count

N = 30


def recorded(n_samples: int = 4000, shared: float = 1.0, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    """Band-limited noise of 30 channels that also see a slow common signal, (n_samples, 30) int16."""
    rng = np.random.default_rng(seed)
    own = lfilter([1.0], [1.0, -0.5], rng.standard_normal((n_samples, N)), axis=0)
    slow = lfilter([0.05], [1.0, -0.98], rng.standard_normal((n_samples, 1)), axis=0)
    gradient = np.linspace(0.5, 1.5, N)
    return np.rint(20 * (own + 10 * shared * slow * gradient) + offset * rng.standard_normal(N)).astype(np.int16)


def read_as(samples: np.ndarray, n_channels: int) -> np.ndarray:
    flat = samples.ravel()
    return flat[: len(flat) // n_channels * n_channels].reshape(-1, n_channels)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("n_channels", [15, 28, 29, 31, 32, 45])
def test_a_wrong_number_is_told_with_the_right_one(n_channels, offset):
    assert other_channel_count([read_as(recorded(offset=offset), n_channels)] * 2) == N


@pytest.mark.parametrize("shared", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_the_right_number_is_not_doubted(shared, offset):
    assert other_channel_count([recorded(shared=shared, offset=offset)]) is None


def test_two_columns_that_see_different_things_are_not_taken_for_two_channels():
    samples = recorded()
    samples[:, ::2] += 3 * recorded(shared=5.0, seed=1)[:, :1]
    assert other_channel_count([samples]) is None


def test_columns_of_noise_that_is_white_in_time_are_not_taken_for_two_channels():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((4000, N)) + np.tile(rng.standard_normal((4000, 2)), N // 2)
    assert other_channel_count([samples]) is None


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((1000, 4), np.int16),
        np.random.default_rng(0).integers(-9, 9, (9000, 7)).astype(np.int16),
        np.random.default_rng(0).standard_normal((5000, 1)),
        np.full((1000, 4), np.nan),
        np.zeros((3, 4)),
    ],
)
def test_samples_that_tell_nothing_accuse_no_number(samples):
    assert other_channel_count([samples]) is None
    assert other_channel_count([]) is None
