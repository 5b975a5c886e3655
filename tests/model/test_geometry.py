"""Neighbours on a probe: a shank is a hard border, ties go to the lower index, what is missing is -1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny import line_probe

from spikesieve.geometry import distances_um, nearest, vertical_pitch_um


def test_distances_are_infinite_between_shanks_only():
    probe = line_probe(3, shanks=2)
    distance = distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)
    assert np.isinf(distance[:3, 3:]).all()
    assert np.isinf(distance[3:, :3]).all()
    np.testing.assert_array_equal(distance[:3, :3], [[0, 20, 40], [20, 0, 20], [40, 20, 0]])


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (4, 6), elements=st.sampled_from([0.0, 1.0, 2.0, 5.0, np.inf])), st.integers(1, 8))
def test_nearest_is_the_sorted_list_of_what_is_within_reach(distance, n):
    found = nearest(distance, n, within_um=3.0)
    assert found.shape == (4, min(n, 6))
    for row, columns in zip(distance, found, strict=True):
        wanted = sorted((d, c) for c, d in enumerate(row) if d <= 3.0)[: min(n, 6)]
        assert [c for c in columns if c >= 0] == [c for _, c in wanted]
        assert (columns[len(wanted) :] == -1).all()


def test_nearest_of_nothing():
    assert nearest(np.empty((0, 3)), 2).shape == (0, 2)


@pytest.mark.parametrize(
    ("y", "pitch"), [([0, 20, 40], 20.0), ([0, 0, 40], 40.0), ([7], 20.0), ([0, 10, 40, 50, 80], 20.0), ([5, 5], 20.0)]
)
def test_vertical_pitch(y, pitch):
    positions = np.stack([np.arange(len(y)) * 10.0, np.array(y, float)], axis=1)
    assert vertical_pitch_um(positions, np.zeros(len(y), int)) == pitch


def test_vertical_pitch_is_taken_within_shanks():
    positions = np.array([[0, 0], [0, 30], [0, 60], [200, 1], [200, 31], [200, 61]], float)
    assert vertical_pitch_um(positions, np.array([0, 0, 0, 1, 1, 1])) == 30.0


def test_vertical_pitch_does_not_fall_for_measured_positions():
    """Rows whose depths differ by a hair are one row: a pitch of nanometres would place millions of centres."""
    y = np.repeat(np.arange(16) * 20.0, 2) + 1e-4 * np.random.default_rng(0).standard_normal(32)
    positions = np.stack([np.tile([0.0, 32.0], 16), y], axis=1)
    assert vertical_pitch_um(positions, np.zeros(32, int)) == pytest.approx(20.0, abs=0.01)
