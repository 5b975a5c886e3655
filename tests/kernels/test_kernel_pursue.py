"""`pursue` takes many spikes per round; it must find what the sequential pursuit of reference.py finds."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from pursuit_cases import THRESHOLD, as_pairs, isolated, random_case
from reference import tolerance

from spikesieve import kernels
from spikesieve.kernels import ALL_VISIBLE, ANY_AMPLITUDE
from spikesieve.stages.match import by_score


def run(implementation, scores, pairs, threshold=THRESHOLD, limit=5000):
    left = scores.copy() if implementation is kernels else scores.astype(np.float64)
    arguments = (left, pairs, by_score(np.full(len(scores), threshold, np.float32)), ANY_AMPLITUDE, ALL_VISIBLE)
    return implementation.pursue(*arguments, limit) if implementation is kernels else implementation.pursue(
        *arguments
    ), left


def agree(scores, pairs):
    (sample, template, value, n_left), left = run(kernels, scores, pairs)
    (sample_ref, template_ref, value_ref), left_ref = run(reference, scores, pairs)
    np.testing.assert_array_equal(sample, sample_ref)
    np.testing.assert_array_equal(template, template_ref)
    # Each score has been changed by the spikes around it only, so rounding errors of few terms add up.
    slack = tolerance(50, 2 * np.abs(scores).max(initial=1.0))
    np.testing.assert_allclose(value, value_ref, rtol=0, atol=slack)
    np.testing.assert_allclose(left, left_ref, rtol=0, atol=slack)
    assert n_left == 0
    assert sample.dtype == template.dtype == np.int64
    assert value.dtype == np.float32
    return sample, template, value


@pytest.mark.parametrize("seed", range(24))
def test_realistic_rates_give_the_greedy_result(seed):
    """50 to 400 spikes a second on 12 contacts, amplitudes 8 to 40 noise SD, overlaps by chance, 1 to 9 templates."""
    agree(*random_case(seed, [5, 10, 20, 40][seed % 4], 1 + seed % 9))


def test_a_hundred_times_too_many_spikes_differ_from_greedy_in_a_few_of_a_hundred():
    """4000 spikes a second on 12 contacts: only where a subtraction raises a third candidate may the order matter."""
    n_differ = n_all = 0
    for seed in range(4):
        scores, pairs = random_case(seed, 400)
        (sample, template, _, n_left), left = run(kernels, scores, pairs)
        (sample_ref, template_ref, _), left_ref = run(reference, scores, pairs)
        ours, theirs = set(zip(sample, template, strict=True)), set(zip(sample_ref, template_ref, strict=True))
        n_differ += len(ours ^ theirs)
        n_all += len(theirs)
        assert n_left == 0
        for rest in (left, left_ref):
            peaks = (rest[:, 1:-1] > rest[:, :-2]) & (rest[:, 1:-1] >= rest[:, 2:])
            assert rest[:, 1:-1][peaks].max() <= THRESHOLD + 1e-4
    assert 0 < n_differ < 0.04 * n_all


def test_tables_without_negative_values_never_differ_on_separate_peaks():
    """Where nothing can be raised, a hundred random sets of peaks on touching templates come out alike."""
    rng = np.random.default_rng(0)
    reach = 6
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
    pairs = as_pairs(np.concatenate([[bell, 0.6 * bell, 0.6 * bell, bell]]), [[0, 1], [0, 1]])
    for _ in range(100):
        scores = np.zeros((2, 120), np.float32)
        for t, k in zip(rng.integers(5, 115, 12), rng.integers(0, 2, 12), strict=True):
            scores[k, t] += rng.uniform(8, 20)
        agree(scores, pairs)


def test_a_subtraction_that_raises_a_third_candidate_is_the_documented_difference():
    """a and b do not touch; c touches both, and removing a (with which it is anti-correlated) lifts c above b."""
    one, against, with_ = [0, 1.0, 0], [0, -0.3, 0], [0, 0.5, 0]
    tables = [one, against, one, with_, against, with_, one]
    pairs = as_pairs(np.array(tables), [[0, 2], [1, 2], [0, 1, 2]])
    scores = np.zeros((3, 9), np.float32)
    scores[:, 4] = 20.0, 10.0, 9.0
    (_, ours, values, _), _ = run(kernels, scores, pairs)
    (_, theirs, _), _ = run(reference, scores, pairs)
    assert (ours.tolist(), values.tolist()) == ([0, 1, 2], [20.0, 10.0, 10.0])
    assert theirs.tolist() == [0, 2]


def test_spikes_accepted_in_one_round_cannot_touch_each_other():
    scores, pairs = random_case(1, 300)
    reach = pairs.tables.shape[1] // 2
    (sample, template, _, n_left), _ = run(kernels, scores, pairs, limit=1)
    assert len(sample) > 10
    assert n_left > 0
    for i in range(len(sample)):
        touched = pairs.neighbours[pairs.offsets[template[i]] : pairs.offsets[template[i] + 1]]
        close = np.flatnonzero((np.abs(sample - sample[i]) <= reach) & np.isin(template, touched))
        assert close.tolist() == [i]


def test_maxima_left_after_the_last_round_are_counted():
    scores = np.zeros((1, 50), np.float32)
    scores[0, [10, 13, 30]] = 22.0, 21.0, 20.0
    (sample, _, _, n_left), _ = run(kernels, scores, isolated(1), limit=1)
    assert (sample.tolist(), n_left) == ([10, 30], 1)
    (sample, _, _, n_left), left = run(kernels, scores, isolated(1), limit=0)
    assert (len(sample), n_left) == (0, 3)
    np.testing.assert_array_equal(left, scores)


@pytest.mark.parametrize("n_templates", [0, 1, 3])
@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 63, 64, 65, 130])
def test_no_spike_in_scores_of_zero(n_templates, n_samples):
    sample, _, _ = agree(np.zeros((n_templates, n_samples), np.float32), isolated(n_templates))
    assert sample.size == 0


@pytest.mark.parametrize("at", [1, 2, 62, 63, 64, 65, 127, 128, 129, 197, 198])
def test_one_spike_anywhere(at):
    scores = np.zeros((2, 200), np.float32)
    scores[1, at] = 9.0
    sample, template, value = agree(scores, isolated(2))
    assert (sample.tolist(), template.tolist(), value.tolist()) == ([at], [1], [9.0])


@pytest.mark.parametrize("at", [0, 199])
def test_the_first_and_the_last_sample_hold_no_peak(at):
    scores = np.zeros((1, 200), np.float32)
    scores[0, at] = 50.0
    assert agree(scores, isolated(1))[0].size == 0


def test_threshold_is_exceeded_not_reached():
    scores = np.zeros((1, 60), np.float32)
    scores[0, [20, 40]] = THRESHOLD, np.nextafter(np.float32(THRESHOLD), np.float32(9))
    assert agree(scores, isolated(1))[0].tolist() == [40]


def test_ties_go_to_the_earlier_then_to_the_lower_template():
    bell = [0.5, 1.0, 0.5]
    pairs = as_pairs(np.array([bell, bell, bell, bell]), [[0, 1], [0, 1]])
    scores = np.zeros((2, 40), np.float32)
    scores[:, 10] = 12.0
    scores[0, 21], scores[1, 20] = 12.0, 12.0
    sample, template, _ = agree(scores, pairs)
    assert list(zip(sample, template, strict=True)) == [(10, 0), (20, 1)]


def test_a_plateau_is_one_spike():
    scores = np.zeros((1, 40), np.float32)
    scores[0, 10:13] = 12.0
    assert agree(scores, as_pairs(np.array([[1.0, 1.0, 1.0, 1.0, 1.0]]), [[0]]))[0].tolist() == [10]


def test_a_template_that_is_nan_finds_nothing_and_leaves_the_others_alone():
    scores = np.zeros((3, 80), np.float32)
    scores[0], scores[2, 40] = np.nan, 9.0
    (sample, template, _, n_left), _ = run(kernels, scores, isolated(3))
    assert (sample.tolist(), template.tolist(), n_left) == ([40], [2], 0)


def test_a_spike_at_every_second_sample():
    scores = np.zeros((2, 601), np.float32)
    scores[:, 1::2] = 9.0
    sample, _, _ = agree(scores, isolated(2, reach=0))
    assert len(sample) == 600
