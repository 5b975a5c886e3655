"""Drift of simulated tissue, and how units and ground truth follow it."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.model import Probe
from spikesieve.simulation import Inputs, SimulationParams, simulate, simulate_array
from spikesieve.simulation.drift import Displacement, draw_displacement, no_drift
from spikesieve.simulation.parameters import DriftParams

SILENT = {"noise_uv": 0.0, "slow_field_uv": 0.0, "hum_uv": 0.0, "background_per_unit": 0.0}


def probe_of(n_contacts: int = 24, n_shanks: int = 1) -> Probe:
    row = np.arange(n_contacts * n_shanks)
    shank = row // n_contacts
    positions = np.stack([row % 2 * 16.0 + 250.0 * shank, row % n_contacts * 20.0], axis=1)
    return Probe(positions, row, shank)


def course(seconds: float = 600.0, n_shanks: int = 1, seed: int = 0, **params) -> Displacement:
    probe = probe_of(n_shanks=n_shanks)
    rng = np.random.default_rng(seed)
    return draw_displacement(probe.positions_um, probe.shanks, DriftParams(**params), seconds, rng)


def middle(displacement: Displacement) -> np.ndarray:
    return displacement.course_um(0, 230.0)


def test_without_drift_nothing_moves():
    assert not course().um.any()
    assert course().um.size == 1


def test_a_sine_has_its_amplitude_and_period():
    moved = course(drift_sine_um=5.0, drift_sine_period_s=60.0)
    assert middle(moved).max() == pytest.approx(5.0, abs=1e-3)
    rises = np.flatnonzero((middle(moved)[:-1] < 0) & (middle(moved)[1:] >= 0))
    np.testing.assert_allclose(np.diff(moved.time_s[rises]), 60.0, atol=0.05)


def test_relaxation_halves_each_half_life():
    moved = course(drift_relaxation_um=8.0, drift_relaxation_s=10.0)
    at = np.searchsorted(moved.time_s, [0, 10, 20])
    np.testing.assert_allclose(middle(moved)[at], [8, 4, 2], atol=0.02)


def test_a_zigzag_is_straight_between_its_ends():
    moved = course(drift_zigzag_um=16.0, drift_zigzag_period_s=200.0)
    assert (middle(moved).min(), middle(moved).max()) == pytest.approx((-8.0, 8.0), abs=0.01)
    assert middle(moved)[0] == pytest.approx(0.0)
    np.testing.assert_allclose(np.abs(np.diff(middle(moved))).max(), 32.0 / 200 / 50, rtol=1e-3)


def test_a_step_comes_when_it_should():
    moved = course(drift_step_um=30.0, drift_step_at=0.25)
    assert middle(moved)[moved.time_s < 149.9].max() == 0.0
    assert (middle(moved)[moved.time_s > 150.1] == 30.0).all()


def test_a_walk_and_smooth_noise_keep_their_range():
    assert np.abs(middle(course(drift_walk_um=12.0))).max() == pytest.approx(12.0, rel=1e-3)
    smooth = middle(course(drift_smooth_um=9.4, drift_smooth_s=20.0))
    assert np.ptp(smooth) == pytest.approx(9.4, rel=1e-3)
    assert np.abs(np.diff(smooth)).max() * 50 < 2.0, "um in a second"


def test_fast_events_rise_and_decay_as_asked():
    moved = course(seconds=60.0, drift_event_um=10.0, drift_events_per_min=1.0)
    size = np.abs(middle(moved))
    top = int(size.argmax())
    assert size[top] == pytest.approx(10.0, rel=0.12)
    assert not size[: top - 6].any(), "it rises within 80 ms"
    assert size[top + 10] == pytest.approx(size[top] * np.exp(-1), rel=0.1), "and falls to 1/e in 200 ms"


def test_events_come_as_often_as_asked():
    moved = middle(course(seconds=600.0, drift_event_um=10.0, drift_events_per_min=2.0))
    starts = (np.abs(moved[:-1]) < 1e-3) & (np.abs(moved[1:]) > 1e-3)
    assert 12 <= starts.sum() <= 20


def test_rigid_drift_is_the_same_at_all_depths():
    moved = course(drift_walk_um=10.0, drift_sine_um=3.0)
    np.testing.assert_array_equal(moved.course_um(0, 0.0), moved.course_um(0, 460.0))


def test_nonrigid_drift_decorrelates_with_distance():
    moved = course(drift_smooth_um=20.0, drift_smooth_s=20.0, nonrigid=0.8)
    near, far = (np.corrcoef(moved.course_um(0, 0.0), moved.course_um(0, depth))[0, 1] for depth in (60.0, 460.0))
    assert near > 0.9 > far


def test_a_nonrigid_sine_is_smaller_at_the_top():
    moved = course(drift_sine_um=10.0, nonrigid=0.5)
    assert np.ptp(moved.course_um(0, 460.0)) == pytest.approx(0.5 * np.ptp(moved.course_um(0, 0.0)), rel=1e-3)
    assert np.ptp(moved.course_um(0, 230.0)) == pytest.approx(0.75 * np.ptp(moved.course_um(0, 0.0)), rel=1e-3)


def test_motion_can_decay_with_depth():
    moved = course(drift_sine_um=10.0, drift_decay_um=200.0, drift_origin_um=460.0)
    ratio = np.ptp(moved.course_um(0, 260.0)) / np.ptp(moved.course_um(0, 460.0))
    assert ratio == pytest.approx(np.exp(-1), rel=0.02)


def test_shanks_move_on_their_own_only_when_asked():
    together = course(n_shanks=2, drift_walk_um=10.0)
    np.testing.assert_array_equal(together.course_um(0, 0.0), together.course_um(1, 0.0))
    alone = course(n_shanks=2, drift_walk_um=10.0, drift_per_shank=True)
    assert np.abs(alone.course_um(0, 0.0) - alone.course_um(1, 0.0)).max() > 2.0


# How units follow it


def one_unit(**params) -> SimulationParams:
    return SimulationParams(
        n_units=1, rate_hz=20.0, rate_log_sd=0.0, spike_spread=0.0, gain_uv=0.05, **SILENT, **params
    )


def test_a_unit_that_has_moved_by_a_row_looks_as_it_would_one_row_up():
    """Contacts of a column are 40 um apart here, and footprints are linear between places only."""
    still = simulate(probe_of(), one_unit(seconds=2.0, seed=3))
    shifted = Displacement(np.zeros(1), np.zeros(1), np.full((1, 1, 1), 40.0, np.float32))
    moved = simulate(probe_of(), one_unit(seconds=2.0, seed=3), Inputs(displacement=shifted))
    template_uv = moved.truth.template_at(0, 40.0)
    np.testing.assert_allclose(template_uv[:, 2:], still.truth.templates_uv[0][:, :-2], atol=0.5)
    assert moved.truth.moved_um[0] == 40.0


def test_a_unit_is_seen_by_its_own_shank_only():
    probe = probe_of(n_contacts=6, n_shanks=2)
    truth = simulate(probe, SimulationParams(n_units=8, seconds=0.5, **SILENT)).truth
    assert set(truth.shank) == {0, 1}
    for unit in range(8):
        seen = np.abs(truth.templates_uv[unit]).max(axis=0) > 0
        assert set(probe.shanks[seen]) == {truth.shank[unit]}
        assert abs(truth.position_um[unit, 0] - 250.0 * truth.shank[unit]) < 60.0


def test_the_recording_follows_the_displacement():
    params = one_unit(seconds=8.0, seed=3, drift_sine_um=20.0, drift_sine_period_s=4.0)
    raw, truth = simulate_array(probe_of(), params)
    assert np.ptp(truth.moved_um) > 35.0
    window = np.arange(-truth.peak_index, truth.templates_uv.shape[1] - truth.peak_index)
    alone = np.flatnonzero(np.diff(truth.sample, prepend=-1000, append=10**9)[1:] > 200)[1:]
    for spike in alone[::10]:
        seen = raw[truth.sample[spike] + window] * params.gain_uv / truth.amplitude[spike]
        expected = truth.template_at(0, truth.moved_um[spike])
        near = np.abs(expected).max(axis=0) > 5.0
        # The template has its trough on a sample; spikes may lie up to half a sample away.
        assert np.linalg.norm((seen - expected)[:, near]) < 0.25 * np.linalg.norm(expected)


def test_the_truth_says_where_a_unit_is_when_it_fires():
    params = one_unit(seconds=8.0, seed=3, drift_sine_um=20.0, drift_sine_period_s=4.0)
    truth = simulate(probe_of(), params).truth
    at_s = truth.sample / truth.sampling_hz
    np.testing.assert_allclose(truth.moved_um, 20 * np.sin(2 * np.pi * at_s / 4), atol=0.1)
    np.testing.assert_allclose(truth.position_at(5) - truth.position_um[0], [0, truth.moved_um[5], 0], atol=1e-5)


def test_a_given_displacement_of_0_is_the_same_as_no_drift():
    params = one_unit(seconds=1.0)
    inputs = Inputs(displacement=no_drift())
    np.testing.assert_array_equal(simulate_array(probe_of(), params)[0], simulate_array(probe_of(), params, inputs)[0])
