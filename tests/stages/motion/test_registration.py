"""Pairs of time bins shift by what moved, and one displacement explains them all, wrong pairs or not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from drifting_spikes import HZ, binned_spikes, rms, zigzag

from spikesieve.stages.motion import registration
from spikesieve.stages.motion.raster import BinnedSpikes, HiddenDepths, make_axes, make_raster
from spikesieve.stages.motion.registration import PairShifts, RasterCorrelator, correlate_pairs, solve_displacement


def test_a_pair_of_bins_shifts_by_what_moved():
    bins, spikes = binned_spikes(zigzag, 2.0, rate_hz=20.0)
    axes = make_axes(spikes, (-60.0, 680.0), 2.5)
    correlator = RasterCorrelator(partial(make_raster, spikes, axes), np.ones(axes.n_depths), 24, 2.5)
    pairs = correlate_pairs(correlator, len(bins), 10)
    time_s = bins.centre / HZ
    later = np.arange(len(bins))[:, None] + 1 + np.arange(10)
    known = later < len(bins)
    displacement = zigzag(time_s, 0)
    expected = displacement[:, None] - displacement[np.minimum(later, len(bins) - 1)]
    assert np.median(np.abs(pairs.shift_um - expected)[known]) < 1
    assert not pairs.correlation[~known].any()
    assert rms(solve_displacement(pairs, bins.gap, 0.1) - (displacement - np.median(displacement))) < 1


def test_pairs_do_not_depend_on_how_many_are_compared_at_once(monkeypatch):
    bins, spikes = binned_spikes(zigzag, 1.0)
    axes = make_axes(spikes, (-60.0, 680.0), 2.5)
    correlator = RasterCorrelator(partial(make_raster, spikes, axes), np.ones(axes.n_depths), 20, 2.5)
    whole = correlate_pairs(correlator, len(bins), 30)
    monkeypatch.setattr(registration, "TILE_BINS", 7)
    pieces = correlate_pairs(correlator, len(bins), 30)
    np.testing.assert_allclose(pieces.correlation, whole.correlation, atol=1e-4)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_neuron_is_not_taken_for_another_that_cannot_be_seen(is_known):
    """In the first four bins only the neuron at 500 um is seen; the one at 443 um, which fires more, is hidden."""
    depth_um, n_spikes = np.array([500.0, 443.0, 200.0], np.float32), np.array([10, 30, 10])
    later = np.repeat(depth_um, n_spikes)
    depths = [np.full(10, 500, np.float32)] * 4 + [later] * 4
    time_bin = np.repeat(np.arange(8, dtype=np.int32), [len(each) for each in depths])
    hidden = None if is_known else HiddenDepths(np.arange(4), np.tile([-60.0, 480.0], (4, 1)))
    flat = np.concatenate(depths)
    spikes = BinnedSpikes(time_bin, flat, np.full(len(flat), 4, np.float32), hidden)
    axes = make_axes(spikes, (-60.0, 680.0), 2.5)
    pairs = correlate_pairs(RasterCorrelator(partial(make_raster, spikes, axes), np.ones(axes.n_depths), 30, 2.5), 8, 7)
    assert pairs.correlation[0, :3].min() > 0.9
    assert bool(pairs.correlation[0, 3:].any()) == is_known
    displacement = solve_displacement(pairs, np.ones(7), 0.1)
    assert (np.ptp(displacement) < 1) == (not is_known)


def test_wrong_pairs_do_not_pull_the_displacement():
    rng = np.random.default_rng(0)
    displacement = np.cumsum(rng.standard_normal(60))
    later = np.arange(60)[:, None] + 1 + np.arange(59)
    shift = (displacement[:, None] - displacement[np.minimum(later, 59)]).astype(np.float32)
    wrong = rng.random(shift.shape) < 0.2
    shift[wrong] += rng.choice([-40, 40], wrong.sum())
    pairs = PairShifts(shift, np.where(later < 60, 0.5, 0).astype(np.float32))
    assert rms(solve_displacement(pairs, np.ones(59), 0.01) - (displacement - np.median(displacement))) < 0.2


@pytest.mark.parametrize(("n_bins", "horizon"), [(1, 1), (2, 1), (5, 4), (300, 7), (513, 12)])
def test_a_displacement_is_that_of_weighted_least_squares_with_all_pairs_at_once(n_bins, horizon):
    """More bins than are weighed at once, and fewer; pairs that say nothing, and pairs that are wrong."""
    rng = np.random.default_rng(n_bins)
    displacement = np.cumsum(rng.standard_normal(n_bins))
    first, later = np.indices((n_bins, horizon))
    later += first + 1
    inside = later < n_bins
    shift = displacement[first] - displacement[np.minimum(later, n_bins - 1)] + rng.standard_normal(first.shape)
    shift[rng.random(shift.shape) < 0.1] += 40
    correlation = np.where(inside, rng.random(shift.shape), 0)
    pairs = PairShifts(shift.astype(np.float32), correlation.astype(np.float32))
    gap = rng.uniform(0.5, 3, n_bins - 1)
    slow = slow_displacement(first[inside], later[inside], shift[inside], correlation[inside], gap, 0.1)
    np.testing.assert_allclose(solve_displacement(pairs, gap, 0.1), slow, atol=1e-5)


def slow_displacement(first, later, shift_um, correlation, gap, smoothing):
    """The displacement p of `solve_displacement`, pair by pair: shift = p[first] - p[later].

    Least squares five times over, pairs weighted with their squared correlation (0 below 0.1) and, from the second
    time on, less where they are far from the displacement before (Cauchy, 3 SD).
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
