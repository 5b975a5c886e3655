"""Tracked templates: running means with a bounded memory, new ones from leftovers, rare and double ones dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.kilosort2 import track
from spikesieve.stages.kilosort2.track import ResidualSpikes, TrackedTemplates

PARAMS = Kilosort2Params(template_radius_um=60.0)
SHAPES = tiny.textbook_shapes()
PROBE = tiny.line_probe(10)
NEAR = track.near_contacts(PROBE, PARAMS)
N_NEAR = NEAR.shape[1]


def tracked_at(centres: list[int], size: float = 20.0) -> TrackedTemplates:
    """Templates around contacts, on the contacts of `NEAR`, old enough to be judged and firing 5 spikes a batch."""
    learned = tiny.line_templates(SHAPES, centres, 10, size)
    contacts = NEAR[learned.peak_contacts]
    mean = np.take_along_axis(learned.dense(10), np.maximum(contacts, 0)[:, :, None], axis=1)
    mean[contacts < 0] = 0.0
    n, age = len(centres), 50
    recent = np.full(n, 5 * (1 - track.DECAY**age) / (1 - track.DECAY))
    return TrackedTemplates(contacts, mean, np.full(n, 250.0), recent, np.full(n, age))


def leftovers_of(tracked: TrackedTemplates, counts: list[int], seed: int = 0, noise: float = 1.0) -> ResidualSpikes:
    rng = np.random.default_rng(seed)
    features = np.concatenate([np.tile(tracked.mean[k], (n, 1, 1)) for k, n in enumerate(counts)])
    features = features + noise * rng.standard_normal(features.shape)
    contact = np.repeat(tracked.contacts[:, 0], counts)
    features[NEAR[contact] < 0] = 0.0
    return ResidualSpikes(contact, features.astype(np.float32))


def test_contacts_of_a_template_start_with_its_own_and_stay_within_reach():
    assert (NEAR[:, 0] == np.arange(10)).all()
    for contact, near in enumerate(NEAR):
        assert np.abs(PROBE.positions_um[near[near >= 0], 1] - PROBE.positions_um[contact, 1]).max() <= 60.0


def test_the_mean_moves_towards_the_spikes_of_the_batch():
    tracked = tracked_at([2, 6])
    features = np.stack([tracked.mean[0] + 1, tracked.mean[0] + 3]).astype(np.float32)
    after = track.update(tracked, np.array([0, 0]), features, 20.0, None)
    np.testing.assert_allclose(after.mean[0] - tracked.mean[0], 2 * (1 - np.exp(-2 / 20)), rtol=1e-4)
    np.testing.assert_array_equal(after.mean[1], tracked.mean[1])
    assert after.n_spikes.tolist() == [252, 250]
    assert after.age.tolist() == [51, 51]
    assert after.spikes_per_batch[0] < 5
    assert after.spikes_per_batch[1] < after.spikes_per_batch[0]


def test_a_batch_that_was_blanked_makes_no_template_rare():
    silent = tracked_at([2])
    for _ in range(100):
        silent = track.update(silent, np.empty(0, np.int64), silent.mean[:0], 20.0, None, used_batches=0.0)
    assert silent.spikes_per_batch.tolist() == tracked_at([2]).spikes_per_batch.tolist()
    half, whole = (
        track.update(tracked_at([2]), np.zeros(n, np.int64), np.zeros((n, *silent.mean.shape[1:])), 20.0, None, used)
        for n, used in ((2, 0.5), (4, 1.0))
    )
    assert half.spikes_per_batch[0] == pytest.approx((5 + whole.spikes_per_batch[0]) / 2, rel=0.01)


def test_a_mean_spans_no_more_than_a_sixteenth_of_drifting_batches():
    """5 spikes a batch, 160 batches: 50 spikes, whatever momentum is asked for."""
    tracked = tracked_at([2])
    features, five = np.tile(tracked.mean[0] + 1, (5, 1, 1)).astype(np.float32), np.zeros(5, np.int64)
    moved = [
        float((track.update(tracked, five, features, momentum, n).mean - tracked.mean).mean())
        for momentum, n in ((400.0, 160), (50.0, None), (400.0, None), (5.0, 160))
    ]
    assert moved[0] == pytest.approx(moved[1], rel=1e-3)
    assert moved[2] == pytest.approx(1 - np.exp(-5 / 400), rel=1e-3)
    assert moved[3] == pytest.approx(1 - np.exp(-5 / 5), rel=1e-3)


def test_templates_are_of_the_rank_that_was_asked_for():
    tracked = tracked_at([4])
    noisy = replace(tracked, mean=tracked.mean + np.random.default_rng(0).standard_normal((1, N_NEAR, 6)))
    for rank in (1, 3, 6):
        scores = track.matched_templates(noisy, Kilosort2Params(rank=rank)).scores[0]
        assert np.linalg.matrix_rank(scores.astype(np.float64), tol=1e-3) == min(rank, 6)
    np.testing.assert_array_equal(track.low_rank(noisy.mean, 6), noisy.mean)


def test_a_rare_or_small_template_goes_and_a_young_one_stays():
    tracked = tracked_at([1, 3, 5, 7])
    tracked = replace(
        tracked,
        recent=tracked.recent * [1, 1e-4, 1e-4, 1],
        age=np.array([50, 50, 2, 50]),
        mean=tracked.mean * np.array([1, 1, 1, 0.3], np.float32)[:, None, None],
    )
    kept = track.without_rare(tracked, 2.0, PARAMS)
    assert kept.contacts[:, 0].tolist() == [1, 5]


def test_of_two_templates_alike_the_one_that_fires_more_stays():
    tracked = tracked_at([2, 7, 2])
    tracked = replace(
        tracked,
        recent=tracked.recent * [1, 1, 3],
        mean=tracked.mean * np.array([1.2, 1, 1], np.float32)[:, None, None],
    )
    tracked.mean[0] = tracked.mean[2] * 1.2
    kept = track.without_duplicates(tracked, 10, SHAPES.pcs, PARAMS)
    assert len(kept) == 2
    assert kept.recent.max() == tracked.recent[2]


def test_leftovers_alike_become_templates_and_the_others_wait():
    true = tracked_at([2, 7, 5], 15.0)
    left = leftovers_of(true, [6, 8, track.MIN_SPIKES - 1])
    grown, waiting = track.add_templates(track.no_templates(N_NEAR, 6), left, NEAR, PARAMS)
    assert sorted(grown.contacts[:, 0].tolist()) == [2, 7]
    assert sorted(grown.n_spikes.tolist()) == [6, 8]
    assert len(waiting) == track.MIN_SPIKES - 1
    assert grown.recent.tolist() == [0, 0]
    for template in grown.mean:
        match = [(template * mean).sum() / np.linalg.norm(template) / np.linalg.norm(mean) for mean in true.mean]
        assert max(match) > 0.9
    # With the next ones of its kind the third becomes a template as well.
    more = track.concatenate_residuals([waiting, leftovers_of(tracked_at([5], 15.0), [3], seed=1)])
    assert len(track.add_templates(grown, more, NEAR, PARAMS)[0]) in (2, 3)


def test_two_neurons_on_one_contact_become_two_templates():
    """Same place, another shape; 100 spikes of each."""
    first = tracked_at([4], 18.0)
    second = replace(first, mean=(first.mean @ np.roll(np.eye(6), 1, axis=0)).astype(np.float32))
    left = track.concatenate_residuals([leftovers_of(first, [100]), leftovers_of(second, [100], 1)])
    grown, _ = track.add_templates(track.no_templates(N_NEAR, 6), left, NEAR, PARAMS)
    large = grown.n_spikes > 20
    assert large.sum() == 2


def test_there_are_no_more_templates_than_allowed_and_waiting_is_bounded():
    true = tracked_at([0, 2, 4, 6, 8], 15.0)
    few = Kilosort2Params(template_radius_um=60.0, templates_per_contact=1)
    full = tracked_at([0] * 8)
    grown, waiting = track.add_templates(full, leftovers_of(true, [10] * 5), NEAR, few)
    assert len(grown) == 10
    assert len(waiting) <= track.MAX_WAITING * 10
    noise = ResidualSpikes(np.zeros(1000, np.int64), 9 * np.random.default_rng(0).standard_normal((1000, N_NEAR, 6)))
    assert len(track.add_templates(track.no_templates(N_NEAR, 6), noise, NEAR, PARAMS)[1]) <= track.MAX_WAITING * 10


def test_without_templates_or_leftovers_nothing_happens():
    empty = track.no_templates(N_NEAR, 6)
    none = ResidualSpikes(np.empty(0, np.int64), np.empty((0, N_NEAR, 6), np.float32))
    grown, waiting = track.add_templates(empty, none, NEAR, PARAMS)
    assert len(grown) == len(waiting) == 0
    assert len(track.without_duplicates(empty, 10, SHAPES.pcs, PARAMS)) == 0
    assert len(track.without_rare(empty, 2.0, PARAMS)) == 0
    assert len(track.update(empty, np.empty(0, np.int64), none.features, 20.0, 9)) == 0
    assert len(track.matched_templates(empty, PARAMS)) == 0
