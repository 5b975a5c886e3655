"""Temporal components and typical shapes are learned from clear, isolated peaks."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.stages import shapes
from spikesieve.stages.shapes import ShapesParams

N, PEAK = 61, 20
NEAR = np.array([[c + d if 0 <= c + d < 6 else -1 for d in (0, -1, 1)] for c in range(6)])


def clips_of(traces: np.ndarray) -> np.ndarray:
    return shapes.clips_of_block(traces.astype(np.float32), NEAR, N, PEAK, 6.0)


def spike(sample: int, contact: int, size: float = -10.0, n_samples: int = 600) -> np.ndarray:
    traces = np.zeros((6, n_samples))
    traces[contact, sample - 3 : sample + 4] = size * np.array([0.2, 0.5, 0.8, 1.0, 0.8, 0.5, 0.2])
    return traces


def impulse(sample: int, contact: int, size: float) -> np.ndarray:
    traces = np.zeros((6, 600))
    traces[contact, sample] = size
    return traces


# Window


@pytest.mark.parametrize(
    ("sampling_hz", "expected"), [(30_000.0, (61, 20)), (25_000.0, (51, 16)), (15_000.0, (31, 10))]
)
def test_the_window_is_two_milliseconds_with_the_peak_at_a_third(sampling_hz, expected):
    assert shapes.window(ShapesParams(), sampling_hz) == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(11, 999), st.one_of(st.none(), st.integers(1, 998)), st.floats(1000, 60_000))
def test_any_window_is_odd_and_holds_its_peak(n, peak, hz):
    length, index = shapes.window(ShapesParams(waveform_samples=n, peak_sample=peak), hz)
    assert length % 2 == 1
    assert length in (n, n + 1)
    assert 1 <= index <= length - 2


# Clips


@pytest.mark.parametrize("size", [-10.0, 10.0])
def test_one_spike_of_either_polarity_is_one_clip(size):
    clips = clips_of(spike(300, 2, size))
    assert clips.shape == (1, N)
    assert np.abs(clips[0]).argmax() == PEAK
    assert np.sign(clips[0, PEAK]) == np.sign(size)
    assert np.linalg.norm(clips[0]) == pytest.approx(1.0, rel=1e-6)


def test_a_spike_on_two_neighbours_is_one_clip_from_the_larger():
    clips = clips_of(spike(300, 2, -10.0) + spike(301, 3, -8.0))
    assert len(clips) == 1
    assert clips[0, PEAK] < 0


@pytest.mark.parametrize("gap", [-6, -5, 5, 6])
def test_a_smaller_peak_within_five_samples_belongs_to_the_larger(gap):
    """Beyond five samples it is a peak of its own, and neither is isolated."""
    clips = clips_of(impulse(300, 2, -10.0) + impulse(300 + gap, 3, -8.0))
    assert len(clips) == (1 if abs(gap) <= 5 else 0)


def test_two_spikes_of_neighbours_within_half_a_window_are_not_isolated():
    assert len(clips_of(spike(300, 2) + spike(300 + N // 2, 3))) == 0
    assert len(clips_of(spike(300, 2) + spike(301 + N // 2, 3))) == 2
    assert len(clips_of(spike(300, 2) + spike(300 + N // 2, 5))) == 2


def test_nothing_below_the_threshold_near_the_ends_or_in_zeros():
    assert clips_of(spike(300, 2, -5.9)).shape == (0, N)
    assert clips_of(spike(40, 2) + spike(600 - 40, 2)).shape == (0, N)
    assert clips_of(np.zeros((6, 600))).shape == (0, N)


# Learning


def test_components_are_orthonormal_and_the_first_points_down():
    learned = shapes.learn([], 30_000.0, ShapesParams())
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
    learned = shapes.learn([clips[:400], clips[400:]], 30_000.0, ShapesParams(n_templates=2, n_pcs=2))
    similarity = (learned.templates @ learned.pcs) @ two.T
    assert sorted(similarity.argmax(axis=1)) == [0, 1]
    assert similarity.max(axis=1).min() > 0.99
    assert learned.n_clips == 1000


def test_few_clips_are_helped_by_textbook_spikes():
    learned = shapes.learn([clean_clips(10)[0]], 30_000.0, ShapesParams())
    assert learned.n_clips == 10
    textbook = shapes.textbook_clips(N, PEAK, 30_000.0)
    kept = (textbook @ learned.pcs.T) @ learned.pcs
    assert np.linalg.norm(kept, axis=1).min() > 0.9


def test_learning_is_deterministic():
    clips, _ = clean_clips(500)
    one, two = (shapes.learn([clips], 30_000.0, ShapesParams(n_templates=2)) for _ in range(2))
    np.testing.assert_array_equal(one.pcs, two.pcs)
    np.testing.assert_array_equal(one.templates, two.templates)


@pytest.mark.parametrize("n_pcs", [1, 6, 12])
def test_any_number_of_components(n_pcs):
    learned = shapes.learn([], 30_000.0, ShapesParams(n_pcs=n_pcs))
    assert learned.pcs.shape == (n_pcs, N)
    assert learned.n_samples == N


def test_the_helper_shapes_of_the_other_tests_are_well_described():
    made = tiny.textbook_shapes()
    np.testing.assert_allclose(made.pcs @ made.pcs.T, np.eye(6), atol=1e-5)
