"""Amplitudes whose distribution is known: missing spikes, noise, several neurons, drift."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.metrics.amplitudes import amplitude_cutoff, amplitude_cv, first_after_pauses, noise_cutoff, sd_ratio
from spikesieve.metrics.position_drift import position_drift
from spikesieve.model import SortedTime

N = 20_000
TIME = SortedTime(((0, 60_000_000),), 30_000.0)
TRAIN = np.arange(N) * 3000
RNG = np.random.default_rng(0)
AMPLITUDE = RNG.normal(100.0, 10.0, N)


@pytest.mark.parametrize(("limit", "missing"), [(0.0, 0.0), (87.0, 0.10), (92.0, 0.21)])
def test_the_missing_share_is_what_was_cut_off(limit: float, missing: float) -> None:
    assert amplitude_cutoff(AMPLITUDE[limit < AMPLITUDE]) == pytest.approx(missing, abs=0.04)


def test_a_cut_shows_as_too_many_small_spikes() -> None:
    assert noise_cutoff(AMPLITUDE).cutoff < 0 < 5 < noise_cutoff(AMPLITUDE[AMPLITUDE > 100.0]).cutoff


def test_the_variation_within_short_times_does_not_grow_with_drift() -> None:
    drifting = AMPLITUDE + np.linspace(-30.0, 30.0, N)
    assert amplitude_cv(AMPLITUDE, TRAIN, TIME).median == pytest.approx(0.1, rel=0.03)
    assert amplitude_cv(drifting, TRAIN, TIME).median == pytest.approx(0.1, rel=0.05)
    assert np.isnan(amplitude_cv(AMPLITUDE[:400], TRAIN[:400], TIME).median)


def test_only_what_noise_does_not_explain_raises_the_ratio() -> None:
    drifting = AMPLITUDE + np.linspace(-30.0, 30.0, N)
    assert sd_ratio(drifting, 10.0, TRAIN, TIME) == pytest.approx(1.0, rel=0.03)
    mixed = AMPLITUDE + 20.0 * RNG.choice([-1, 1], N)
    assert sd_ratio(mixed, 10.0, TRAIN, TIME) == pytest.approx(np.sqrt(5), rel=0.03)
    bursts = np.repeat(TRAIN, 2) + np.tile([0, 90], N)
    smaller = np.repeat(AMPLITUDE, 2) * np.tile([1.0, 0.5], N)
    assert sd_ratio(smaller, 10.0, bursts, TIME) == pytest.approx(1.0, rel=0.03)


def test_no_spike_is_no_number() -> None:
    none, no_train = AMPLITUDE[:0], TRAIN[:0]
    assert np.isnan(amplitude_cutoff(none))
    assert np.isnan(noise_cutoff(none)).all()
    assert np.isnan(sd_ratio(none, 1.0, no_train, TIME))
    assert np.isnan(amplitude_cv(none, no_train, TIME)).all()
    assert np.isnan(position_drift(none, no_train, TIME)).all()
    assert len(first_after_pauses(no_train, 5)) == 0


def test_the_movement_is_that_of_the_minutes_with_enough_spikes() -> None:
    y_um = 50.0 + TRAIN / 60_000_000 * 33.0
    drift = position_drift(y_um, TRAIN, TIME)
    assert drift.ptp == pytest.approx(32 * 33 / 33.33, rel=0.01)
    assert drift.mad < drift.std < drift.ptp
    rare = TRAIN[:: N // 100]
    assert np.isnan(position_drift(y_um[:: N // 100], rare, TIME)).all()
