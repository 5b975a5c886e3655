"""Curation merges the parts of a neuron, leaves out echoes and double detections, counts them, and says why."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TIME, refractory_train, sorted_time

from spikesieve.stages import curate
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.curate import CompareSides, CurateParams, UnitSpikes
from spikesieve.stages.templates import LearnedTemplates

PARAMS = CurateParams()
SHAPES = tiny.textbook_shapes()
N_CONTACTS = 16
SECONDS = 200.0


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, SECONDS, np.random.default_rng(seed))


def halves(whole: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    left = np.random.default_rng(seed).random(len(whole)) < 0.5
    return whole[left], whole[~left]


def units(trains: list[np.ndarray], centres: list[int], sizes: list[float] | None = None):
    """Trains and templates; templates at the same centre have the same shape."""
    sizes = sizes or [20.0] * len(trains)
    each = [tiny.line_templates(SHAPES, [c], N_CONTACTS, s) for c, s in zip(centres, sizes, strict=True)]
    means = LearnedTemplates(
        np.concatenate([t.contacts for t in each]),
        np.concatenate([t.scores for t in each]),
        np.array([len(t) for t in trains], np.int64),
    )
    sample = np.concatenate(trains)
    unit = np.repeat(np.arange(len(trains)), [len(t) for t in trains])
    order = np.argsort(sample, kind="stable")
    return sample[order], unit[order], means


def curated(trains, centres, sizes=None, params: CurateParams = PARAMS):
    sample, unit, means = units(trains, centres, sizes)
    out, kept, notes = curate.curate(UnitSpikes(sample, unit, TIME), means, N_CONTACTS, SHAPES, params)
    assert len(out.sample) == len(sample)
    counts = np.bincount(out.unit[out.unit >= 0], minlength=len(kept))
    np.testing.assert_array_equal(counts, kept.n_spikes)
    assert (counts > 0).all()
    return out, kept, notes


# Two trains


def test_verdicts():
    one, two = halves(train(20.0, 1))
    assert curate.compare_trains(one, two, TIME, PARAMS) is Verdict.ONE
    assert curate.compare_trains(train(20.0, 1), train(20.0, 2), TIME, PARAMS) is Verdict.TWO
    assert curate.compare_trains(train(20.0, 1)[::100], train(20.0, 2)[::100], TIME, PARAMS) is Verdict.UNDECIDED


@pytest.mark.parametrize("turn_s", [1.0, 5.0, 20.0])
def test_that_high_rates_never_fire_together_is_no_evidence_of_one_train(turn_s):
    """Two neurons of two places: pairs become more with the lag, so that lag 0 is empty without a refractory period."""
    one, other = (train(60.0, seed) for seed in (1, 2))
    first, second = (
        (one / TIME.sampling_hz % (2 * turn_s) < turn_s),
        (other / TIME.sampling_hz % (2 * turn_s) >= turn_s),
    )
    assert curate.compare_trains(one[first], other[second], TIME, PARAMS) is not Verdict.ONE
    assert curate.compare_trains(*halves(one[first]), TIME, PARAMS) is Verdict.ONE


def test_the_comparison_of_two_sides_survives_pickling():
    one, two = halves(train(20.0, 1))
    sample = np.concatenate([one, train(20.0, 2), two])
    compare = pickle.loads(pickle.dumps(CompareSides(sample, TIME, PARAMS)))  # noqa: S301
    a, other, b = np.split(np.arange(len(sample)), [len(one), len(sample) - len(two)])
    assert compare(a, b) is Verdict.ONE
    assert compare(a, other) is Verdict.TWO


def test_trains_may_come_in_any_order():
    one, two = halves(train(20.0, 1))
    assert curate.compare_trains(one[::-1], np.roll(two, 7), TIME, PARAMS) is Verdict.ONE


def test_a_refractory_train_is_good_and_a_mixture_is_not():
    assert curate.is_refractory(train(20.0, 1), TIME, PARAMS)
    mixture = np.sort(np.concatenate([train(20.0, s) for s in range(4)]))
    assert not curate.is_refractory(mixture, TIME, PARAMS)


# Merges


def test_halves_of_a_neuron_are_merged_and_two_neurons_are_not():
    one, two = halves(train(20.0, 1))
    _, kept, _ = curated([one, two, train(15.0, 2)], [5, 5, 6])
    assert len(kept) == 2
    assert sorted(kept.n_spikes) == sorted([len(one) + len(two), len(train(15.0, 2))])


def test_two_neurons_of_the_same_shape_are_kept_apart_by_their_spike_times():
    _, kept, _ = curated([train(20.0, 1), train(20.0, 2)], [5, 5])
    assert len(kept) == 2


def test_too_few_spikes_to_tell_are_merged_by_shape_alone():
    few = [t[::100][:25] for t in (train(20.0, 1), train(20.0, 2))]
    assert len(curated(few, [5, 5])[1]) == 1
    assert len(curated(few, [5, 9])[1]) == 2


def test_few_spikes_that_never_meet_by_chance_are_one_unit_only_if_they_may_be():
    """Of pairs of independent trains of few spikes, some in a hundred look like one train."""
    two_neurons, one_neuron = [train(3.0, 2), train(1.0, 1002)], list(halves(train(20.0, 1)))
    for trains, left in ((two_neurons, {True: 1, False: 2}), (one_neuron, {True: 1, False: 1})):
        assert curate.compare_trains(*trains, TIME, PARAMS) is Verdict.ONE
        sample, unit, means = units(trains, [5, 6])
        for may_be_one, n_left in left.items():
            before = UnitSpikes(sample, unit, TIME)
            _, became = curate.merge_units(
                before, means, N_CONTACTS, SHAPES.pcs, PARAMS, lambda *_, answer=may_be_one: answer
            )
            assert len(set(became)) == n_left


def test_halves_that_take_turns_are_merged_if_they_look_alike():
    """Drift that is not followed: one template finds the neuron where the tissue is low, another where it is high."""
    whole, other, time = train(4.0, 1), train(4.0, 2), sorted_time(SECONDS)
    low, high = (whole / time.sampling_hz % 40 < 20), (other / time.sampling_hz % 40 >= 20)
    assert curate.compare_trains(whole[low], whole[~low], time, PARAMS) is Verdict.UNDECIDED
    for trains, centres, n_left in (
        ([whole[low], whole[~low]], [5, 6], 1),
        ([whole[low], whole[~low]], [5, 8], 2),
        ([whole[low], other[high][::6]], [5, 6], 2),
    ):
        sample, unit, means = units(trains, centres)
        joined, became = curate.merge_units(UnitSpikes(sample, unit, time), means, N_CONTACTS, SHAPES.pcs, PARAMS)
        assert len(set(became)) == n_left
        # The spikes of the half that was given away are marked, and no others.
        np.testing.assert_array_equal(joined.turned, joined.unit != unit)


def test_three_and_four_parts_that_take_turns_are_one_unit():
    """No two of them fill the time: the tissue is elsewhere then, and the neuron in another part."""
    whole, time = train(4.0, 1), sorted_time(SECONDS)
    place = whole / time.sampling_hz % 40 // 10
    parts = [whole[place == k] for k in range(4)]
    three = [parts[0], np.sort(np.concatenate(parts[1:3])), parts[3]]
    neighbour = train(6.0, 2)
    for trains, centres, n_left in (
        (three, [5, 6, 7], 1),
        (parts, [5, 6, 5, 6], 1),
        ([*parts, neighbour], [5, 6, 5, 6, 6], 2),
        (three[:2], [5, 6], 2),
        ([parts[0], parts[1], parts[2][::8], parts[3][::6]], [5, 6, 5, 6], 4),
    ):
        sizes = [20.0, 20.0, 25.0, 25.0, 32.0][: len(trains)]
        sample, unit, means = units(trains, centres, sizes)
        _, became = curate.merge_units(UnitSpikes(sample, unit, time), means, N_CONTACTS, SHAPES.pcs, PARAMS)
        assert len(set(became)) == n_left


def test_spikes_merged_by_their_trains_are_not_marked_as_halves():
    one, two = halves(train(20.0, 1))
    sample, unit, means = units([one, two], [5, 5])
    joined, became = curate.merge_units(
        UnitSpikes(sample, unit, sorted_time(SECONDS)), means, N_CONTACTS, SHAPES.pcs, PARAMS
    )
    assert len(set(became)) == 1
    assert not joined.turned.any()


def test_units_that_do_not_look_alike_are_never_merged():
    one, two = halves(train(20.0, 1))
    assert len(curated([one, two], [3, 12])[1]) == 2
    assert len(curated([one, two], [5, 5], [20.0, 60.0])[1]) == 2


def test_merged_spikes_move_by_the_lag_between_the_templates():
    """The second template is three samples early in its window: its spikes are timed three samples late."""
    one, two = halves(train(20.0, 1))
    sample, unit, means = units([one, two + 3], [5, 5])
    wave = means.scores[1] @ SHAPES.pcs
    early = np.zeros_like(wave)
    early[:, :-3] = wave[:, 3:]
    pcs = np.linalg.svd(
        np.concatenate([np.roll(SHAPES.templates @ SHAPES.pcs, d, axis=1) for d in range(-5, 6)]), full_matrices=False
    )[2][:20].astype(np.float32)
    scores = np.stack([(means.scores[0] @ SHAPES.pcs) @ pcs.T, early @ pcs.T])
    moved, became = curate.merge_units(
        UnitSpikes(sample, unit, TIME),
        LearnedTemplates(means.contacts, scores, means.n_spikes),
        N_CONTACTS,
        pcs,
        PARAMS,
    )
    assert len(set(became)) == 1
    winner = one if became[0] == 0 else two + 3
    expected = np.sort(np.concatenate([one, two]) + (winner[0] - (one if became[0] == 0 else two)[0]))
    np.testing.assert_array_equal(np.sort(moved.sample), expected)


def test_input_is_not_changed():
    one, two = halves(train(20.0, 1))
    sample, unit, means = units([one, two], [5, 5])
    before = sample.copy(), unit.copy(), means.scores.copy()
    curate.curate(UnitSpikes(sample, unit, TIME), means, N_CONTACTS, SHAPES, PARAMS)
    for now, then in zip((sample, unit, means.scores), before, strict=True):
        np.testing.assert_array_equal(now, then)


# What is left out


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 3)), max_size=40), st.integers(0, 8))
def test_double_detections_are_those_close_to_the_last_kept_one(spikes, closest):
    sample = np.array([s for s, _ in spikes], np.int64)
    unit = np.array([u for _, u in spikes], np.int64)
    keep = curate.first_detections(sample, unit, closest)
    for u in set(unit.tolist()):
        mine = sorted(sample[unit == u].tolist())
        expected: list[int] = []
        for s in mine:
            if not expected or closest <= 0 or s - expected[-1] > closest:
                expected.append(s)
        assert sorted(sample[keep & (unit == u)].tolist()) == expected


def test_an_echo_of_a_larger_neighbour_is_dropped_with_a_note():
    big = train(20.0, 1)
    echo = big[::2][:400] + 5
    out, kept, notes = curated([big, np.concatenate([echo, train(1.0, 3)])], [5, 6], [40.0, 12.0])
    assert len(kept) == 1
    assert any("echo" in note for note in notes)
    assert (out.unit == -1).sum() == len(echo) + len(train(1.0, 3))


def test_a_synchronous_neuron_far_away_is_no_echo():
    big = train(20.0, 1)
    assert len(curated([big, big[::2] + 5], [2, 13], [40.0, 12.0])[1]) == 2


def test_a_small_cluster_is_no_unit_and_is_counted():
    out, kept, notes = curated([train(20.0, 1), train(20.0, 2)[:12]], [3, 12])
    assert len(kept) == 1
    assert (out.unit == -1).sum() == 12
    assert "1 cluster" in notes[0]


def test_a_cluster_that_is_seen_half_of_the_time_needs_half_of_the_spikes():
    sample, unit, means = units([train(20.0, 1), train(20.0, 2)[:12]], [3, 12])
    for share, n_kept in ((0.7, 1), (0.55, 2)):
        spikes = UnitSpikes(sample, unit, TIME, seen_share=np.array([1.0, share]))
        assert len(curate.curate(spikes, means, N_CONTACTS, SHAPES, PARAMS)[1]) == n_kept


def test_units_are_numbered_along_the_probe():
    _, kept, _ = curated([train(10.0, s) for s in range(4)], [12, 3, 9, 6])
    assert kept.peak_contacts.tolist() == [3, 6, 9, 12]


@pytest.mark.parametrize("n", [0, 1])
def test_no_unit_and_one_spike(n):
    sample, unit, means = np.arange(n), np.zeros(n, np.int64), tiny.line_templates(SHAPES, [3] * n, N_CONTACTS)
    out, kept, _ = curate.curate(UnitSpikes(sample, unit, TIME), means, N_CONTACTS, SHAPES, PARAMS)
    assert len(kept) == 0
    assert (out.unit == -1).all()
