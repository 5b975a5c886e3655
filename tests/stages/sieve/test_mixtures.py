"""Two sides of a cloud are found where there are two, and a neuron's scores are told from the tail they stand on."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import kernels
from spikesieve.stages.sieve.mixtures import fit_gaussian_above_tail, fit_two_gaussians


def cloud(n: int, n_dims: int, seed: int, at: float = 0.0) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, n_dims))
    points[:, 0] += at
    return points


@pytest.mark.parametrize(("n", "m"), [(500, 500), (900, 60), (2000, 100)])
def test_two_clouds_are_found_whatever_their_sizes(n, m):
    found = fit_two_gaussians(np.concatenate([cloud(n, 4, 0), cloud(m, 4, 1, at=4.5)]))
    assert found is not None
    small = found.upper if found.upper.sum() < (n + m) / 2 else ~found.upper
    assert small[n:].mean() > 0.95
    assert small[:n].mean() < 0.02
    assert found.gain > 40
    assert found.separation == pytest.approx(4.5, abs=0.6)


@pytest.mark.parametrize("seed", range(5))
def test_one_cloud_gains_little_and_its_halves_are_close(seed):
    found = fit_two_gaussians(cloud(1500, 4, seed) * (3.0, 1.0, 0.5, 0.2))
    assert found is None or (found.gain < 20 and found.separation < 2.6)


def test_too_few_points_are_not_two_gaussians():
    assert fit_two_gaussians(cloud(10, 3, 0)) is None
    assert fit_two_gaussians(np.empty((0, 3))) is None
    assert fit_two_gaussians(np.zeros((50, 2))) is None


@pytest.mark.parametrize("share", [0.4, 0.8, 1.0])
def test_a_neuron_is_told_from_the_tail_below_it(share):
    rng = np.random.default_rng(0)
    mine = rng.normal(9.0, 1.3, round(2000 * share))
    tail = 4.5 + rng.exponential(0.5, round(2000 * (1 - share)))
    scores = np.concatenate([mine[mine > 4.5], tail]).astype(np.float32)
    found = fit_gaussian_above_tail(scores, 4.5, 9.0, 0.15)
    assert found.mean == pytest.approx(9.0, abs=0.2)
    assert found.sd == pytest.approx(1.3, abs=0.2)
    assert found.share == pytest.approx(share, abs=0.06)
    if share < 1:
        assert 5.2 < found.cutoff(1.0) < 7.2


def test_a_neuron_that_is_cut_off_keeps_its_mean():
    """Half of the spikes lie below what was accepted: the mean of the rest would be 0.8 SD too large."""
    rng = np.random.default_rng(1)
    scores = rng.normal(5.0, 1.0, 6000)
    found = fit_gaussian_above_tail(scores[scores > 5.0].astype(np.float32), 5.0, 5.8, 0.15)
    assert found.mean < 5.5


def test_the_cut_is_the_least_where_there_is_no_tail():
    scores = np.random.default_rng(2).normal(20.0, 1.0, 500).astype(np.float32)
    found = fit_gaussian_above_tail(scores, 6.0, 20.0, 0.1)
    assert found.cutoff(1.0) < 15


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.floats(2.0, 8.0), st.floats(-3.0, 30.0), st.floats(0.0, 1.0), st.integers(0, 2**31))
def test_the_kernel_of_the_tail_is_its_reference(n, least, above, share, seed):
    rng = np.random.default_rng(seed)
    mine = rng.random(n) < share
    x = least + np.where(mine, np.abs(rng.normal(above, 1.5, n)), rng.exponential(0.7, n))
    bounds = np.array([0.2, 1.5, 0.95, 1.2, 0.35, 0.6])
    start = float(np.median(x)), 1.5
    for steps in (1, 2, 7):
        found = kernels.gaussian_above_tail(x, least, *start, bounds, steps, 0.0)
        expected = reference.gaussian_above_tail(x, least, *start, bounds, steps, 0.0)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 300), st.integers(1, 5), st.floats(0.0, 5.0), st.floats(0.0, 1.0), st.integers(0, 2**31))
def test_the_kernel_of_two_gaussians_is_its_reference(n, n_dims, apart, share, seed):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, n_dims))
    points[:, 0] += apart * (rng.random(n) < share)
    centred = points - points.mean(axis=0)
    covariance = centred.T @ centred / n + 1e-3 * np.eye(n_dims)
    white = np.linalg.solve(np.linalg.cholesky(covariance), centred.T).T
    start = (white[:, 0] > np.quantile(white[:, 0], 0.6)).astype(float)
    for steps in (1, 3, 20):
        found = kernels.two_gaussians(white, start, 2.0, 1e-9, steps, 0.0)
        expected = reference.two_gaussians(white, start, 2.0, 1e-9, steps, 0.0)
        assert found[0] == expected[0]
        if found[0]:
            for a, b in zip(found[1:], expected[1:], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
