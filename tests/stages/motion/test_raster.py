"""Spikes are corrected for drift by interpolating between depth windows, and counted in rasters."""

from __future__ import annotations

import numpy as np
import pytest
from drifting_spikes import HEIGHT_UM, binned_spikes, leaning

from spikesieve.stages.motion import raster
from spikesieve.stages.motion.depth_windows import make_depth_windows
from spikesieve.stages.motion.raster import BinnedSpikes, RasterAxes, make_raster


def test_spikes_at_rest_do_not_depend_on_how_many_are_moved_at_once(monkeypatch):
    windows = make_depth_windows(0.0, HEIGHT_UM, 3)
    bins, spikes = binned_spikes(leaning, 1.0)
    displacement_um = np.random.default_rng(0).standard_normal((len(bins), len(windows)))
    whole = spikes.at_rest(displacement_um, windows)
    monkeypatch.setattr(raster, "AT_ONCE", 7)
    np.testing.assert_array_equal(spikes.at_rest(displacement_um, windows).depth_um, whole.depth_um)
    at = 5
    moved = np.interp(spikes.depth_um[at], windows.centre_um, displacement_um[spikes.bin[at]])
    assert whole.depth_um[at] == pytest.approx(spikes.depth_um[at] - moved, abs=1e-3)


def test_a_lone_spike_is_shared_between_bins_and_saturates_with_others():
    """A spike at a bin centre has a smoothed height of 1, which becomes 1 / (1 + 0.33); many come close to 1."""
    axes = RasterAxes(0.0, 2.0, 20, (3.0, 6.0))
    one = BinnedSpikes(np.array([4], np.int32), np.array([21.0], np.float32), np.array([3.0], np.float32))
    found = make_raster(one, axes, 3, 6)
    assert found.shape == (3, raster.N_AMPLITUDES, 20)
    assert not found[[0, 2]].any()
    assert found[1, 0, 10] == pytest.approx(1 / 1.33, abs=0.01)
    assert not found[1, 1:].any()
    many = make_raster(one.select(np.zeros(50, np.int64)), axes, 4, 5)
    assert many[0, 0, 10] > 0.99
    between = make_raster(BinnedSpikes(one.bin, one.depth_um + 1, one.log_amplitude), axes, 4, 5)
    assert between[0, 0, 10] == pytest.approx(between[0, 0, 11])
