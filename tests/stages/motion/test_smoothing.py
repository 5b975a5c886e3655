"""Smoothing finds the random walk behind a noisy displacement, with its error, and nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from drifting_spikes import rms

from spikesieve.stages.motion.smoothing import _variance, _walk, smooth


def test_a_walk_and_its_error_are_those_of_linear_algebra():
    rng = np.random.default_rng(1)
    seen, weight, steps = rng.standard_normal(12), rng.uniform(0.5, 2, 12), rng.uniform(0.1, 1, 11)
    weight[4] = 0
    step = np.diff(np.eye(12), axis=0)
    precision = np.diag(weight) + step.T @ np.diag(1 / steps) @ step
    course, cost = _walk(seen, weight, steps)
    np.testing.assert_allclose(course, np.linalg.solve(precision, weight * seen), atol=1e-9)
    np.testing.assert_allclose(_variance(weight, steps), np.diag(np.linalg.inv(precision)), rtol=1e-6)

    def exact(steps):
        """-2 log likelihood of what was seen, of a walk that starts anywhere."""
        known, walk = np.flatnonzero(weight), np.cumsum(np.append(0, steps))
        covariance = np.minimum(walk[:, None], walk)[np.ix_(known, known)] + np.diag(1 / weight[known]) + 1e7
        return np.linalg.slogdet(covariance)[1] + seen[known] @ np.linalg.solve(covariance, seen[known])

    assert cost - _walk(seen, weight, 2 * steps)[1] == pytest.approx(exact(steps) - exact(2 * steps), abs=1e-4)


def test_smoothing_finds_the_step_of_a_walk_and_covers_it():
    rng = np.random.default_rng(2)
    truth = np.cumsum(0.5 * rng.standard_normal(400))
    found = smooth(truth + rng.standard_normal(400), np.ones(400), np.ones(399))
    off = found.displacement_um - (truth - np.median(truth))
    assert found.step_um == pytest.approx(0.5, rel=0.3)
    assert found.log_likelihood_ratio > 50
    assert rms(off - off.mean()) < 0.75
    assert 0.9 < np.mean(np.abs(off - off.mean()) < 1.96 * np.sqrt(found.variance)) <= 1


def test_smoothing_noise_leaves_nothing():
    found = smooth(np.random.default_rng(3).standard_normal(400), np.ones(400), np.ones(399))
    assert np.abs(found.displacement_um).max() < 0.5
    assert found.log_likelihood_ratio < 3


def test_smoothing_without_anything_seen_knows_nothing():
    found = smooth(np.zeros(5), np.full(5, np.inf), np.ones(4))
    assert np.isinf(found.variance).all()
