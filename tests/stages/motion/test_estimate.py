"""The displacement of the tissue is found from spikes of simulated neurons, with an honest error, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.model import Motion, Probe
from spikesieve.stages.motion import raster as motion_raster
from spikesieve.stages.motion import registration
from spikesieve.stages.motion.confidence import half_of_neurons
from spikesieve.stages.motion.estimate import MotionParams, MotionSpikes, estimate
from spikesieve.stages.motion.raster import binned, make_axes, make_raster, make_windows, time_bins
from spikesieve.stages.motion.smoothing import _variance, _walk, smooth

HZ = 30_000.0
SECONDS = 80.0
PROBE = tiny.line_probe(32, 20.0)
HEIGHT_UM = 620.0


def still(time_s, depth_um):
    return np.zeros_like(time_s)


def zigzag(time_s, depth_um):
    return 20 * np.abs((time_s / 40) % 1 - 0.5) - 5


def jump(time_s, depth_um):
    return 15.0 * (time_s > 33.3)


def leaning(time_s, depth_um):
    return zigzag(time_s, depth_um) * 2 * (depth_um / HEIGHT_UM)


def spikes_of(moved, seconds=SECONDS, n_neurons=40, rate_hz=4.0, noise_um=4.0, seed=0, rates=None):
    """Located spikes of neurons on a line: rates(time_s, neuron) is the share of them that is kept."""
    rng = np.random.default_rng(seed)
    depth, size = rng.uniform(0, HEIGHT_UM, n_neurons), rng.lognormal(4.7, 0.5, n_neurons)
    neuron = np.repeat(np.arange(n_neurons), rng.poisson(rng.lognormal(0, 0.5, n_neurons) * rate_hz * seconds))
    sample = rng.integers(0, round(seconds * HZ), len(neuron))
    if rates is not None:
        kept = rng.random(len(neuron)) < rates(sample / HZ, neuron)
        neuron, sample = neuron[kept], sample[kept]
    order = np.argsort(sample, kind="stable")
    neuron, sample = neuron[order], sample[order]
    y = depth[neuron] + moved(sample / HZ, depth[neuron]) + noise_um * rng.standard_normal(len(neuron))
    amplitude = size[neuron] * np.exp(0.12 * rng.standard_normal(len(neuron)))
    return MotionSpikes(sample, y.astype(np.float32), amplitude.astype(np.float32), np.zeros(len(neuron), np.int64))


def find(spikes, segments=None, probe=PROBE, **changes) -> Motion:
    return estimate(spikes, probe, segments or ((0, round(SECONDS * HZ)),), HZ, MotionParams(**changes))


def error_um(motion: Motion, moved, shank: int = 0) -> np.ndarray:
    """(n_times, n_depths) of the displacement that is used, each course without its median."""
    truth = np.stack([moved(motion.time_s, np.full_like(motion.time_s, d)) for d in motion.depth_um], axis=1)
    return motion.um[shank] - (truth - np.median(truth, axis=0))


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


# The whole estimate.


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
    assert "No movement was seen" in motion.why[0]


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


@pytest.mark.parametrize("rates", [twice_as_many, others])
def test_changes_in_firing_are_not_movement(rates):
    assert rms(error_um(find(spikes_of(still, rates=rates, rate_hz=8.0)), still)) < 0.7
    assert rms(error_um(find(spikes_of(zigzag, rates=rates, rate_hz=8.0)), zigzag)) < 1.5


def test_a_neuron_that_sticks_to_a_contact_does_not_decide():
    moving, stuck = spikes_of(zigzag), spikes_of(still, n_neurons=1, rate_hz=60.0, noise_um=1.0, seed=3)
    parts = [moving, stuck]
    order = np.argsort(np.concatenate([p.sample for p in parts]), kind="stable")
    both = MotionSpikes(
        *(np.concatenate([getattr(p, name) for p in parts])[order] for name in MotionSpikes.__annotations__)
    )
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
    some = MotionSpikes(*(getattr(spikes, name)[keep] for name in MotionSpikes.__annotations__))
    motion = find(some, segments=((0, gap[0]), (gap[1], round(SECONDS * HZ))))
    assert not ((motion.time_s > 25) & (motion.time_s < 45)).any()
    assert rms(error_um(motion, jump)) < 1.5


def test_without_spikes_for_a_while_the_error_grows():
    spikes = spikes_of(zigzag, rates=lambda time_s, neuron: 1.0 - ((time_s > 30) & (time_s < 50)))
    motion = find(spikes)
    silent = (motion.time_s > 37) & (motion.time_s < 43)
    assert np.isfinite(motion.um).all()
    assert motion.se_um[0, silent].mean() > 1.5 * motion.se_um[0, ~silent].mean()


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
    nothing = MotionSpikes(*(getattr(spikes, name)[:0] for name in MotionSpikes.__annotations__))
    tetrode = Probe(np.array([[0.0, 0], [12, 0], [0, 12], [12, 12]]), np.arange(4), np.zeros(4, np.int64))
    second = MotionSpikes(*(getattr(spikes, name)[spikes.sample < HZ] for name in MotionSpikes.__annotations__))
    for motion, word in (
        (find(nothing), "spikes"),
        (find(spikes, probe=tetrode), "rows"),
        (find(second, segments=((0, round(HZ)),)), "bins of time"),
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


# Its parts.


def test_bins_of_time_fill_segments_and_cross_no_end():
    bins = time_bins(((100, 1100), (1500, 1560), (3000, 3001)), 300)
    assert bins.start.tolist() == [100, 433, 766, 1500, 3000]
    assert bins.stop.tolist() == [433, 766, 1100, 1560, 3001]
    assert bins.of(np.array([99, 100, 432, 433, 1100, 1559, 1560, 3000])).tolist() == [-1, 0, 0, 1, -1, 3, -1, 4]


def test_a_pair_of_bins_shifts_by_what_moved():
    bins = time_bins(((0, round(SECONDS * HZ)),), 2 * HZ)
    spikes = spikes_of(zigzag, rate_hz=20.0)
    some = binned(bins, spikes.sample, spikes.depth_um, spikes.amplitude_uv)
    axes = make_axes(some, (-60.0, 680.0), 2.5)
    comparison = registration.Comparison(lambda a, b: make_raster(some, (a, b), axes), np.ones(axes.n_depths), 24, 2.5)
    pairs = registration.compare(comparison, len(bins), 10)
    time_s = bins.centre / HZ
    later = np.arange(len(bins))[:, None] + 1 + np.arange(10)
    known = later < len(bins)
    course = zigzag(time_s, 0)
    expected = course[:, None] - course[np.minimum(later, len(bins) - 1)]
    assert np.median(np.abs(pairs.shift_um - expected)[known]) < 1
    assert not pairs.correlation[~known].any()
    assert rms(registration.solve(pairs, bins.gap, 0.1) - (course - np.median(course))) < 1


def test_pairs_do_not_depend_on_how_many_are_compared_at_once(monkeypatch):
    bins = time_bins(((0, round(SECONDS * HZ)),), HZ)
    spikes = spikes_of(zigzag)
    some = binned(bins, spikes.sample, spikes.depth_um, spikes.amplitude_uv)
    axes = make_axes(some, (-60.0, 680.0), 2.5)
    comparison = registration.Comparison(lambda a, b: make_raster(some, (a, b), axes), np.ones(axes.n_depths), 20, 2.5)
    whole = registration.compare(comparison, len(bins), 30)
    monkeypatch.setattr(registration, "TILE", 7)
    pieces = registration.compare(comparison, len(bins), 30)
    np.testing.assert_allclose(pieces.correlation, whole.correlation, atol=1e-4)


def test_wrong_pairs_do_not_pull_a_course():
    rng = np.random.default_rng(0)
    course = np.cumsum(rng.standard_normal(60))
    later = np.arange(60)[:, None] + 1 + np.arange(59)
    shift = (course[:, None] - course[np.minimum(later, 59)]).astype(np.float32)
    wrong = rng.random(shift.shape) < 0.2
    shift[wrong] += rng.choice([-40, 40], wrong.sum())
    pairs = registration.Pairs(shift, np.where(later < 60, 0.5, 0).astype(np.float32))
    assert rms(registration.solve(pairs, np.ones(59), 0.01) - (course - np.median(course))) < 0.2


@pytest.mark.parametrize(("n_bins", "horizon"), [(1, 1), (2, 1), (5, 4), (300, 7), (513, 12)])
def test_a_course_is_that_of_weighted_least_squares_with_all_pairs_at_once(n_bins, horizon):
    """More bins than are weighed at once, and fewer; pairs that say nothing, and pairs that are wrong."""
    rng = np.random.default_rng(n_bins)
    course = np.cumsum(rng.standard_normal(n_bins))
    first, later = np.indices((n_bins, horizon))
    later += first + 1
    inside = later < n_bins
    shift = course[first] - course[np.minimum(later, n_bins - 1)] + rng.standard_normal(first.shape)
    shift[rng.random(shift.shape) < 0.1] += 40
    correlation = np.where(inside, rng.random(shift.shape), 0)
    pairs = registration.Pairs(shift.astype(np.float32), correlation.astype(np.float32))
    gap = rng.uniform(0.5, 3, n_bins - 1)
    slow = slow_course(first[inside], later[inside], shift[inside], correlation[inside], gap, 0.1)
    np.testing.assert_allclose(registration.solve(pairs, gap, 0.1), slow, atol=1e-5)


def test_spikes_at_rest_do_not_depend_on_how_many_are_moved_at_once(monkeypatch):
    spikes, windows = spikes_of(leaning), make_windows(0.0, HEIGHT_UM, 3)
    bins = time_bins(((0, round(SECONDS * HZ)),), HZ)
    some = binned(bins, spikes.sample, spikes.depth_um, spikes.amplitude_uv)
    course = np.random.default_rng(0).standard_normal((len(bins), len(windows)))
    whole = some.at_rest(course, windows)
    monkeypatch.setattr(motion_raster, "AT_ONCE", 7)
    np.testing.assert_array_equal(some.at_rest(course, windows).depth_um, whole.depth_um)
    at = 5
    moved = np.interp(some.depth_um[at], windows.centre_um, course[some.bin[at]])
    assert whole.depth_um[at] == pytest.approx(some.depth_um[at] - moved, abs=1e-3)


def slow_course(first, later, shift_um, correlation, gap, smoothing):
    """The course p of `motion_registration.solve`, pair by pair: shift = p[first] - p[later].

    Least squares five times over, pairs weighted with their squared correlation (0 below 0.1) and, from the second
    time on, less where they are far from the course before (Cauchy, 3 SD).
    """
    n, agree = len(gap) + 1, np.ones(len(first))
    trust = np.where(correlation >= 0.1, correlation**2, 0.0)
    for _ in range(5):
        normal, right = 1e-3 * np.eye(n), np.zeros(n)
        for i, j, u, s in zip(first, later, trust * agree, shift_um, strict=True):
            normal[[i, j], [i, j]] += u
            normal[[i, j], [j, i]] -= u
            right[[i, j]] += u * s, -u * s
        for i, g in enumerate(gap):
            link = smoothing / max(g, 1.0)
            normal[[i, i + 1], [i, i + 1]] += link
            normal[[i, i + 1], [i + 1, i]] -= link
        found = np.linalg.solve(normal, right)
        residual = shift_um - (found[first] - found[later])
        sd = 1.4826 * np.median(np.abs(residual[trust > 0])) if trust.any() else 0.0
        agree = 1 / (1 + (residual / max(3 * sd, 1e-6)) ** 2)
    return found - np.median(found)


def test_a_walk_and_its_error_are_those_of_linear_algebra():
    rng = np.random.default_rng(1)
    seen, weight, steps = rng.standard_normal(12), rng.uniform(0.5, 2, 12), rng.uniform(0.1, 1, 11)
    weight[4] = 0
    step = np.diff(np.eye(12), axis=0)
    precision = np.diag(weight) + step.T @ np.diag(1 / steps) @ step
    course, cost = _walk(seen, weight, steps)
    np.testing.assert_allclose(course, np.linalg.solve(precision, weight * seen), atol=1e-9)
    np.testing.assert_allclose(_variance(weight, steps), np.diag(np.linalg.inv(precision)), rtol=1e-6)

    def exact(steps):
        """-2 log likelihood of what was seen, of a walk that starts anywhere."""
        known, walk = np.flatnonzero(weight), np.cumsum(np.append(0, steps))
        covariance = np.minimum(walk[:, None], walk)[np.ix_(known, known)] + np.diag(1 / weight[known]) + 1e7
        return np.linalg.slogdet(covariance)[1] + seen[known] @ np.linalg.solve(covariance, seen[known])

    assert cost - _walk(seen, weight, 2 * steps)[1] == pytest.approx(exact(steps) - exact(2 * steps), abs=1e-4)


def test_smoothing_finds_the_step_of_a_walk_and_covers_it():
    rng = np.random.default_rng(2)
    truth = np.cumsum(0.5 * rng.standard_normal(400))
    found = smooth(truth + rng.standard_normal(400), np.ones(400), np.ones(399))
    off = found.um - (truth - np.median(truth))
    assert found.step_um == pytest.approx(0.5, rel=0.3)
    assert found.likelihood > 50
    assert rms(off - off.mean()) < 0.75
    assert 0.9 < np.mean(np.abs(off - off.mean()) < 1.96 * np.sqrt(found.variance)) <= 1


def test_smoothing_noise_leaves_nothing():
    found = smooth(np.random.default_rng(3).standard_normal(400), np.ones(400), np.ones(399))
    assert np.abs(found.um).max() < 0.5
    assert found.likelihood < 3


def test_smoothing_without_anything_seen_knows_nothing():
    found = smooth(np.zeros(5), np.full(5, np.inf), np.ones(4))
    assert np.isinf(found.variance).all()


def test_halves_share_few_neurons():
    spikes = spikes_of(zigzag)
    bins = time_bins(((0, round(SECONDS * HZ)),), HZ)
    some = binned(bins, spikes.sample, spikes.depth_um, spikes.amplitude_uv)
    one = make_windows(0, HEIGHT_UM, 1)
    course = zigzag(bins.centre / HZ, 0)[:, None]
    half = half_of_neurons(some, course, one)
    assert 0.3 < half.mean() < 0.7
    neuron = np.round(some.at_rest(course, one).depth_um / 2)
    mixed = [min(half[neuron == k].mean(), 1 - half[neuron == k].mean()) for k in np.unique(neuron)]
    assert np.mean(mixed) < 0.25
