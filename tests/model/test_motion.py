"""Motion: what it says between its times and depths, and what its decisions change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from spikesieve.errors import InputError
from spikesieve.model.motion import SPIKES_PER_LOOKUP, Motion


def motion(decisions: tuple[str, ...] = ("use", "use")) -> Motion:
    rng = np.random.default_rng(0)
    um = rng.normal(0, 5, (2, 4, 3)).astype(np.float32)
    why = ("because",) * 2
    return Motion(
        np.array([0.5, 1.5, 2.0, 5.0]), np.array([0.0, 100, 250]), np.array([0, 3]), um, 0 * um + 1, decisions, why
    )


def test_it_is_bilinear_between_and_constant_beyond():
    m, rng = motion(), np.random.default_rng(1)
    time_s, depth_um, shank = rng.uniform(-1, 7, 200), rng.uniform(-50, 300, 200), rng.choice([0, 3], 200)
    for row, number in enumerate(m.shanks):
        peer = RegularGridInterpolator((m.time_s, m.depth_um), m.estimated_um[row].astype(np.float64))
        mine = shank == number
        places = np.stack([np.clip(time_s[mine], 0.5, 5), np.clip(depth_um[mine], 0, 250)], axis=1)
        assert np.allclose(m.at(time_s[mine], depth_um[mine], shank[mine]), peer(places))


def test_more_spikes_than_are_looked_up_at_a_time_move_as_each_alone():
    m, rng, n = motion(), np.random.default_rng(2), 2 * SPIKES_PER_LOOKUP + 7
    time_s, depth_um, shank = rng.uniform(-1, 7, n), rng.uniform(-50, 300, n), rng.choice([0, 3], n)
    moved = m.at(time_s, depth_um, shank)
    for i in (0, SPIKES_PER_LOOKUP - 1, SPIKES_PER_LOOKUP, 2 * SPIKES_PER_LOOKUP - 1, 2 * SPIKES_PER_LOOKUP, n - 1):
        one = slice(i, i + 1)
        assert moved[i] == m.at(time_s[one], depth_um[one], shank[one])[0]
    assert m.at(np.empty(0), np.empty(0), np.empty(0, np.int64)).shape == (0,)


def test_a_refused_shank_does_not_move_and_a_rigid_one_moves_as_one():
    m = motion(("refuse", "rigid"))
    assert not m.um[0].any()
    assert np.allclose(m.um[1], m.estimated_um[1].mean(axis=1, keepdims=True))
    assert m.at(np.array([1.5]), np.array([30.0]), np.array([0])) == 0


def test_one_time_and_one_depth_are_enough():
    m = Motion(
        np.zeros(1),
        np.zeros(1),
        np.zeros(1, np.int64),
        np.full((1, 1, 1), 3.0, np.float32),
        np.ones((1, 1, 1), np.float32),
        ("use",),
        ("",),
    )
    assert m.at(np.array([9.0]), np.array([5.0]), np.array([0])) == 3.0


@pytest.mark.parametrize(
    "changed",
    [
        {"estimated_um": np.zeros((2, 3, 4), np.float32)},
        {"se_um": np.zeros((1, 4, 3), np.float32)},
        {"decisions": ("use",)},
        {"why": ()},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_arrays_that_do_not_fit_together_are_refused(changed):
    with pytest.raises(InputError, match="motion"):
        replace(motion(), **changed)
