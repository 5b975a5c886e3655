"""Temporal components and typical shapes are learned from clips."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.stages import shapes
from spikesieve.stages.clips import Window
from spikesieve.stages.shapes import ShapesParams

N, PEAK = 61, 20
WINDOW = Window(N, PEAK)
NO_CLIPS = np.empty((0, N), np.float32)


def test_components_are_orthonormal_and_the_first_points_down():
    learned = shapes.learn(NO_CLIPS, WINDOW, 30_000.0, ShapesParams())
    np.testing.assert_allclose(learned.pcs @ learned.pcs.T, np.eye(6), atol=1e-5)
    first = learned.pcs[0]
    assert first[np.abs(first).argmax()] < 0
    np.testing.assert_allclose(np.linalg.norm(learned.templates, axis=1), 1, atol=1e-5)


def clean_clips(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n noisy clips of two shapes, and the two shapes."""
    two = shapes.textbook_clips(N, PEAK, 30_000.0)[[3, 30]]
    noisy = two[np.arange(n) % 2] + 0.03 * np.random.default_rng(seed).standard_normal((n, N))
    return (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32), two


def test_the_shapes_in_the_data_are_found():
    clips, two = clean_clips(1000)
    learned = shapes.learn(clips, WINDOW, 30_000.0, ShapesParams(n_templates=2, n_pcs=2))
    similarity = (learned.templates @ learned.pcs) @ two.T
    assert sorted(similarity.argmax(axis=1)) == [0, 1]
    assert similarity.max(axis=1).min() > 0.99
    assert learned.n_clips == 1000


def test_few_clips_are_helped_by_textbook_spikes():
    learned = shapes.learn(clean_clips(10)[0], WINDOW, 30_000.0, ShapesParams())
    assert learned.n_clips == 10
    textbook = shapes.textbook_clips(N, PEAK, 30_000.0)
    kept = (textbook @ learned.pcs.T) @ learned.pcs
    assert np.linalg.norm(kept, axis=1).min() > 0.9


def test_learning_is_deterministic():
    clips, _ = clean_clips(500)
    one, two = (shapes.learn(clips, WINDOW, 30_000.0, ShapesParams(n_templates=2)) for _ in range(2))
    np.testing.assert_array_equal(one.pcs, two.pcs)
    np.testing.assert_array_equal(one.templates, two.templates)


@pytest.mark.parametrize("n_pcs", [1, 6, 12])
def test_any_number_of_components(n_pcs):
    learned = shapes.learn(NO_CLIPS, WINDOW, 30_000.0, ShapesParams(n_pcs=n_pcs))
    assert learned.pcs.shape == (n_pcs, N)
    assert learned.n_samples == N


def test_the_helper_shapes_of_the_other_tests_are_well_described():
    made = tiny.textbook_shapes()
    np.testing.assert_allclose(made.pcs @ made.pcs.T, np.eye(6), atol=1e-5)
