"""Depth windows overlap by half, and displacements are interpolated between their centres."""

from __future__ import annotations

import numpy as np

from spikesieve.stages.motion.depth_windows import WINDOW_END_SDS, make_depth_windows


def test_windows_of_n_sections_are_evenly_spaced_and_end_at_two_sd():
    windows = make_depth_windows(0.0, 600.0, 3)
    assert windows.centre_um.tolist() == [100, 200, 300, 400, 500]
    low, high = windows.limits_um(2)
    assert (low + high) / 2 == 300
    assert (high - low) / 2 == WINDOW_END_SDS * windows.sd_um
    weights = windows.weights(2, np.array([low - 1, 300.0, 300.0 + windows.sd_um, high + 1]))
    np.testing.assert_allclose(weights, [0, 1, np.exp(-0.5), 0])


def test_a_single_window_holds_all_depths():
    window = make_depth_windows(0.0, 600.0, 1)
    depth_um = np.array([-500.0, 300.0, 9000.0])
    assert window.weights(0, depth_um).tolist() == [1, 1, 1]
    assert window.interpolate(np.array([[7.0], [8.0]]), depth_um).tolist() == [[7, 7, 7], [8, 8, 8]]


def test_displacements_are_linear_between_centres_and_constant_beyond():
    windows = make_depth_windows(0.0, 400.0, 2)
    displacement_um = np.array([[0.0, 10.0, -10.0]])
    depth_um = np.array([-50.0, 100.0, 150.0, 275.0, 300.0, 500.0])
    assert windows.interpolate(displacement_um, depth_um)[0].tolist() == [0, 0, 5, -5, -10, -10]
