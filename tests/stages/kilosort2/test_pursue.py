"""Matching with a prior on amplitudes: the kernel against its judge, the formulas against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import tiny
from pursuit_cases import as_pairs, isolated, random_case
from reference import tolerance

from spikesieve import kernels
from spikesieve.kernels import ALL_VISIBLE, ANY_AMPLITUDE
from spikesieve.model import Reason
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.kilosort2.pursue import gain, lowest_projection, pursue, worth_of
from spikesieve.stages.match import by_score, make_matcher
from spikesieve.stages.preprocess import Clean

SHAPES = tiny.textbook_shapes()
PENALTY = 10.0
ANY = ANY_AMPLITUDE, ALL_VISIBLE


def both(scores, pairs, norms, penalty=PENALTY, threshold=4.0):
    ours, theirs = scores.copy(), scores.astype(np.float64)
    shared = pairs, worth_of(norms, threshold, penalty), ANY_AMPLITUDE, ALL_VISIBLE
    *found, n_left = kernels.pursue(ours, *shared, 5000)
    judged = reference.pursue(theirs, *shared)
    assert n_left == 0
    return found, judged, (ours, theirs)


@pytest.mark.parametrize("seed", range(12))
def test_realistic_rates_give_the_greedy_result(seed):
    n_templates = 1 + seed % 9
    scores, pairs = random_case(seed, [5, 10, 20][seed % 3], n_templates)
    norms = np.random.default_rng(seed).uniform(12, 30, n_templates)
    found, judged, (left, left_ref) = both(scores, pairs, norms)
    np.testing.assert_array_equal(found[0], judged[0])
    np.testing.assert_array_equal(found[1], judged[1])
    slack = tolerance(50, 2 * np.abs(scores).max(initial=1.0))
    np.testing.assert_allclose(found[2], judged[2], rtol=0, atol=slack)
    np.testing.assert_allclose(left, left_ref, rtol=0, atol=slack)


def test_without_a_penalty_it_is_the_plain_pursuit():
    scores, pairs = random_case(3, 40)
    one, two = scores.copy(), scores.copy()
    plain = kernels.pursue(one, pairs, by_score(np.full(len(scores), 8.0, np.float32)), *ANY, 500)
    free = kernels.pursue(two, pairs, worth_of(np.full(len(scores), 16.0), 8.0, 0.0), *ANY, 500)
    for a, b in zip(plain[:2], free[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(plain[2], 16 * free[2])
    np.testing.assert_array_equal(one, two)


def test_the_template_of_the_right_size_wins():
    """A score of 12 is more probable from a template of norm 12 than a 13 from one of norm 30."""
    bell = [0.5, 1.0, 0.5]
    pairs = as_pairs(np.array([bell, bell, bell, bell]), [[0, 1], [0, 1]])
    scores = np.zeros((2, 20), np.float32)
    scores[:, 10] = 12.0, 13.0
    found, judged, _ = both(scores, pairs, np.array([12.0, 30.0]))
    assert found[1].tolist() == judged[1].tolist() == [0]
    assert kernels.pursue(scores, pairs, by_score(np.full(2, 8, np.float32)), *ANY, 9)[1][0] == 1


@pytest.mark.parametrize(("n_templates", "n_samples"), [(0, 0), (0, 9), (1, 0), (1, 2), (3, 64)])
def test_nothing_is_found_in_nothing(n_templates, n_samples):
    found, judged, _ = both(
        np.zeros((n_templates, n_samples), np.float32), isolated(n_templates), np.full(n_templates, 9.0)
    )
    assert len(found[0]) == len(judged[0]) == 0


def test_the_amplitude_is_the_cheapest_and_the_gain_what_it_explains():
    norm, b, penalty = 14.0, 11.0, 3.0
    a = np.linspace(0, 30, 300_001)
    price = (a**2 - 2 * a * b) + penalty * (a - norm) ** 2
    best = (b + penalty * norm) / (1 + penalty)
    assert a[price.argmin()] == pytest.approx(best, abs=1e-3)
    assert gain(np.array(best), np.array(norm), penalty) == pytest.approx(-price.min(), rel=1e-6)
    lowest = lowest_projection(np.array([norm]), 4.0, penalty)
    assert gain((lowest + penalty * norm) / (1 + penalty), np.array(norm), penalty) == pytest.approx(16.0)
    assert lowest_projection(np.array([2.0]), 1.0, 1000.0) >= 0


def test_spikes_are_found_and_described_without_each_other():
    templates = tiny.line_templates(SHAPES, [2, 4, 7], 10)
    planted = [(300, 0, 1.0), (308, 1, 0.9), (500, 2, 1.1), (700, 1, 1.0)]
    traces = tiny.traces_with(templates, SHAPES, 10, 1000, planted, 0.3)
    matcher = make_matcher(templates, templates.contacts, 10, SHAPES)
    found = pursue(Clean(traces, traces), matcher, (200, 650), 4.0, Kilosort2Params(), tiny.BACKEND)
    assert list(zip(found.sample, found.template, strict=True)) == [(300, 0), (308, 1), (500, 2)]
    # A penalty of 10 leaves a tenth of what the amplitude differs by.
    np.testing.assert_allclose(found.amplitude, [1.0, 0.99, 1.01], atol=0.02)
    np.testing.assert_allclose(found.score, 20.0, rtol=0.25)
    for row, (_, k, size) in zip(found.features, planted, strict=False):
        np.testing.assert_allclose(row, size * templates.scores[k], atol=2.0)
    assert np.abs(traces[:, 250:560]).max() < 3.0


def test_blanked_samples_are_not_taken_for_zeros():
    """Of the first spike the end is hidden, of the second one the trough: it is explained, and not counted."""
    templates = tiny.line_templates(SHAPES, [2, 7], 10)
    traces = tiny.traces_with(templates, SHAPES, 10, 1000, [(300, 0, 1.0), (600, 1, 1.0), (800, 1, 1.0)], 0.3)
    blanked = np.zeros(traces.shape, bool)
    blanked[:, 302:330] = blanked[:, 600:606] = True
    traces[blanked] = 0.0
    matcher = make_matcher(templates, templates.contacts, 10, SHAPES)
    clean = Clean(traces, traces, blanked * np.uint8(Reason.ARTIFACT))
    found = pursue(clean, matcher, (200, 900), 4.0, Kilosort2Params(), tiny.BACKEND)
    assert list(zip(found.sample, found.template, found.is_whole, strict=True)) == [(300, 0, False), (800, 1, True)]
    np.testing.assert_allclose(found.amplitude, 1.0, atol=0.02)
    for row, k in zip(found.features, (0, 1), strict=True):
        np.testing.assert_allclose(row, templates.scores[k], atol=2.0)
    assert np.abs(traces[:, 250:900]).max() < 3.0


def test_a_spike_twice_as_large_as_its_template_is_one_spike():
    templates = tiny.line_templates(SHAPES, [4], 10)
    traces = tiny.traces_with(templates, SHAPES, 10, 600, [(300, 0, 2.0)], 0.1)
    matcher = make_matcher(templates, templates.contacts, 10, SHAPES)
    found = pursue(Clean(traces, traces), matcher, (61, 539), 4.0, Kilosort2Params(), tiny.BACKEND)
    assert found.sample.tolist() == [300]
    np.testing.assert_allclose(found.amplitude, 2.0, atol=0.1)
    np.testing.assert_allclose(found.features[0], 2 * templates.scores[0], atol=1.0)
