"""Agreement counts and truth scores: the kernel against its slow twin, both against SpikeInterface."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import kernels
from spikesieve.comparison import SpikeTrains, agreement, score_against_truth, summary_rows
from spikesieve.errors import InputError

FS = 30_000.0
WINDOW = 12


def trains(*spikes: list[int]) -> SpikeTrains:
    """Unit k has the spikes of the k-th list."""
    sample = np.array([t for times in spikes for t in times], np.int64)
    unit = np.array([k for k, times in enumerate(spikes) for _ in times], np.int64)
    return SpikeTrains.from_spikes(sample, unit)


def random_trains(rng: np.random.Generator, n_units: int, n_spikes: int, n_samples: int) -> SpikeTrains:
    return SpikeTrains.from_spikes(rng.integers(0, n_samples, n_spikes), rng.integers(0, n_units, n_spikes))


def jittered(truth: SpikeTrains, rng: np.random.Generator) -> SpikeTrains:
    """A believable sorting: spikes lost and added, a unit split, two merged, one duplicated."""
    keep = rng.random(len(truth.sample)) < 0.9
    sample, unit = truth.sample[keep] + rng.integers(-4, 5, keep.sum()), truth.unit[keep].copy()
    unit[unit == 1] = 0
    unit[(unit == 2) & (rng.random(len(unit)) < 0.45)] = 50
    copied = unit == 3
    sample = np.concatenate([sample, sample[copied] + 2, rng.integers(0, truth.sample.max(), 200)])
    unit = np.concatenate([unit, np.full(copied.sum(), 60), np.full(200, 70)])
    return SpikeTrains.from_spikes(sample, unit)


def hostile() -> dict[str, tuple[SpikeTrains, SpikeTrains]]:
    rng = np.random.default_rng(0)
    sparse = random_trains(rng, 6, 300, 60_000)
    return {
        "sparse": (sparse, random_trains(rng, 4, 300, 60_000)),
        "believable": (sparse, jittered(random_trains(rng, 6, 900, 900_000), rng)),
        "bursts within the window": (random_trains(rng, 2, 400, 1500), random_trains(rng, 2, 400, 1500)),
        "all at once": (trains([100] * 30, [100] * 5), trains([100] * 7, [112] * 40)),
        "window edges": (trains([100, 200, 300]), trains([88, 188, 313], [112, 187, 287])),
        "more in a than in b": (trains([90, 95, 100, 105, 110]), trains([100])),
        "one spike": (trains([5]), trains([5])),
        "nothing in common": (trains([5]), trains([500])),
    }


CASES = hostile()


def spikeinterface_comparison(a: SpikeTrains, b: SpikeTrains):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spikeinterface.comparison import compare_sorter_to_ground_truth
        from spikeinterface.core import NumpySorting

        sortings = [NumpySorting.from_samples_and_labels([x.sample], [x.units[x.unit]], FS) for x in (a, b)]
        return compare_sorter_to_ground_truth(*sortings, exhaustive_gt=True)


def assert_same_pairs(a: SpikeTrains, b: SpikeTrains) -> None:
    arguments = (a.sample, a.unit, b.sample, b.unit, len(a.units), len(b.units), WINDOW)
    for fast, slow in zip(kernels.coincidences(*arguments), reference.coincidences(*arguments), strict=True):
        np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("case", CASES)
def test_kernel_agrees_with_its_twin(case):
    assert_same_pairs(*CASES[case])


spike_lists = st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=12), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(spike_lists, spike_lists)
def test_kernel_agrees_with_its_twin_on_anything(a, b):
    assert_same_pairs(trains(*a), trains(*b))


@pytest.mark.parametrize(("a", "b"), [(trains(), trains([3])), (trains([3]), trains()), (trains(), trains())])
def test_no_spikes_give_no_pairs(a, b):
    result = agreement(a, b, FS)
    assert result.row.size == 0
    assert result.counts().shape == (len(a.units), len(b.units))


@pytest.mark.parametrize("case", CASES)
def test_counts_are_those_of_spikeinterface(case):
    a, b = CASES[case]
    theirs = spikeinterface_comparison(a, b)
    ours = agreement(a, b, FS)
    np.testing.assert_array_equal(ours.counts(), theirs.match_event_count.to_numpy())
    np.testing.assert_array_equal(ours.scores(), theirs.agreement_scores.to_numpy())


def test_pairs_grow_beyond_the_first_buffer():
    a = trains(*[list(range(0, 200_000, 1000))] * 3)
    b = trains(*[[1000 * i] for i in range(200)])
    assert agreement(a, b, FS).n_matches.tolist() == [1] * 600


@pytest.mark.parametrize("seed", range(4))
def test_score_is_that_of_spikeinterface(seed):
    rng = np.random.default_rng(seed)
    truth = random_trains(rng, 8, 3000, 3_000_000)
    found = jittered(truth, rng)
    theirs, ours = spikeinterface_comparison(truth, found), score_against_truth(truth, found, FS)
    performance = theirs.get_performance()
    for name in ("accuracy", "recall", "precision"):
        np.testing.assert_allclose(
            [getattr(u, name) for u in ours.units], performance[name].to_numpy(float), rtol=1e-12
        )
    assert [-1 if u.matched is None else u.matched for u in ours.units] == theirs.hungarian_match_12.tolist()
    assert list(ours.well_detected) == theirs.get_well_detected_units()
    assert list(ours.false_positive) == theirs.get_false_positive_units()
    assert list(ours.redundant) == theirs.get_redundant_units()
    assert list(ours.overmerged) == theirs.get_overmerged_units()


def test_each_kind_of_error_is_named():
    rng = np.random.default_rng(1)
    times = [np.sort(rng.choice(40_000, 100, replace=False)) * 50 + 1_000_000 * k for k in range(4)]
    truth = trains(*(t.tolist() for t in times))
    found = trains(
        times[0].tolist(),
        times[0][:40].tolist(),
        [*times[1].tolist(), *times[2].tolist()],
        [9_000_000, 9_001_000],
    )
    score = score_against_truth(truth, found, FS)
    assert score.well_detected == (0,)
    assert score.redundant == (1,)
    assert score.overmerged == (2,)
    assert score.false_positive == (3,)
    assert score.units[3].matched is None
    assert score.mean_accuracy == pytest.approx((1 + 0.5) / 4)


def test_a_perfect_sorting_scores_one_whatever_its_numbers():
    truth = random_trains(np.random.default_rng(2), 5, 500, 5_000_000)
    renamed = SpikeTrains.from_spikes(truth.sample, 40 - 3 * truth.unit)
    score = score_against_truth(truth, renamed, FS)
    assert {u.accuracy for u in score.units} == {1.0}
    assert sorted(u.matched for u in score.units) == renamed.units.tolist()


def test_spikes_in_any_order_are_sorted():
    shuffled = SpikeTrains.from_spikes(np.array([30, 10, 20], np.uint64), np.array([7, 7, 2], np.int32))
    assert shuffled.sample.tolist() == [10, 20, 30]
    assert shuffled.unit.tolist() == [1, 0, 1]
    assert shuffled.units.tolist() == [2, 7]


def test_an_empty_sorting_finds_nothing():
    score = score_against_truth(trains([1, 2], [3]), trains(), FS)
    assert [u.accuracy for u in score.units] == [0.0, 0.0]
    assert score.n_sorted == 0


def test_without_truth_every_unit_is_false():
    score = score_against_truth(trains(), trains([1], [5]), FS)
    assert score.false_positive == (0, 1)
    assert score.mean_accuracy == 0.0


@pytest.mark.parametrize(
    ("sample", "unit", "word"),
    [
        (np.arange(3), np.arange(2), "one unit"),
        (np.array([0.5]), np.array([1]), "integers"),
        (np.zeros((2, 1)), 0, "shape"),
    ],
)
def test_odd_spikes_get_a_sentence(sample, unit, word):
    with pytest.raises(InputError, match=word):
        SpikeTrains.from_spikes(sample, unit)


def test_rows_are_ready_to_print():
    score = score_against_truth(trains([1, 500], [900]), trains([1, 500]), FS)
    assert ("well detected (accuracy >= 0.8)", "1") in summary_rows(score)
