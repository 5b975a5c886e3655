"""The displacement of the tissue is found from spikes of simulated neurons, with an honest error, or refused."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import tiny
from drifting_spikes import HZ, SECONDS, jump, leaning, rms, spikes_of, still, zigzag
from threadpoolctl import threadpool_limits

from spikesieve.model import Motion, Probe
from spikesieve.settings.motion import MotionParams
from spikesieve.stages.motion.estimate import DetectableTime, MotionSpikes, estimate
from spikesieve.stages.motion.time_bins import time_bins

PROBE = tiny.line_probe(32, 20.0)


def find(spikes, segments=None, probe=PROBE, **changes) -> Motion:
    return estimate(spikes, probe, segments or ((0, round(SECONDS * HZ)),), HZ, MotionParams(**changes))


def error_um(motion: Motion, moved, shank: int = 0) -> np.ndarray:
    """(n_times, n_depths) of the displacement that is used, each course without its median."""
    truth = np.stack([moved(motion.time_s, np.full_like(motion.time_s, d)) for d in motion.depth_um], axis=1)
    return motion.um[shank] - (truth - np.median(truth, axis=0))


@pytest.mark.parametrize(("moved", "decision"), [(zigzag, "rigid"), (jump, "rigid"), (leaning, "use")])
def test_movement_is_found_with_its_error(moved, decision):
    motion = find(spikes_of(moved))
    off = error_um(motion, moved)
    assert motion.decisions == (decision,)
    assert rms(off) < 1.2
    assert np.mean(np.abs(off) < 1.96 * motion.se_um[0]) > 0.9
    assert np.median(motion.se_um) < 2.5


@pytest.mark.parametrize("seed", range(3))
def test_what_rests_is_held_still(seed):
    motion = find(spikes_of(still, seed=seed))
    assert motion.decisions == ("refuse",)
    assert np.abs(motion.estimated_um).max() < 1
    assert "No drift was found" in motion.why[0]


def test_a_movement_too_small_for_any_footprint_is_not_followed():
    """It is seen: many neurons, little noise. But no template would change."""
    motion = find(spikes_of(lambda time_s, depth_um: 0.1 * zigzag(time_s, depth_um), noise_um=1.0))
    assert motion.decisions == ("refuse",)
    assert not motion.um.any()
    assert "stood still" in motion.why[0]


def test_upwards_is_positive_and_the_median_is_zero():
    motion = find(spikes_of(jump))
    late = motion.time_s > 40
    assert (motion.estimated_um[0, late].mean() - motion.estimated_um[0, ~late & (motion.time_s < 30)].mean()) > 12
    assert np.abs(np.median(motion.estimated_um, axis=1)).max() < 1e-5


def test_a_jump_stays_sharp():
    motion = find(spikes_of(jump), time_bin_s=1.0)
    course = motion.um[0].mean(axis=1)
    assert (np.diff(course) > 3).sum() <= 2
    assert np.diff(course).max() > 7


def twice_as_many(time_s, neuron):
    return np.where(time_s < SECONDS / 2, 0.5, 1.0)


def others(time_s, neuron):
    return np.where((time_s < SECONDS / 2) == (neuron % 2 == 0), 0.25, 1.0)


def jump_at_the_border(time_s, depth_um):
    return 20.0 * (time_s >= SECONDS / 2) + 2 * np.sin(time_s / 7)


@pytest.mark.parametrize("estimator", ["decentralized", "kilosort"])
@pytest.mark.parametrize("rate_hz", [1.0, 4.0])
def test_a_jump_between_two_files_is_one_up_to_their_border(estimator, rate_hz):
    """Half a bin beside the border is where it is, not on the way to the other side (0.25 to 0.3 of 20 um before)."""
    border = round(SECONDS / 2 * HZ)
    segments = ((0, border), (border, round(SECONDS * HZ)))
    motion = find(spikes_of(jump_at_the_border, rate_hz=rate_hz), segments, estimator=estimator)
    time_s = np.arange(border - 90_000, border + 90_000, 1500) / HZ
    found = motion.at(time_s, np.full_like(time_s, 300.0), np.zeros(len(time_s), np.int64))
    off = found - jump_at_the_border(time_s, None)
    assert np.abs(off - np.median(off)).max() < 2.0


@pytest.mark.parametrize("rates", [twice_as_many, others])
def test_changes_in_firing_are_not_movement(rates):
    assert rms(error_um(find(spikes_of(still, rates=rates, rate_hz=8.0)), still)) < 0.7
    assert rms(error_um(find(spikes_of(zigzag, rates=rates, rate_hz=8.0)), zigzag)) < 1.5


def test_a_neuron_that_sticks_to_a_contact_does_not_decide():
    moving, stuck = spikes_of(zigzag), spikes_of(still, n_neurons=1, rate_hz=60.0, noise_um=1.0, seed=3)
    parts = [moving, stuck]
    order = np.argsort(np.concatenate([p.sample for p in parts]), kind="stable")
    columns = ("sample", "depth_um", "amplitude_uv", "shank")
    both = MotionSpikes(*(np.concatenate([getattr(p, name) for p in parts])[order] for name in columns))
    assert rms(error_um(find(both), zigzag)) < 2


def test_neurons_that_follow_more_or_less_do_not_make_depths_differ():
    slopes = np.random.default_rng(2).normal(1, 0.4, 1000)

    def uneven(time_s, depth_um):
        return zigzag(time_s, depth_um) * slopes[np.round(depth_um).astype(int)]

    motion = find(spikes_of(uneven, n_neurons=20, rate_hz=8.0, seed=2))
    off = error_um(motion, zigzag)
    assert motion.decisions == ("rigid",)
    assert rms(off) < 0.8
    assert np.mean(np.abs(off) < 1.96 * motion.se_um[0]) > 0.9


def test_a_stretch_that_is_left_out_is_missing_and_not_still():
    spikes = spikes_of(jump)
    gap = (round(25 * HZ), round(45 * HZ))
    keep = (spikes.sample < gap[0]) | (spikes.sample >= gap[1])
    some = spikes.take(keep)
    motion = find(some, segments=((0, gap[0]), (gap[1], round(SECONDS * HZ))))
    assert not ((motion.time_s > 25) & (motion.time_s < 45)).any()
    assert rms(error_um(motion, jump)) < 1.5


def test_without_spikes_for_a_while_the_error_grows():
    spikes = spikes_of(zigzag, rates=lambda time_s, neuron: 1.0 - ((time_s > 30) & (time_s < 50)))
    motion = find(spikes)
    silent = (motion.time_s > 37) & (motion.time_s < 43)
    assert np.isfinite(motion.um).all()
    assert motion.se_um[0, silent].mean() > 1.5 * motion.se_um[0, ~silent].mean()


def test_places_are_hidden_where_others_are_seen_longer():
    """A place is seen for 0.4 of the first bin, then wholly; a bin in which nothing is seen hides none."""
    bins = time_bins(((0, 300),), 100)
    n_samples = np.array([[20, 50], [20, 50], [50, 50], [50, 50], [0, 0], [0, 0]])
    ends_um, shank = np.array([[0.0, 40.0], [40.0, 80.0]]), np.array([3, 3])
    seen = DetectableTime(np.arange(25, 300, 50), ends_um, shank, n_samples)
    found = seen.hidden(bins, 3)
    assert found is not None
    assert (found.bin.tolist(), found.ends_um.tolist()) == ([0], [[0.0, 40.0]])
    assert DetectableTime(seen.sample, ends_um, shank, n_samples[:, [1, 1]]).hidden(bins, 3) is None


def test_shanks_are_apart():
    here, there = spikes_of(zigzag), spikes_of(still, seed=5)
    sample = np.concatenate([here.sample, there.sample])
    order = np.argsort(sample, kind="stable")
    depth_um = np.concatenate([here.depth_um, there.depth_um])
    size = np.concatenate([here.amplitude_uv, there.amplitude_uv])
    shank = np.repeat([2, 7], [len(here), len(there)])
    line = tiny.line_probe(32, 20.0, shanks=2)
    probe = Probe(line.positions_um, line.channels, np.where(line.shanks == 0, 2, 7))
    motion = find(MotionSpikes(sample[order], depth_um[order], size[order], shank[order]), probe=probe)
    assert motion.shanks.tolist() == [2, 7]
    assert motion.decisions == ("rigid", "refuse")
    assert rms(error_um(motion, zigzag, 0)) < 1
    assert not motion.um[1].any()


def test_too_few_spikes_rows_or_times_are_refused_with_a_reason():
    spikes = spikes_of(zigzag)
    nothing = spikes.take(spikes.sample < 0)
    tetrode = Probe(np.array([[0.0, 0], [12, 0], [0, 12], [12, 12]]), np.arange(4), np.zeros(4, np.int64))
    second = spikes.take(spikes.sample < HZ)
    for motion, word in (
        (find(nothing), "spikes"),
        (find(spikes, probe=tetrode), "rows"),
        (find(second, segments=((0, round(HZ)),)), "time bins"),
    ):
        assert motion.decisions == ("refuse",)
        assert word in motion.why[0]
        assert not motion.um.any()
        assert np.isinf(motion.se_um).all()


def test_one_neuron_alone_moves_nothing():
    spikes = spikes_of(zigzag, n_neurons=1, rate_hz=40.0)
    motion, aligned = find(spikes), find(spikes, estimator="kilosort")
    assert motion.decisions == ("refuse",)
    assert "neurons" in motion.why[0]
    assert np.isfinite(motion.estimated_um).all()
    # All of it may be that neuron's own: the error is not smaller than that of a neuron.
    assert (aligned.se_um[0] > 0.2 * np.minimum(np.abs(aligned.um[0]), 10)).all()


def test_a_few_spikes_say_little_and_say_so():
    motion = find(spikes_of(zigzag, n_neurons=12, rate_hz=0.8))
    off = error_um(motion, zigzag)
    assert motion.decisions == ("refuse",) or np.mean(np.abs(off) < 1.96 * motion.se_um[0]) > 0.85


def test_sections_are_those_that_were_asked_for():
    spikes = spikes_of(zigzag)
    assert find(spikes, n_sections=1).depth_um.tolist() == [310]
    np.testing.assert_allclose(find(spikes, n_sections=2).depth_um, [155, 310, 465])
    assert find(spikes, n_sections=1).decisions == ("rigid",)


@pytest.mark.parametrize("changes", [{"nblocks": 2}, {"estimator": "kilosort", "nblocks": 2}])
def test_processes_give_the_same_bytes(changes):
    """What is handed out must be picklable, so it must not hold the executor."""
    spikes, segments, params = spikes_of(leaning, rate_hz=5.0), ((0, round(SECONDS * HZ)),), MotionParams(**changes)
    spawn = get_context("spawn")
    with ProcessPoolExecutor(2, spawn, initializer=threadpool_limits, initargs=(1,)) as pool:
        shared = estimate(spikes, PROBE, segments, HZ, params, pool.map)
    alone = estimate(spikes, PROBE, segments, HZ, params, map)
    assert alone.decisions == ("use",)
    assert shared.estimated_um.tobytes() == alone.estimated_um.tobytes()
    assert shared.se_um.tobytes() == alone.se_um.tobytes()
    assert shared.why == alone.why


def test_the_same_spikes_give_the_same_bytes():
    spikes = spikes_of(leaning)
    assert find(spikes).um.tobytes() == find(spikes).um.tobytes()


@pytest.mark.parametrize("moved", [zigzag, jump])
def test_alignment_to_a_template_finds_movement_too(moved):
    motion = find(spikes_of(moved, rate_hz=8.0), estimator="kilosort", n_sections=1)
    assert motion.decisions == ("rigid",)
    assert rms(error_um(motion, moved)) < 2.0


def test_alignment_to_a_template_finds_depths_that_differ():
    motion = find(spikes_of(leaning, rate_hz=12.0), estimator="kilosort", n_sections=2)
    assert motion.decisions == ("use",)
    assert rms(error_um(motion, leaning)) < 2.0
