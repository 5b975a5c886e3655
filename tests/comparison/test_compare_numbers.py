"""Kilosort's score, relations, template similarity, collisions, lag, and the parts of the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from make_sides import small, traces
from tiny import BACKEND, line_probe, line_templates, textbook_shapes, traces_with

from spikesieve.comparison import SpikeTrains, agreement
from spikesieve.comparison.agreement import MatchWindows
from spikesieve.comparison.collisions import collision_recall, found_spikes
from spikesieve.comparison.divergence import matrix_difference, trace_lag
from spikesieve.comparison.kilosort_score import kilosort_scores
from spikesieve.comparison.relations import relate_units
from spikesieve.comparison.template_similarity import CommonContacts, template_similarity
from spikesieve.comparison.truth_comparison import compare_with_truth
from spikesieve.comparison.truth_rows import TrueUnitProperties
from spikesieve.model.external import UnitWaveforms
from spikesieve.stages.match import make_matcher
from spikesieve.stages.oracle import best_cuts, match_weak, true_components, true_templates

FS = 30_000.0
WINDOW = 12


def trains(*spikes: np.ndarray | list[int]) -> SpikeTrains:
    """Unit k has the spikes of the k-th list."""
    sample = np.concatenate([np.asarray(times, np.int64) for times in spikes])
    unit = np.repeat(np.arange(len(spikes)), [len(times) for times in spikes])
    return SpikeTrains.from_spikes(sample, unit)


def steady(n: int, start: int = 0) -> np.ndarray:
    return start + 1000 * np.arange(n)


# Kilosort's score


def test_kilosort_score_is_one_minus_misses_minus_false_positives() -> None:
    truth = trains(steady(100))
    found = trains(np.concatenate([steady(80), steady(20, 500)]))
    scores = kilosort_scores(truth, found, FS)
    assert scores.score.tolist() == pytest.approx([1 - 0.2 - 0.2])
    assert scores.best.tolist() == [0]


def test_kilosort_score_takes_spikes_up_to_a_fifth_of_a_millisecond_apart() -> None:
    truth = trains(steady(100, 100))
    assert kilosort_scores(truth, trains(steady(100, 106)), FS).score[0] == 1.0
    assert kilosort_scores(truth, trains(steady(100, 107)), FS).score[0] == 0.0


def test_oracle_merges_join_what_was_split_and_nothing_else() -> None:
    truth = trains(steady(100), steady(50, 300))
    found = trains(steady(100)[:60], steady(100)[60:95], steady(50, 300), steady(500, 600))
    scores = kilosort_scores(truth, found, FS)
    np.testing.assert_allclose(scores.score, [0.6, 1.0])
    np.testing.assert_allclose(scores.merged_score, [0.95, 1.0])
    assert scores.n_merged.tolist() == [2, 1]
    assert (scores.n_correct, scores.n_correct_merged) == (1, 2)


def test_a_merge_that_brings_more_false_spikes_than_true_ones_is_not_made() -> None:
    truth = trains(steady(100))
    found = trains(steady(100)[:80], np.concatenate([steady(100)[80:], steady(100, 500)]))
    scores = kilosort_scores(truth, found, FS)
    assert (scores.merged_score[0], scores.n_merged[0]) == (pytest.approx(0.8), 1)


def test_a_true_unit_without_a_matched_spike_scores_zero() -> None:
    scores = kilosort_scores(trains(steady(10)), trains(steady(10, 400)), FS)
    assert (scores.score.tolist(), scores.best.tolist(), scores.n_merged.tolist()) == ([0.0], [-1], [0])


# Relations


def test_units_are_matched_split_merged_partial_or_alone() -> None:
    a = trains(steady(100), steady(100, 200), steady(60, 400), steady(40, 450), steady(50, 600), steady(100, 800))
    both = np.sort(np.concatenate([steady(60, 400), steady(40, 450)]))
    second = steady(100, 200)
    extra = np.concatenate([steady(20, 800), steady(90, 900)])
    b = trains(steady(100), second[:45], second[45:], np.concatenate([both, steady(110, 700)]), extra)
    found = relate_units(agreement(a, b, FS), WINDOW)
    assert [row.relation for row in found.a] == ["matched", "matched", "merged", "merged", "alone", "partial"]
    assert found.a[1].others == (1, 2)
    assert [row.others for row in found.a[2:4]] == [(3,), (3,)]
    assert [row.n_only for row in found.a] == [0, 0, 0, 0, 50, 80]
    assert found.pairs.tolist() == [[0, 0], [1, 2]]
    assert [row.n_only for row in found.b] == [0, 0, 0, 110, 90]


def test_an_evenly_split_unit_is_split() -> None:
    whole = steady(100)
    found = relate_units(agreement(trains(whole), trains(whole[:34], whole[34:67], whole[67:]), FS), WINDOW)
    assert (found.a[0].relation, found.a[0].others) == ("split", (0, 1, 2))
    assert [row.relation for row in found.b] == ["merged"] * 3
    two = relate_units(agreement(trains(whole), trains(whole[:45], whole[45:90]), FS), WINDOW)
    assert (two.a[0].relation, two.a[0].others) == ("split", (0, 1))


def test_a_spike_that_coincides_with_an_unrelated_unit_is_in_one_sorting_only() -> None:
    a, b = trains(steady(100), steady(100, 500)), trains(steady(100), np.append(steady(100, 5_000_000), 500))
    found = relate_units(agreement(a, b, FS), WINDOW)
    assert found.only_a.sum() == 100


# Template similarity


def slow_similarity(a: np.ndarray, b: np.ndarray, reach: int) -> tuple[float, int]:
    best, n = (-2.0, 0), len(a)
    for shift in sorted(range(-reach, reach + 1), key=abs):
        moved = np.zeros_like(b)
        for t in range(n):
            if 0 <= t + shift < n:
                moved[t] = b[t + shift]
        value = float((a * moved).sum() / np.linalg.norm(a) / np.linalg.norm(b))
        best = (value, shift) if value > best[0] + 1e-9 else best
    return best


def test_similarity_is_the_largest_normalised_product_over_lags() -> None:
    values = small().raw.astype(np.float32)
    late = np.roll(values, 4, axis=1)[:, :, ::-1][:, :, ::-1]
    every = np.arange(values.shape[2])
    found = template_similarity(
        UnitWaveforms(values, 41, ""), UnitWaveforms(3 * late, 41, ""), CommonContacts(every, every, None), FS
    )
    for i in range(4):
        for j in range(4):
            value, lag = slow_similarity(values[i], late[j], 12)
            assert found.similarity[i, j] == pytest.approx(value, abs=2e-3)
            if i == j:
                assert found.lag_samples[i, j] == lag == 4


def test_windows_are_aligned_at_the_peak() -> None:
    values = small().raw.astype(np.float32)
    every = np.arange(values.shape[2])
    a, b = UnitWaveforms(values, 41, ""), UnitWaveforms(values[:, 21:], 20, "")
    found = template_similarity(a, b, CommonContacts(every, every, None), FS)
    assert np.diag(found.similarity).min() > 0.999
    assert not np.diag(found.lag_samples).any()


# Collisions


def test_recall_of_collisions_by_lag_and_similarity() -> None:
    truth = trains([1000, 20_000, 50_000], [1015, 20_045, 50_030], [90_000])
    found = np.array([True, False, True, True, False, True, True])
    similarity = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], np.float32)
    recall = collision_recall(truth, found, similarity, FS)
    assert recall.n_spikes.sum(axis=1).tolist() == [0, 0, 0, 0, 6]
    at = {int(lag): int(np.searchsorted(recall.lag_edges_ms, lag / 30, side="right") - 1) for lag in (15, 30, 45, -15)}
    assert recall.recall[4, at[15]] == 1.0  # 1000 was found, 1015 comes later
    assert recall.recall[4, at[-15]] == 0.0
    assert recall.recall[4, at[45]] == 1.0
    assert np.isnan(recall.recall[0]).all()


def test_found_spikes_are_those_of_the_matched_unit() -> None:
    truth, found = trains([100, 200, 300], [150]), trains([105, 290, 330], [150])
    np.testing.assert_array_equal(found_spikes(truth, found, np.array([0, -1]), WINDOW), [True, False, False, True])


# Truth table


def test_classes_of_true_and_sorted_units() -> None:
    truth = trains(steady(100), steady(100, 200), steady(50, 400), steady(45, 430), steady(20, 700))
    both = np.sort(np.concatenate([steady(50, 400), steady(45, 430)]))
    found = trains(steady(100), steady(100, 200)[:60], steady(100, 200)[60:], both, steady(30, 900))
    unknown = np.full(5, np.nan)
    oracle = np.array([1.0, 0.8, np.nan, 0.5, 0.0])
    properties = TrueUnitProperties(np.arange(5.0), unknown, unknown, unknown, None, oracle)
    entry = compare_with_truth(truth, found, "x", properties, MatchWindows(FS, 0.4, 0.2))
    assert [row.status for row in entry.rows] == ["well_detected", "detected", "detected", "overmerged", "missed"]
    assert [row.status for row in entry.sorted_rows] == [
        *("well_detected", "detected", "redundant", "overmerged", "false_positive"),
    ]
    np.testing.assert_allclose([row.fraction_of_oracle for row in entry.rows], [1.0, 0.75, np.nan, 0.0, np.nan])
    assert {one.property for one in entry.bins} == {"rate_hz"}
    assert sum(one.n_units for one in entry.bins) == 5


# Divergence


@pytest.mark.parametrize("lag", [0, 17, -60])
def test_the_lag_between_traces_is_found_and_reported(lag: int) -> None:
    values = traces(4000).astype(np.float32)
    start = 100
    a, b = values[start : start + 3000], -0.3 * -values[start - lag : start - lag + 3000]
    found = trace_lag(a, b, ("old", "new"), FS)
    assert found.lag_samples == lag
    if lag:
        later, earlier = ("new", "old") if lag > 0 else ("old", "new")
        assert f"of {later} come {abs(lag)} samples" in found.sentence
        assert f"those of {earlier}" in found.sentence
    else:
        assert "are aligned" in found.sentence


def test_uncorrelated_traces_are_reported() -> None:
    found = trace_lag(traces(3000, 1).astype(np.float32), traces(3000, 2).astype(np.float32), ("a", "b"), FS)
    assert "do not correlate" in found.sentence


def test_matrices_are_compared_up_to_a_factor() -> None:
    matrix = np.random.default_rng(0).random((5, 5))
    same = matrix_difference(matrix, 200 * matrix)
    assert same is not None
    assert same.relative == pytest.approx(0)
    other = matrix_difference(matrix, np.eye(5))
    assert other is not None
    assert other.relative > 0.5
    assert matrix_difference(matrix, np.eye(4)) is None


# Parts of the oracle


def test_the_oracle_finds_what_its_templates_made_and_knows_their_size() -> None:
    shapes, n_contacts = textbook_shapes(), 12
    made = line_templates(shapes, [3, 8], n_contacts, size=9.0)
    white = (made.dense(n_contacts) @ shapes.pcs).transpose(0, 2, 1).astype(np.float32)
    own = true_components(white, 6, shapes.peak_index)
    templates = true_templates(white, np.array([400, 400]), line_probe(n_contacts), own)
    np.testing.assert_allclose(templates.norms, 9.0, rtol=0.05)
    spikes = [(300 + 400 * k, k % 2, 1.0) for k in range(8)] + [(3600, 0, 1.0)]
    noisy = traces_with(made, shapes, n_contacts, 4000, spikes, noise_sd=1.0)
    matcher = make_matcher(templates, templates.contacts[:, :1], n_contacts, own)
    sample, unit, value = match_weak(noisy, matcher, 50, BACKEND)
    truth = [np.array([t for t, k, _ in sorted(spikes) if k == unit_]) for unit_ in (0, 1)]
    cuts = best_cuts(truth, [sample[unit == k] for k in (0, 1)], [value[unit == k] for k in (0, 1)], WINDOW)
    for k in (0, 1):
        kept = np.sort(sample[(unit == k) & (value >= cuts[k])])
        np.testing.assert_allclose(kept, truth[k], atol=3)


def test_the_best_cut_leaves_out_false_spikes_and_keeps_true_ones() -> None:
    truth = np.array([100, 200, 300, 400])
    found = np.array([100, 150, 200, 250, 300, 401])
    value = np.array([9, 4, 8, 5, 6, 3], np.float32)
    assert best_cuts([truth], [found], [value], 5) == [6.0]
    few = np.array([100, 150, 200])
    assert best_cuts([truth], [few], [np.array([9, 8, 7], np.float32)], 5) == [7.0]
    assert best_cuts([truth], [np.array([50])], [np.array([9], np.float32)], 5) == [float("inf")]
