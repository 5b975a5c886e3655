"""Units whose spikes were matched by moving templates: seen where they were, one where they cannot be told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
from tiny import HZ, refractory_train

from spikesieve.passes.fitting import rarely_seen
from spikesieve.settings.sort import Settings
from spikesieve.stages.sieve import follow, parts
from spikesieve.stages.sieve.compete import Matched
from spikesieve.stages.sieve.follow import FoundUnits, SeenUnits
from spikesieve.stages.sieve.refine import RefineParams
from spikesieve.stages.templates import LearnedTemplates, component_lags
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, TissueParams

SHAPES = tiny.textbook_shapes()
PROBE = tiny.line_probe(8)
STEPS_UM = np.arange(-8.0, 9.0)
PARAMS = RefineParams()


def footprint(y_um: float, moved_um: float, size: float = 15.0) -> np.ndarray:
    """(n_contacts, n_pcs) of a neuron at y_um that the tissue carried up."""
    away = PROBE.positions_um[:, 1] - y_um - moved_um
    # Two shapes of different spread: what is seen changes in form, not only in size.
    near, wide = np.exp(-((away / 22) ** 2)), 0.3 * np.exp(-((away / 45) ** 2))
    return size * (near[:, None] * SHAPES.templates[0] + wide[:, None] * SHAPES.templates[2])


def moving(footprints: list) -> MovingTemplates:
    scores = np.stack([[of(d) for of in footprints] for d in STEPS_UM]).astype(np.float32)
    contacts = np.tile(np.arange(8), (*scores.shape[:2], 1))
    still = len(STEPS_UM) // 2
    rest = LearnedTemplates(contacts[still], scores[still], np.full(len(footprints), 500))
    return MovingTemplates(rest, STEPS_UM, contacts, scores)


def matched_by(before: MovingTemplates, actual, source_of, seed: int = 0):
    """Spikes of one neuron, `actual(displacement)`, found by the template source_of(displacement) during a zigzag."""
    rng = np.random.default_rng(seed)
    sample = refractory_train(10.0, 160.0, rng)
    step = np.round(8 + 8 * (1 - 4 * np.abs((sample / HZ / 40) % 1 - 0.5))).astype(np.int64)
    source = np.array([source_of(d) for d in STEPS_UM[step]], np.int32)
    features = np.stack([actual(d) for d in STEPS_UM[step]]) + rng.standard_normal((len(sample), 8, 6))
    features += before.rest.scores[source] - before.scores[step, source]
    one = np.ones(len(sample), np.float32)
    matched = Matched(
        sample,
        source,
        features.astype(np.float32),
        one,
        one,
        one,
        before.rest.contacts,
        before.rest.scores,
        SHAPES.pcs,
        HZ,
        160.0,
    )
    return matched, step


def seen_of(matched: Matched, step: np.ndarray, before: MovingTemplates) -> list[Observed]:
    return follow.seen_on_probe(matched, units_of(matched, before.rest), step, before, 2).seen


def units_of(matched: Matched, templates: LearnedTemplates) -> FoundUnits:
    return FoundUnits(templates, np.arange(len(templates)), matched.source.astype(np.int64), matched.amplitude)


def without(matched: Matched, spikes: np.ndarray) -> Matched:
    fields = ("sample", "source", "features", "excess", "amplitude", "size")
    return replace(matched, **{name: getattr(matched, name)[~spikes] for name in fields})


def beside(a: Matched, b: Matched) -> Matched:
    """Times and sources of both."""
    return replace(a, sample=np.concatenate([a.sample, b.sample]), source=np.concatenate([a.source, b.source]))


def join(matched: Matched, seen: list[Observed], before: MovingTemplates) -> list[int]:
    units = SeenUnits(units_of(matched, before.rest), seen, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    became, moving = parts.joined(units, matched, tissue, PARAMS)
    assert len(moving.rest) == len(set(became.tolist()))
    return became.tolist()


def actual(moved_um: float) -> np.ndarray:
    return footprint(75.0, moved_um)


def wrong_above(moved_um: float) -> np.ndarray:
    """Right where the tissue is low, as if it stood still where it is high."""
    return footprint(75.0, min(moved_um, 0.0))


def wrong_below(moved_um: float) -> np.ndarray:
    return footprint(75.0, max(moved_um, 0.0) + 4.0)


def test_what_is_seen_is_what_is_there_whatever_template_found_it():
    before = moving([wrong_above, wrong_below])
    matched, step = matched_by(before, actual, lambda d: int(d > 2))
    for seen in seen_of(matched, step, before):
        assert len(seen.n_spikes) >= 3
        for moved_um, mean, n in zip(seen.displacement_um, seen.means, seen.n_spikes, strict=True):
            # A bin is 2 um wide.
            near = min(np.linalg.norm(mean - actual(moved_um + e)) for e in np.linspace(-1, 1, 9))
            assert near < 1.3 * np.sqrt(mean.size / n) + 0.5


def test_one_neuron_seen_by_two_templates_becomes_one_that_is_right_everywhere():
    before = moving([wrong_above, wrong_below])
    # Around the turn either template finds it.
    matched, step = matched_by(before, actual, lambda d: int(d > 1 or d == -1))
    seen = seen_of(matched, step, before)
    assert parts.seen_together(*seen) < 0.5
    became = join(matched, seen, before)
    assert became == [0, 0]
    units = LearnedTemplates(before.rest.contacts, before.rest.scores, np.bincount(matched.source))
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    after = follow.followed_again(SeenUnits(units_of(matched, units), seen, before), np.array(became), tissue)
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
    seen = [seen_of(a, step_a, before)[0], seen_of(b, step_b, before)[1]]
    assert parts.seen_together(*seen) > 0.9
    distance = parts.distance_where_seen(*seen, component_lags(SHAPES.pcs), 15)
    truth = np.median([np.linalg.norm(here(d) - there(d)) for d in STEPS_UM])
    assert distance == pytest.approx(truth, rel=0.2)
    assert join(beside(a, b), seen, before) == [0, 1]


def test_one_neuron_whose_parts_never_meet_becomes_one():
    """Large, so that either part is far from the other's template in noise SD; three um apart at the closest."""
    large = [lambda d, f=f: 4 * f(d) for f in (wrong_above, wrong_below)]
    before = moving(large)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d > 0))
    meeting = (STEPS_UM[step] > -2) & (STEPS_UM[step] < 3)
    matched, step = without(matched, meeting), step[~meeting]
    seen = seen_of(matched, step, before)
    assert parts.seen_together(*seen) == 0
    assert parts.distance_where_seen(*seen, component_lags(SHAPES.pcs), 1) == np.inf
    assert join(matched, seen, before) == [0, 0]


def test_what_two_parts_show_together_brings_the_third_to_them():
    """Three parts without a common displacement: the outer ones are the least like each other."""
    blind = [
        lambda d, f=f: 4 * footprint(75.0, f(d)) for f in (lambda d: min(d, -3.0), lambda d: 0.0, lambda d: max(d, 3.0))
    ]
    before = moving(blind)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d >= -3) + int(d >= 4))
    seen = seen_of(matched, step, before)
    units = SeenUnits(units_of(matched, before.rest), seen, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())

    def like(a: list[int], b: list[int]) -> float:
        looks = []
        for some in (a, b):
            became = np.full(3, -1)
            became[some] = some[0]
            looks.append(follow.followed_again(units, became, tissue))
        return parts.likeness_where_expected(*looks, *(follow.seen_of_all([seen[k] for k in some]) for some in (a, b)))

    assert max(like([0], [1]), like([1], [2])) > like([0], [2])
    assert like([0, 1], [2]) > like([0], [2])
    limit = (like([0, 1], [2]) + like([0], [2])) / 2
    params = PARAMS.model_copy(update={"merge_similarity_across_drift": limit, "merge_distance_across_drift_sd": 0.0})
    assert parts.joined(units, matched, tissue, params)[0].tolist() == [0, 0, 0]


def test_a_part_that_may_not_join_the_likeliest_joins_the_next(monkeypatch):
    before = moving([lambda d: 4 * actual(d)] * 3)
    matched, step = matched_by(before, lambda d: 4 * actual(d), lambda d: int(d >= -3) + int(d >= 4))
    seen = seen_of(matched, step, before)
    units = SeenUnits(units_of(matched, before.rest), seen, before)
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    params = PARAMS.model_copy(update={"merge_distance_across_drift_sd": 0.0})
    assert parts.joined(units, matched, tissue, params)[0].tolist() == [0, 0, 0]
    tried = []

    def odds(a, b, _hz):
        tried.append({len(a), len(b)})
        return -9.0 if tried[-1] == tried[0] else 0.0

    monkeypatch.setattr(parts, "log_odds_one", odds)
    # The next pair is joined, and of both together nothing speaks against the third.
    assert parts.joined(units, matched, tissue, params)[0].tolist() == [0, 0, 0]


def test_parts_seen_at_the_same_displacements_are_not_expected_anywhere_else():
    before = moving([actual, actual])
    matched, step = matched_by(before, actual, lambda _: 0)
    seen = seen_of(matched, step, before)[0]
    assert parts.seen_together(seen, seen) == 1
    twice = follow.seen_of_all([seen, seen])
    assert parts.seen_together(seen, twice) == 1
    look = before.take(np.array([0]), np.array([500]))
    assert parts.likeness_where_expected(look, look, seen, twice) == -1


def test_two_neurons_that_never_meet_stay_two():
    there = lambda d: footprint(92.0, d)  # noqa: E731
    before = moving([actual, there])
    low, step_low = matched_by(before, actual, lambda _: 0)
    high, step_high = matched_by(before, there, lambda _: 1, seed=1)
    low, step_low = without(low, STEPS_UM[step_low] > -2), step_low[STEPS_UM[step_low] <= -2]
    high, step_high = without(high, STEPS_UM[step_high] < 3), step_high[STEPS_UM[step_high] >= 3]
    seen = [seen_of(low, step_low, before)[0], seen_of(high, step_high, before)[1]]
    both = replace(
        low, sample=np.concatenate([low.sample, high.sample]), source=np.concatenate([low.source, high.source])
    )
    assert join(both, seen, before) == [0, 1]


def test_where_nothing_moves_the_units_are_the_templates():
    before = moving([actual])
    still = MovingTemplates(before.rest, np.zeros(1), before.contacts[8:9], before.scores[8:9])
    units = LearnedTemplates(before.rest.contacts, 1.1 * before.rest.scores, np.array([80]))
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    nothing = Observed(np.zeros(0), np.zeros((0, 8), np.int64), np.zeros((0, 8, 6)), np.zeros(0, np.int64))
    zero = np.zeros(1, np.int64)
    after = follow.followed_again(SeenUnits(FoundUnits(units, zero, zero, zero), [nothing], still), zero, tissue)
    np.testing.assert_array_equal(after.scores[0], units.scores)


def test_templates_of_neurons_too_rare_to_be_learned_stay_as_they_were():
    before = moving([actual, wrong_above, wrong_below])
    before = before.take(np.arange(3), np.array([500, 40, 40]))
    settings = Settings()
    # A quarter of the recording was learned from: 10 spikes each of the last two, of which one was found.
    rare = rarely_seen(before, np.array([0, 2]), 0.25, settings)
    assert rare.rest.n_spikes.tolist() == [10]
    np.testing.assert_array_equal(rare.scores[:, 0], before.scores[:, 1])
    assert len(rarely_seen(before, np.array([0, 2]), 1.0, settings).rest) == 0
    both = follow.together(before.take(np.array([0]), np.array([125])), rare)
    assert both.rest.n_spikes.tolist() == [125, 10]
    np.testing.assert_array_equal(both.scores, before.scores[:, :2])
    np.testing.assert_array_equal(both.at(np.array([3, 5])).scores[1], before.scores[5, 1])
