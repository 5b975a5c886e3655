"""Locked to a clock: what is electronic is told from what neurons do."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import TIME

from spikesieve.metrics.locking import locking
from spikesieve.model import Label
from spikesieve.stages.foreign_trains import foreign_label

HZ, SECONDS = 30_000.0, 60


def jittered(hz: float, jitter_ms: float, kept: float = 0.5) -> np.ndarray:
    """Half of the ticks of a clock, each off by some time."""
    rng = np.random.default_rng(0)
    at = np.arange(0, SECONDS, 1 / hz) * HZ
    at = at[rng.random(len(at)) < kept]
    return np.sort(np.rint(at + jitter_ms * HZ / 1e3 * rng.standard_normal(len(at))).astype(np.int64))


@pytest.mark.parametrize("n", [30, 100, 300, 3000])
def test_random_trains_are_not_locked(n):
    rng = np.random.default_rng(n)
    assert not any(locking(np.sort(rng.integers(0, SECONDS * int(HZ), n)), TIME, (50.0, 60.0)) for _ in range(50))


@pytest.mark.parametrize("rate", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("variation", [0.05, 0.3])
def test_a_neuron_that_fires_regularly_is_not_locked(rate, variation):
    shape = variation**-2
    intervals_s = np.random.default_rng(0).gamma(shape, 1 / (shape * rate), int(rate * SECONDS))
    assert locking((np.cumsum(intervals_s) * HZ).astype(np.int64), TIME, (50.0, 60.0)) is None


@pytest.mark.parametrize("hz", [2.0, 10.0, 40.0])
def test_a_neuron_that_follows_a_repeated_stimulus_is_not_locked(hz):
    assert locking(jittered(hz, 1.0), TIME, (50.0, 60.0)) is None


@pytest.mark.parametrize("hz", [10.0, 40.0, 60.0, 100.0, 1000.0])
def test_the_ticks_of_a_clock_are_found_with_their_frequency(hz):
    found = locking(jittered(hz, 0.05), TIME)
    assert found.hz == pytest.approx(hz, abs=0.3)
    assert found.share > 0.8


def test_the_mains_are_known_and_may_jitter():
    assert locking(jittered(50.0, 1.5), TIME) is None
    assert locking(jittered(50.0, 1.5), TIME, (50.0, 60.0)).hz == pytest.approx(50.0)
    assert "the mains of 50 Hz" in foreign_label(jittered(50.0, 1.5), TIME, ())[1]


def test_a_unit_that_is_half_in_step_is_several_things():
    rng = np.random.default_rng(0)
    random = np.sort(rng.integers(0, SECONDS * int(HZ), 3000))
    ticks = 30 * rng.integers(0, SECONDS * 1000, 2000)
    label, why = foreign_label(np.sort(np.r_[random, ticks]), TIME, ())
    assert label == Label.MUA
    assert "of its spikes are in step with a clock of 1000 Hz" in why
    assert 0.35 < float(why.split("%")[0]) / 100 < 0.45
    assert foreign_label(np.sort(ticks), TIME, ())[0] == Label.NOISE
    assert foreign_label(random, TIME, ()) is None


def test_too_few_spikes_tell_nothing():
    assert locking(np.arange(15) * 30_000, TIME) is None
    assert locking(np.empty(0, np.int64), TIME) is None
