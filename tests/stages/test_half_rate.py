"""Scores between even samples follow from these where components are smooth."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.stages.half_rate import N_BETWEEN, weights_between

SHAPES = tiny.textbook_shapes()


def test_scores_of_noise_follow_with_a_small_error():
    """The error of the interpolated scores of white noise is what the weights were computed for."""
    weights, rng = weights_between(SHAPES.pcs), np.random.default_rng(0)
    scores = np.array([np.correlate(rng.standard_normal(50_000), pc, "valid") for pc in SHAPES.pcs])
    odd = np.arange(7, scores.shape[1] - 7, 2)
    between = sum(w * (scores[:, odd - 2 * i - 1] + scores[:, odd + 2 * i + 1]) for i, w in enumerate(weights))
    error = ((between - scores[:, odd]) ** 2).mean() / (scores**2).mean()
    linear = ((scores[:, odd - 1] / 2 + scores[:, odd + 1] / 2 - scores[:, odd]) ** 2).mean() / (scores**2).mean()
    assert error < 0.03
    assert error < linear / 2


@pytest.mark.parametrize(
    "components",
    [
        np.random.default_rng(0).standard_normal((6, 61)),
        SHAPES.pcs[:, ::3],
        np.zeros((2, 61)),
        np.ones((3, 2 * N_BETWEEN)),
        np.empty((0, 61)),
    ],
    ids=["noise", "10 kHz", "zero", "short", "none"],
)
def test_all_scores_are_computed_where_they_do_not_follow(components):
    assert weights_between(components.astype(np.float32)).size == 0
