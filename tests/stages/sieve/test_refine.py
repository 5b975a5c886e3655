"""Units compete for spikes, are split where they are two, joined where one, and must stand out of the noise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import tiny
from tiny import HZ, refractory_train

from spikesieve.stages.sieve import compete, refine
from spikesieve.stages.sieve.compete import Matched
from spikesieve.stages.sieve.fit import FitParams
from spikesieve.stages.sieve.refine import RefineParams
from spikesieve.stages.templates import LearnedTemplates

SHAPES = tiny.textbook_shapes()
N_CONTACTS, SECONDS = 8, 100.0
FIT, PARAMS = FitParams(), RefineParams()


def footprint(centre: float, size: float, shape: int, spread: float = 1.5) -> np.ndarray:
    """(n_contacts, n_pcs) of the given norm."""
    weight = np.exp(-(((np.arange(N_CONTACTS) - centre) / spread) ** 2))
    scores = weight[:, None] * SHAPES.templates[shape]
    return size * scores / np.linalg.norm(scores)


def spikes_of(units: list[np.ndarray], trains: list[np.ndarray], source: list[int], least: float = 4.5, seed: int = 0):
    """What matching hands over: every unit's spikes under the source that found them; their true units."""
    rng = np.random.default_rng(seed)
    sample = np.concatenate(trains)
    truth = np.repeat(np.arange(len(trains)), [len(t) for t in trains])
    order = np.argsort(sample, kind="stable")
    sample, truth = sample[order], truth[order]
    amplitude = rng.normal(1.0, 0.1, len(sample))
    x = amplitude[:, None, None] * np.stack(units)[truth] + rng.standard_normal((len(sample), *units[0].shape))
    own = np.stack([u / np.linalg.norm(u) for u in units])[truth]
    excess = (x * own).sum(axis=(1, 2)) - least
    contacts = np.tile(np.arange(N_CONTACTS), (max(source) + 1, 1))
    found = excess > 0
    matched = Matched(
        sample[found],
        np.array(source, np.int32)[truth[found]],
        x[found].astype(np.float32),
        excess[found].astype(np.float32),
        amplitude[found].astype(np.float32),
        np.ones(found.sum(), np.float32),
        contacts,
        np.stack([units[source.index(k)] for k in range(max(source) + 1)]).astype(np.float32),
        SHAPES.pcs,
        HZ,
        SECONDS,
    )
    return matched, truth[found]


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, SECONDS, np.random.default_rng(seed))


def refined(matched: Matched, params: RefineParams = PARAMS):
    return refine.keep(matched, refine.learn(matched, FIT, params).means, FIT, params)


def confusion(truth: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Spikes of each true unit (rows) in each unit (columns)."""
    counts = np.zeros((truth.max() + 1, unit.max() + 1), np.int64)
    np.add.at(counts, (truth[unit >= 0], unit[unit >= 0]), 1)
    return counts


def test_two_neurons_under_one_template_become_two_units():
    units = [footprint(3, 12, 0), footprint(4.2, 11, 1)]
    matched, truth = spikes_of(units, [train(12, 0), train(4, 1)], [0, 0])
    found = refined(matched)
    table = confusion(truth, found.unit)
    assert table.shape == (2, 2)
    assert sorted(table.argmax(axis=1).tolist()) == [0, 1]
    assert table.max(axis=1).sum() > 0.97 * len(truth)
    close = [np.linalg.norm(found.means.scores - u, axis=(1, 2)).min() for u in units]
    assert max(close) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_one_neuron_stays_one_unit_though_its_spikes_fall_between_samples(seed):
    """Delays of -1/3, 0 and 1/3 of a sample make three clouds of a large neuron."""
    rng = np.random.default_rng(seed)
    unit = footprint(4, 40, 0)
    waves = unit @ SHAPES.pcs
    t = np.arange(waves.shape[1])
    delayed = [np.stack([np.interp(t - d, t, row) for row in waves]) @ SHAPES.pcs.T for d in (-1 / 3, 0.0, 1 / 3)]
    matched, _ = spikes_of([unit], [train(20, seed)], [0], seed=seed)
    which = rng.integers(3, size=len(matched.sample))
    matched.features[:] += (np.stack(delayed) - unit).astype(np.float32)[which]
    found = refined(matched)
    assert len(found.means) == 1
    assert (found.unit == 0).mean() > 0.99


def test_spike_times_of_one_neuron_forbid_a_split():
    """Two clouds of one refractory train: a neuron whose spikes come in two sizes."""
    whole = train(40, 0)
    large = np.random.default_rng(0).random(len(whole)) < 0.5
    units = [footprint(4, 14, 0), footprint(4, 9, 0)]
    matched, _ = spikes_of(units, [whole[large], whole[~large]], [0, 0])
    assert len(refined(matched).means) == 1
    matched, _ = spikes_of(units, [train(20, 1), train(20, 2)], [0, 0])
    assert len(refined(matched).means) == 2


def test_spikes_go_to_the_unit_that_explains_them_best():
    """A fifth of each neuron's spikes was found by the other's template."""
    units = [footprint(3, 14, 0), footprint(3.8, 12, 1)]
    matched, truth = spikes_of(units, [train(10, 0), train(10, 1)], [0, 1])
    swapped = np.random.default_rng(0).random(len(truth)) < 0.2
    matched.source[swapped] = 1 - matched.source[swapped]
    table = confusion(truth, refined(matched).unit)
    assert table.shape == (2, 2)
    assert table.max(axis=1).sum() > 0.98 * len(truth)


def test_a_neuron_in_two_templates_is_joined():
    unit = footprint(4, 12, 0)
    whole = train(20, 0)
    matched, _ = spikes_of([unit, unit], [whole[::2], whole[1::2]], [0, 1])
    found = refined(matched)
    assert len(found.means) == 1
    assert (found.unit == 0).mean() > 0.98


def test_units_alike_whose_spike_times_say_two_stay_two():
    units = [footprint(4, 12, 0), footprint(4, 12, 0) + 0.25 * footprint(2, 8, 1)]
    matched, truth = spikes_of(units, [train(30, 0), train(30, 1)], [0, 1])
    learned = refine.learn(matched, FIT, PARAMS.model_copy(update={"rounds": 0}))
    now, means = learned.now, learned.means
    assert refine.distances(means, refine.component_lags(SHAPES.pcs))[0, 1] < PARAMS.merge_distance_sd
    # As the templates found them, so that the spike times are those of two neurons.
    now = compete.Membership(truth[learned.spikes.feature_row], now.amplitude, now.score, now.mine)
    assert len(np.unique(refine.join(learned.spikes, now, means, PARAMS).unit)) == 2


def test_a_cluster_of_threshold_crossings_is_no_unit():
    """Spikes of 3.5 SD of which the search accepts what noise lifts above 4.5, and a true unit beside them."""
    units = [footprint(2, 3.5, 0), footprint(6, 9, 1)]
    matched, truth = spikes_of(units, [train(40, 0), train(10, 1)], [0, 1])
    assert (truth == 0).sum() > 300
    found = refined(matched)
    assert len(found.means) == 1
    assert "1 cluster" in found.notes[0]
    assert confusion(truth, found.unit)[1, 0] > 0.95 * (truth == 1).sum()


def test_spikes_of_a_unit_that_is_too_small_to_be_kept_go_to_the_next_likeliest():
    """Twelve collisions of a neuron, 4 noise SD from its mean, have a template of their own."""
    whole, few = footprint(3, 14, 0), footprint(3, 14, 0) + footprint(6, 4, 1, 0.5)
    one = train(8, 1)
    own = np.arange(12) * len(one) // 12
    matched, truth = spikes_of([whole, few], [np.delete(one, own), one[own]], [0, 1])
    found = refined(
        matched, PARAMS.model_copy(update={"merge_distance_sd": 0.0, "merge_distance_across_drift_sd": 0.0})
    )
    assert confusion(truth, found.unit).shape == (2, 1)
    assert confusion(truth, found.unit)[1, 0] == 12


@pytest.mark.parametrize("late", [-8, 6, 12])
def test_spikes_found_at_the_other_phase_come_back_in_time(late):
    whole, other = train(20, 0), train(10, 1)
    lags = refine.component_lags(SHAPES.pcs)
    unit = footprint(4, 20, 3)
    seen = unit @ lags[:, :, lags.shape[2] // 2 + late]
    part = whole[::15]
    trains = [np.setdiff1d(whole, part), part + late, other]
    units = [unit, seen, footprint(1, 15, 0)]
    matched, truth = spikes_of(units, trains, [0, 1, 2])
    means = LearnedTemplates(
        np.tile(np.arange(N_CONTACTS), (3, 1)), np.stack(units).astype(np.float32), np.bincount(truth)
    )
    labels, sample = refine.put_back(matched, truth, means, PARAMS)
    np.testing.assert_array_equal(labels, np.where(truth == 1, 0, truth))
    np.testing.assert_array_equal(np.sort(sample[labels == 0]), whole)
    np.testing.assert_array_equal(sample[truth == 2], matched.sample[truth == 2])


def test_a_smaller_neuron_of_the_same_shape_is_no_late_part():
    unit = footprint(4, 20, 3)
    matched, truth = spikes_of([unit, unit * 0.5], [train(20, 0), train(3, 1)], [0, 1])
    means = LearnedTemplates(
        np.tile(np.arange(N_CONTACTS), (2, 1)), np.stack([unit, unit * 0.5]).astype(np.float32), np.bincount(truth)
    )
    labels, _ = refine.put_back(matched, truth, means, PARAMS)
    np.testing.assert_array_equal(labels, truth)


def test_what_is_learned_from_some_seconds_holds_for_all():
    units = [footprint(3, 14, 0), footprint(5, 12, 1)]
    matched, truth = spikes_of(units, [train(30, 0), train(5, 1)], [0, 0])
    few = PARAMS.model_copy(update={"max_spikes": 400})
    learned = refine.learn(matched, FIT, few)
    assert 0 < len(learned.spikes.sample) < 0.25 * len(truth)
    np.testing.assert_allclose(np.sort(learned.means.n_spikes), np.sort(np.bincount(truth)), rtol=0.15)
    table = confusion(truth, refine.keep(matched, learned.means, FIT, few).unit)
    assert table.max(axis=1).sum() > 0.97 * len(truth)


def test_some_of_some_spikes_keep_their_features():
    units = [footprint(3, 14, 0), footprint(5, 12, 1)]
    matched, _ = spikes_of(units, [train(5, 0), train(5, 1)], [0, 1])
    rows, again = np.arange(7, 60, 3), np.array([4, 4, 0, 11])
    some = matched.take(rows).take(again)
    for name in ("sample", "source", "excess", "amplitude", "size"):
        np.testing.assert_array_equal(getattr(some, name), getattr(matched, name)[rows[again]])
    np.testing.assert_array_equal(some.features_of(np.array([3, 1])), matched.features[rows[again[[3, 1]]]])


def test_no_spikes_make_no_units():
    empty = Matched(
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.empty((0, N_CONTACTS, 6), np.float32),
        *(np.empty(0, np.float32) for _ in range(3)),
        np.empty((0, N_CONTACTS), np.int64),
        np.empty((0, N_CONTACTS, 6), np.float32),
        SHAPES.pcs,
        HZ,
        SECONDS,
    )
    found = refined(empty)
    assert len(found.unit) == len(found.means) == len(found.notes) == 0
    templates, parent, unit = refine.templates_of(refine.learn(empty, FIT, PARAMS))
    assert isinstance(templates, LearnedTemplates)
    assert len(templates) == len(parent) == len(unit) == 0


def test_a_spike_is_judged_with_its_template_at_the_size_that_was_seen():
    unit, size, amplitude = footprint(4, 12, 0), 0.5, 0.9
    rng = np.random.default_rng(0)
    unexplained = rng.standard_normal((50, *unit.shape))
    matched, _ = spikes_of([unit], [np.arange(50) * 3000 + 100], [0])
    matched = replace(
        matched,
        features=(unexplained + amplitude * unit).astype(np.float32),
        amplitude=np.full(50, amplitude, np.float32),
        size=np.full(50, size, np.float32),
    )
    means = compete.Means(unit[None], np.ones((1, N_CONTACTS), bool), np.array([500.0]))
    none = np.zeros(50, np.float32)
    now = compete.Membership(np.zeros(50, np.int64), none, none, none > 0)
    found = compete.assign(matched, compete.pieces_of(matched, np.arange(50)), means, now, FIT)
    here = size * unit
    scores = ((unexplained + amplitude * here) * here).sum(axis=(1, 2)) / np.linalg.norm(here)
    np.testing.assert_allclose(found.score, scores, rtol=1e-4)
    at_rest = compete.assign(
        replace(matched, size=np.ones(50, np.float32)),
        compete.pieces_of(matched, np.arange(50)),
        means,
        now,
        FIT,
    )
    assert found.mine.mean() < 0.9 < at_rest.mine.mean()


def test_a_unit_has_a_cut_for_every_size_it_was_seen_at():
    rng = np.random.default_rng(1)
    size = np.repeat(np.array([1.0, 0.6], np.float32), 1000)
    norm = 12 * size
    score = norm + rng.standard_normal(2000)
    # Where it is small, what is not the unit's scores as much as a small spike.
    score[1000:1500] = 4.5 + rng.exponential(0.6, 500)
    matched, _ = spikes_of([footprint(4, 12, 0)], [np.arange(2000) * 100 + 100], [0])
    matched = replace(matched, size=size)
    means = compete.Means(footprint(4, 12, 0)[None], np.ones((1, N_CONTACTS), bool), np.array([2000.0]))
    ones = np.ones(2000, np.float32)
    now = compete.Membership(np.zeros(2000, np.int64), ones, score.astype(np.float32), ones > 0)
    above = compete.above_cuts(matched, now, means, FIT)
    assert above[:1000].mean() > 0.99
    assert above[1000:1500].mean() < 0.2
    assert above[1500:].mean() > 0.85


def test_shared_out_work_gives_the_bytes_of_work_done_in_turn():
    units = [footprint(4, 12, 0), footprint(4, 12, 1), footprint(9, 9, 0)]
    rng = np.random.default_rng(4)
    times = [np.sort(rng.integers(100, 3_000_000, 400)) for _ in units]
    matched, _ = spikes_of(units, times, [0, 0, 1])
    with ThreadPoolExecutor(3) as pool:
        one, other = (
            refine.keep(matched, refine.learn(matched, FIT, PARAMS, share).means, FIT, PARAMS, share)
            for share in (map, pool.map)
        )
    assert len(one.means) == 3
    for a, b in ((one.unit, other.unit), (one.sample, other.sample), (one.means.scores, other.means.scores)):
        assert a.tobytes() == b.tobytes()


def test_weighing_fewer_spikes_at_a_time_changes_nothing(monkeypatch):
    units = [footprint(4, 12, 0), footprint(4, 12, 1)]
    matched, _ = spikes_of(units, [train(5.0, k) for k in range(2)], [0, 0])
    whole = refined(matched)
    monkeypatch.setattr(compete, "AT_ONCE", 37)
    parts = refined(matched)
    np.testing.assert_array_equal(parts.unit, whole.unit)
    np.testing.assert_allclose(parts.means.scores, whole.means.scores, rtol=1e-5, atol=1e-5)
