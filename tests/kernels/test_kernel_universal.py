"""`universal_scores` agrees with the one in reference.py; the bounds that skip work change no bit."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import tolerance

from spikesieve import kernels

FEW = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
N_WINDOW, PEAK = 21, 7


def case(seed=0, n_samples=90, n_channels=4, n_centres=6, n_near=3, scale=3.0, n_shapes=6):
    """Noise, unit-norm shapes and templates; every second centre lacks its last channel."""
    rng = np.random.default_rng(seed)
    traces = (scale * rng.standard_normal((n_channels, n_samples))).astype(np.float32)
    shapes = rng.standard_normal((n_shapes, N_WINDOW))
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    near = np.array([rng.permutation(n_channels)[:n_near] for _ in range(n_centres)], np.int64)
    near = near.reshape(n_centres, n_near)
    weights = rng.standard_normal((n_centres, 2, n_near))
    if n_near > 1:
        near[1::2, -1], weights[1::2, :, -1] = -1, 0.0
    weights /= np.linalg.norm(weights, axis=2, keepdims=True)
    return traces, shapes.astype(np.float32), near, weights.astype(np.float32)


def scores(implementation, made, threshold, first=0, n_out=None):
    traces, shapes, near, weights = made
    out = np.full((len(near), traces.shape[1] - first if n_out is None else n_out), np.nan, np.float32)
    implementation.universal_scores(traces, shapes, PEAK, first, near, weights, threshold, out)
    return out


def agree(made, threshold, **span):
    """Compare with the reference, except within rounding of the threshold, and with all scores, to the last bit."""
    ours, theirs = scores(kernels, made, threshold, **span), scores(reference, made, threshold, **span)
    slack = tolerance(N_WINDOW + 8, (N_WINDOW + 8) * np.abs(made[0]).max(initial=1.0))
    unsure = np.abs(np.abs(np.where(ours == 0, theirs, ours)) - threshold) < slack
    np.testing.assert_allclose(np.where(unsure, 0, ours), np.where(unsure, 0, theirs), rtol=0, atol=slack)
    everything = scores(kernels, made, 0.0, **span)
    np.testing.assert_array_equal(ours, np.where(np.abs(everything) > np.float32(threshold), everything, 0))
    return ours


@pytest.mark.parametrize("n_samples", [0, 1, 20, 21, 35, 36, 37, 148, 149, 180])
def test_any_length(n_samples):
    agree(case(n_samples=n_samples), 4.0)


@pytest.mark.parametrize(("first", "n_out"), [(0, 40), (5, 40), (50, 40), (80, 10), (60, 60), (90, 5), (30, 0)])
def test_any_part_of_the_traces_and_beyond(first, n_out):
    made = case(1)
    ours = agree(made, 3.0, first=first, n_out=n_out)
    whole = np.pad(scores(kernels, made, 3.0), ((0, 0), (0, 60)))
    np.testing.assert_array_equal(ours, whole[:, first : first + n_out])


@FEW
@given(SEEDS, st.floats(0.5, 12.0), st.sampled_from([6, 12]))
def test_random_templates_and_thresholds(seed, threshold, n_shapes):
    agree(case(seed, n_shapes=n_shapes), threshold)


def test_the_bounds_lose_nothing_where_one_sample_in_a_thousand_is_above():
    ours = agree(case(1, n_samples=2000), 11.0)
    assert 0 < np.count_nonzero(ours) < 0.01 * ours.size


@FEW
@given(SEEDS)
def test_the_bounds_lose_nothing_beside_huge_spikes_zeros_and_ties(seed):
    """Whole numbers, so that bounds are reached exactly; spikes up to 10 V; channels and blocks of zeros."""
    rng = np.random.default_rng(seed)
    traces, shapes, near, weights = case(seed, n_samples=150)
    traces = np.rint(traces / 3)
    traces[:, 60:100] = 0.0
    traces[rng.integers(4)] = 0.0
    traces[rng.integers(4), rng.integers(150)] = rng.choice([1e3, -1e5, 1e7])
    traces[1] = traces[0]
    weights[::2] = 0.0
    weights[::2, :, 0] = 1.0
    agree((traces.astype(np.float32), shapes, near, weights), 1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_exact_match_reaches_both_bounds_and_is_kept(sign):
    traces, shapes, near, weights = case(n_channels=3, n_samples=60)
    traces[:] = 0.0
    traces[near[0], 20 - PEAK : 20 - PEAK + N_WINDOW] = 5.0 * sign * np.outer(weights[0, 1], shapes[2])
    made = traces, shapes, near, weights
    ours = agree(made, 4.9999)
    assert ours[0, 20] == pytest.approx(5.0 * sign, rel=1e-5)
    for value in scores(kernels, made, 0.0)[:, 20]:
        just_below = np.nextafter(abs(value), np.float32(0))
        assert value in scores(kernels, made, float(just_below))[:, 20]


def test_both_polarities():
    traces, shapes, near, weights = case(3)
    ours = scores(kernels, (traces, shapes, near, weights), 4.0)
    np.testing.assert_array_equal(ours, -scores(kernels, (-traces, shapes, near, weights), 4.0))


def test_a_window_that_leaves_the_traces_has_no_score():
    ours = scores(kernels, case(2, scale=30.0), 1.0)
    assert not ours[:, :PEAK].any()
    assert not ours[:, 90 - N_WINDOW + PEAK + 1 :].any()
    assert ours[:, PEAK : 90 - N_WINDOW + PEAK + 1].all()


def test_a_channel_that_is_nan_finds_nothing_and_leaves_the_others_alone():
    traces, shapes, near, weights = case(4, n_centres=12)
    before = scores(kernels, (traces, shapes, near, weights), 3.0)
    traces[2] = np.nan
    after = scores(kernels, (traces, shapes, near, weights), 3.0)
    uses = ((near == 2) & (weights != 0).any(axis=1)).any(axis=1)
    assert uses.any()
    assert not after[uses].any()
    np.testing.assert_array_equal(after[~uses], before[~uses])


def test_nothing_in_zeros_and_of_nothing():
    assert not agree(case(scale=0.0), 1.0).any()
    agree(case(n_centres=0), 4.0)
    agree(case(n_channels=1, n_near=1, n_centres=1), 4.0)
