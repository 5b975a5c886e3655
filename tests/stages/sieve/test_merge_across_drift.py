"""One neuron that is found as several units at different displacements becomes one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drifting_cases import (
    PROBE,
    REFINE,
    SHAPES,
    STEPS_UM,
    actual,
    beside,
    footprint,
    matched_by,
    moving,
    observed_of,
    seconds_of,
    units_of,
    without,
    wrong_above,
    wrong_below,
)

from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.sieve import merge_across_drift as merge_across_drift_module
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.merge_across_drift import (
    distance_where_observed,
    merge_across_drift,
    overlap_of_displacements,
    similarity_where_predicted,
)
from spikesieve.stages.sieve.moving_units import (
    FoundUnits,
    MatchedSteps,
    ObservedUnits,
    concatenate_observed,
    observe_units,
    units_as_moving_templates,
)
from spikesieve.stages.templates import LearnedTemplates, component_lags
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue


def observed_units(
    matched: DescribedSpikes, units: FoundUnits, observed: list[Observed], before: MovingTemplates
) -> ObservedUnits:
    trains = [matched.sample[matched.template == k] for k in range(len(observed))]
    return ObservedUnits(units, observed, before, seconds_of(before), trains)


def merged(matched: DescribedSpikes, observed: list[Observed], before: MovingTemplates) -> list[int]:
    units = observed_units(matched, units_of(matched, before.rest), observed, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    merged_into, moving = merge_across_drift(units, matched, tissue, REFINE)
    assert len(moving.rest) == len(set(merged_into.tolist()))
    return merged_into.tolist()


def test_one_neuron_seen_by_two_templates_becomes_one_that_is_right_everywhere():
    before = moving([wrong_above, wrong_below])
    # Around the turn either template finds it.
    matched, step = matched_by(before, actual, lambda d: int(d > 1 or d == -1))
    observed = observed_of(matched, step, before)
    assert overlap_of_displacements(*observed) < 0.5
    merged_into = merged(matched, observed, before)
    assert merged_into == [0, 0]
    units = LearnedTemplates(before.rest.contacts, before.rest.scores, np.bincount(matched.template))
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    after = units_as_moving_templates(
        observed_units(matched, units_of(matched, units), observed, before), np.array(merged_into), tissue
    )
    assert len(after.rest) == 1
    assert after.rest.n_spikes.tolist() == [len(matched.sample)]
    for k, moved_um in enumerate(STEPS_UM):
        right = actual(moved_um)
        assert np.linalg.norm(after.scores[k, 0] - right) < 0.15 * np.linalg.norm(right)
    assert np.linalg.norm(before.scores[-1, 0] - actual(8.0)) > 0.25 * np.linalg.norm(actual(8.0))


def test_two_neurons_that_are_always_seen_together_stay_two():
    here, there = actual, lambda d: footprint(79.0, d)
    before = moving([here, there])
    a, step_a = matched_by(before, here, lambda _: 0)
    b, step_b = matched_by(before, there, lambda _: 1, seed=1)
    observed = [observed_of(a, step_a, before)[0], observed_of(b, step_b, before)[1]]
    assert overlap_of_displacements(*observed) > 0.9
    distance = distance_where_observed(*observed, component_lags(SHAPES.pcs), 15)
    truth = np.median([np.linalg.norm(here(d) - there(d)) for d in STEPS_UM])
    assert distance == pytest.approx(truth, rel=0.2)
    assert merged(beside(a, b), observed, before) == [0, 1]


def test_a_few_spikes_that_look_like_those_of_a_unit_are_its_own():
    """Fewer than a unit has: it had never been compared, and was a unit beside its neuron."""
    lags, contacts = component_lags(SHAPES.pcs), np.arange(3)[None]
    mean = np.zeros((1, 3, lags.shape[0]))
    mean[0, :, 0] = 9.0, 6.0, 3.0
    neuron, few, other = (
        Observed(STEPS_UM[:1], contacts, m, np.array([n])) for m, n in ((mean, 400), (mean, 9), (2 * mean, 9))
    )
    assert distance_where_observed(neuron, few, lags, 20) < 1
    assert distance_where_observed(neuron, other, lags, 20) > 6
    elsewhere = Observed(STEPS_UM[:2], contacts.repeat(2, axis=0), mean.repeat(2, axis=0), np.array([4, 9]))
    assert distance_where_observed(neuron, elsewhere, lags, 20) == np.inf


def test_one_neuron_whose_parts_never_meet_becomes_one():
    """Large, so that either part is far from the other's template in noise SD; three um apart at the closest."""
    large = [lambda d, f=f: 4 * f(d) for f in (wrong_above, wrong_below)]
    before = moving(large)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d > 0))
    meeting = (STEPS_UM[step] > -2) & (STEPS_UM[step] < 3)
    matched, step = without(matched, meeting), step[~meeting]
    observed = observed_of(matched, step, before)
    assert overlap_of_displacements(*observed) == 0
    assert distance_where_observed(*observed, component_lags(SHAPES.pcs), 1) == np.inf
    assert merged(matched, observed, before) == [0, 0]


def test_what_two_parts_show_together_makes_the_third_similar_enough():
    """Three parts without a common displacement: the outer ones are the least like each other."""
    blind = [
        lambda d, f=f: 4 * footprint(75.0, f(d)) for f in (lambda d: min(d, -3.0), lambda d: 0.0, lambda d: max(d, 3.0))
    ]
    before = moving(blind)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d >= -3) + int(d >= 4))
    observed = observed_of(matched, step, before)
    units = observed_units(matched, units_of(matched, before.rest), observed, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())

    def like(a: list[int], b: list[int]) -> float:
        looks = []
        for some in (a, b):
            merged_into = np.full(3, -1)
            merged_into[some] = some[0]
            looks.append(units_as_moving_templates(units, merged_into, tissue))
        return similarity_where_predicted(
            *looks, *(concatenate_observed([observed[k] for k in some]) for some in (a, b))
        )

    assert max(like([0], [1]), like([1], [2])) > like([0], [2])
    assert like([0, 1], [2]) > like([0], [2])
    limit = (like([0, 1], [2]) + like([0], [2])) / 2
    params = REFINE.model_copy(update={"same_similarity_apart": limit, "same_distance_apart": 0.0})
    assert merge_across_drift(units, matched, tissue, params)[0].tolist() == [0, 0, 0]


def test_a_unit_that_may_not_merge_with_the_most_similar_one_merges_with_the_next(monkeypatch):
    before = moving([lambda d: 4 * actual(d)] * 3)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d >= -3) + int(d >= 4))
    observed = observed_of(matched, step, before)
    units = observed_units(matched, units_of(matched, before.rest), observed, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    params = REFINE.model_copy(update={"same_distance_apart": 0.0})
    assert merge_across_drift(units, matched, tissue, params)[0].tolist() == [0, 0, 0]
    tried = []

    def odds(a, b, _hz):
        tried.append({len(a), len(b)})
        return -9.0 if tried[-1] == tried[0] else 0.0

    monkeypatch.setattr(merge_across_drift_module, "log_odds_one_neuron", odds)
    # The next pair is joined, and of both together nothing speaks against the third.
    assert merge_across_drift(units, matched, tissue, params)[0].tolist() == [0, 0, 0]


def test_parts_seen_at_the_same_displacements_are_not_expected_anywhere_else():
    before = moving([actual, actual])
    matched, step = matched_by(before, actual, lambda _: 0)
    observed = observed_of(matched, step, before)[0]
    assert overlap_of_displacements(observed, observed) == 1
    twice = concatenate_observed([observed, observed])
    assert overlap_of_displacements(observed, twice) == 1
    look = before.take(np.array([0]), np.array([500]))
    assert similarity_where_predicted(look, look, observed, twice) == -1


def test_two_neurons_that_never_meet_stay_two():
    there = lambda d: footprint(92.0, d)  # noqa: E731
    before = moving([actual, there])
    low, step_low = matched_by(before, actual, lambda _: 0)
    high, step_high = matched_by(before, there, lambda _: 1, seed=1)
    low, step_low = without(low, STEPS_UM[step_low] > -2), step_low[STEPS_UM[step_low] <= -2]
    high, step_high = without(high, STEPS_UM[step_high] < 3), step_high[STEPS_UM[step_high] >= 3]
    observed = [observed_of(low, step_low, before)[0], observed_of(high, step_high, before)[1]]
    both = replace(
        low, sample=np.concatenate([low.sample, high.sample]), template=np.concatenate([low.template, high.template])
    )
    assert merged(both, observed, before) == [0, 1]


def halves_of(neurons: list[tuple[float, float]], rates: list[tuple[float, float]]):
    """Units of neurons at a depth that the tissue carries from -8 to 8 um at once, one for either side of each.

    Above, a footprint has a part that nothing below tells of. `rates`: share of its spikes that each unit keeps.
    """
    rng = np.random.default_rng(5)
    looks, spikes, steps = [], [], []
    for y_um, rough in neurons:
        strange = footprint(y_um, 8.0) * rng.standard_normal((8, 6)) * rough
        looks += [lambda d, y=y_um: footprint(y, d), lambda d, y=y_um, more=strange: footprint(y, d) + more]
    before = moving(looks)
    for k, look in enumerate(looks):
        side, share = k % 2, rates[k // 2][k % 2]
        matched, step = matched_by(before, look, lambda _, k=k: k, seed=k)
        lost = (STEPS_UM[step] > 0) != side
        lost |= rng.random(len(lost)) > share
        matched, step = without(matched, lost), step[~lost]
        spikes.append(matched)
        steps.append(np.full(len(step), 16 * side))
    columns = ("sample", "template", "features", "excess", "amplitude", "norm_ratio")
    everything = {name: np.concatenate([getattr(one, name) for one in spikes]) for name in columns}
    return replace(spikes[0], **everything), np.concatenate(steps), before


def merged_after_a_jump(neurons: list[tuple[float, float]], rates: list[tuple[float, float]]) -> list[int]:
    matched, step, before = halves_of(neurons, rates)
    seconds = np.zeros((len(STEPS_UM), len(before.rest)))
    seconds[[0, 16]] = 80.0
    found = LearnedTemplates(before.rest.contacts, before.rest.scores, np.bincount(matched.template))
    units = observe_units(matched, units_of(matched, found), MatchedSteps(before, step, seconds, 2))
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    return merge_across_drift(units, matched, tissue, REFINE)[0].tolist()


def test_halves_of_neurons_on_either_side_of_a_jump_find_each_other():
    neurons, same = [(40.0, 0.8), (75.0, 0.8), (110.0, 0.8)], [(1.0, 1.0)] * 3
    assert merged_after_a_jump(neurons, same) == [0, 0, 2, 2, 4, 4]


def test_a_half_whose_other_half_is_missing_does_not_take_a_much_rarer_neuron():
    assert merged_after_a_jump([(75.0, 0.8)], [(1.0, 1.0)]) == [0, 0]
    assert merged_after_a_jump([(75.0, 0.8)], [(1.0, 0.05)]) == [0, 1]
