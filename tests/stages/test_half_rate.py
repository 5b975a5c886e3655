"""Scores between even samples follow from these where components are smooth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from spikesieve.stages.half_rate import N_BETWEEN, at_half_rate, smoothing, weights_between

SHAPES = tiny.textbook_shapes()


def test_scores_of_noise_follow_with_a_small_error():
    """The error of the interpolated scores of white noise is what the weights were computed for."""
    weights, rng = SHAPES.between, np.random.default_rng(0)
    scores = np.array([np.correlate(rng.standard_normal(50_000), one, "valid") for one in SHAPES.waveforms])
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


def test_noise_in_components_that_no_shape_has_does_not_count():
    """As in the last components of few clear clips."""
    noise = np.random.default_rng(0).standard_normal((3, SHAPES.n_samples)).astype(np.float32)
    templates = np.pad(SHAPES.templates, ((0, 0), (0, 3)))
    noisy = replace(SHAPES, pcs=np.concatenate([SHAPES.pcs, noise]), templates=templates)
    assert weights_between(noisy.pcs).size == 0
    np.testing.assert_allclose(noisy.between, SHAPES.between, rtol=1e-4)


@pytest.mark.parametrize("peak_index", [20, 21])
def test_thinned_traces_have_the_scores_of_full_ones(peak_index):
    """Of spikes at even samples, and of noise there."""
    spikes, rng = SHAPES.waveforms, np.random.default_rng(0)
    traces = 0.5 * rng.standard_normal((len(spikes), 4_000)).astype(np.float32)
    first = 1_000 - peak_index
    traces[:, first : first + SHAPES.n_samples] += 20 * spikes
    thin = tiny.BACKEND.thin(traces, smoothing())
    half, half_index = at_half_rate(spikes, peak_index)
    assert half_index == peak_index // 2
    for full_trace, thin_trace in zip(traces, thin, strict=True):
        odd = peak_index % 2
        of_all = np.stack([np.correlate(full_trace, spike, "valid") for spike in spikes])[:, odd::2]
        of_half = np.stack([np.correlate(thin_trace, spike, "valid") for spike in half])[:, odd:]
        n = min(of_all.shape[1], of_half.shape[1]) - 10
        difference = (of_half[:, 10:n] - of_all[:, 10:n]) / np.abs(of_all).max()
        assert np.abs(difference).max() < 0.015


def test_smoothing_passes_what_is_slow_and_stops_what_would_be_folded():
    gain = np.abs(np.fft.rfft(smoothing(), 1_000))
    assert gain[0] == pytest.approx(1, abs=1e-6)
    assert np.abs(gain[:130] - 1).max() < 0.05
    assert gain[370:].max() < 0.05
    assert gain[250] == pytest.approx(0.5, abs=0.01)
