"""Templates: means, alignment, what one does to another, duplicates; all on waveforms built by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.stages import templates
from spikesieve.stages.templates import LearnedTemplates

SHAPES = tiny.textbook_shapes()
N = SHAPES.n_samples
N_CONTACTS = 8


def waveforms(some: LearnedTemplates, pcs: np.ndarray) -> np.ndarray:
    """(n_templates, N_CONTACTS, N) float64"""
    return some.dense(N_CONTACTS).astype(np.float64) @ pcs.astype(np.float64)


def slid(wave: np.ndarray, lag: int) -> np.ndarray:
    """The waveform in a window of 3 N samples, `lag` later than the middle."""
    out = np.zeros((*wave.shape[:-1], 3 * N))
    out[..., N + lag : 2 * N + lag] = wave
    return out


# Overlaps


def test_lags_of_components_by_hand():
    lags = templates.component_lags(SHAPES.pcs)
    assert lags.shape == (6, 6, 2 * N - 1)
    for q, p, s in [(0, 0, 0), (1, 4, 7), (3, 2, -60), (5, 5, 60), (2, 0, -13)]:
        expected = sum(SHAPES.pcs[p, j] * SHAPES.pcs[q, j + s] for j in range(N) if 0 <= j + s < N)
        assert lags[q, p, N - 1 + s] == pytest.approx(expected, abs=1e-6)


def test_overlaps_are_the_correlations_of_shifted_waveforms():
    some = tiny.line_templates(SHAPES, [1, 2, 6], N_CONTACTS, 17.0, n_near=3)
    pairs = templates.overlaps(some, N_CONTACTS, SHAPES.pcs)
    waves = waveforms(some, SHAPES.pcs)
    waves /= np.linalg.norm(waves, axis=(1, 2), keepdims=True)
    touching = [pairs.neighbours[a:b].tolist() for a, b in zip(pairs.offsets[:-1], pairs.offsets[1:], strict=True)]
    assert touching == [[0, 1], [0, 1], [2]]
    row = 0
    for k, others in enumerate(touching):
        for j in others:
            for s in (-60, -20, -1, 0, 1, 33, 60):
                expected = (slid(waves[k], 0) * slid(waves[j], s)).sum()
                assert pairs.tables[row, N - 1 + s] == pytest.approx(expected, abs=1e-5)
            row += 1


def test_a_template_touches_itself_with_correlation_one():
    some = tiny.line_templates(SHAPES, [0, 3, 7], N_CONTACTS, 25.0)
    pairs = templates.overlaps(some, N_CONTACTS, SHAPES.pcs)
    own = [np.flatnonzero(pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]] == k)[0] for k in range(3)]
    rows = pairs.offsets[:-1] + own
    np.testing.assert_allclose(pairs.tables[rows, N - 1], 1, atol=1e-6)


def test_a_template_of_zeros_touches_itself_and_nothing_else():
    some = tiny.line_templates(SHAPES, [2, 3], N_CONTACTS, 25.0)
    some.scores[1] = 0
    pairs = templates.overlaps(some, N_CONTACTS, SHAPES.pcs)
    assert pairs.offsets.tolist() == [0, 1, 2]
    assert pairs.neighbours.tolist() == [0, 1]
    assert not pairs.tables[1].any()


@pytest.mark.parametrize("n", [0, 1])
def test_overlaps_and_similarity_of_none_and_of_one(n):
    some = tiny.line_templates(SHAPES, [2] * n, N_CONTACTS)
    pairs = templates.overlaps(some, N_CONTACTS, SHAPES.pcs)
    alike, lag = templates.similarity(pairs, n)
    assert len(pairs.offsets) == n + 1
    np.testing.assert_allclose(alike, np.ones((n, n)), atol=1e-6)
    assert not lag.any()


def test_similarity_finds_the_lag_at_which_one_lies_on_the_other():
    """lag[k, j]: a spike at t by template k is at t + lag by template j."""
    shapes = tiny.smooth_shapes()
    base = tiny.line_templates(shapes, [3], N_CONTACTS)
    wave = base.scores[0] @ shapes.pcs
    earlier = np.zeros_like(wave)
    earlier[:, :-5] = wave[:, 5:]
    both = LearnedTemplates(
        np.repeat(base.contacts, 2, axis=0), np.stack([base.scores[0], earlier @ shapes.pcs.T]), np.array([9, 9])
    )
    alike, lag = templates.similarity(templates.overlaps(both, N_CONTACTS, shapes.pcs), 2)
    assert alike[0, 1] > 0.98
    assert lag.tolist() == [[0, 5], [-5, 0]]
    # The template that is five samples early in its window sits on the same spike when it is placed five samples later.
    waves = waveforms(both, shapes.pcs)
    assert (slid(waves[0], 0) * slid(waves[1], 5)).sum() == pytest.approx(0.99 * 20**2, rel=0.02)


# Means


def test_means_of_labels_with_noisy_contacts_shrunk_to_zero():
    rng = np.random.default_rng(0)
    true = np.zeros((2, 4, 6))
    true[0, 0], true[1, 1] = 5.0, 7.0
    labels = np.repeat([0, 1], 50)
    features = (true[labels] + rng.standard_normal((100, 4, 6))).astype(np.float32)
    made = templates.from_labels(features, labels, 2, np.array([3, 4, 5, 6]))
    assert made.n_spikes.tolist() == [50, 50]
    assert made.contacts.tolist() == [[3, 4, 5, 6]] * 2
    np.testing.assert_allclose(made.scores[0, 0], 5.0, atol=0.6)
    np.testing.assert_allclose(made.scores[1, 1], 7.0, atol=0.6)
    plain = np.stack([features[labels == k].mean(axis=0) for k in range(2)])
    error, plain_error = (((m - true) ** 2).sum() for m in (made.scores, plain))
    assert error < plain_error


def test_a_label_without_spikes_is_a_zero_template():
    made = templates.from_labels(np.ones((3, 2, 6), np.float32), np.array([0, 2, 2]), 3, np.array([0, 1]))
    assert made.n_spikes.tolist() == [1, 0, 2]
    assert not made.scores[1].any()


def test_groups_of_different_width_are_joined_with_padding():
    one = LearnedTemplates(np.array([[1, 2]]), np.ones((1, 2, 6), np.float32), np.array([5]))
    two = LearnedTemplates(np.array([[3, 4, 5]]), np.ones((1, 3, 6), np.float32), np.array([7]))
    joined = templates.concatenate([one, two], 4, 6)
    assert joined.contacts.tolist() == [[1, 2, -1, -1], [3, 4, 5, -1]]
    assert joined.scores.sum() == 30
    assert not joined.scores[joined.contacts < 0].any()
    assert len(templates.concatenate([], 4, 6)) == 0


def test_dense_norms_and_peak_contacts():
    some = tiny.line_templates(SHAPES, [0, 5], N_CONTACTS, 20.0, n_near=5)
    np.testing.assert_allclose(some.norms, 20, rtol=1e-5)
    assert some.peak_contacts.tolist() == [0, 5]
    np.testing.assert_allclose(np.linalg.norm(some.dense(N_CONTACTS), axis=(1, 2)), 20, rtol=1e-5)
    assert some.take(np.array([1])).peak_contacts.tolist() == [5]


# Alignment


@pytest.mark.parametrize("late", [-6, -1, 0, 3, 9])
def test_a_template_off_its_peak_is_moved_back_and_says_by_how_much(late):
    shapes = tiny.smooth_shapes()
    base = tiny.line_templates(shapes, [3], N_CONTACTS)
    wave = slid(base.scores[0] @ shapes.pcs, late)[:, N : 2 * N]
    off_peak = LearnedTemplates(base.contacts, (wave @ shapes.pcs.T).astype(np.float32)[None], base.n_spikes)
    moved, shift = templates.aligned(off_peak, shapes)
    assert shift.tolist() == [late]
    similarity = (waveforms(moved, shapes.pcs) * waveforms(base, shapes.pcs)).sum() / 20 / moved.norms[0]
    assert similarity > 0.97


def test_aligned_of_none():
    none = tiny.line_templates(SHAPES, [], N_CONTACTS)
    moved, shift = templates.aligned(none, SHAPES)
    assert len(moved) == len(shift) == 0


def test_unit_norm_leaves_an_empty_template_zero():
    some = tiny.line_templates(SHAPES, [2, 4], N_CONTACTS, 20.0)
    some.scores[1] = 0.0
    np.testing.assert_allclose(np.linalg.norm(templates.unit_norm(some), axis=(1, 2)), [1, 0], atol=1e-6)
