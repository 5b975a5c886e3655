"""Registration goes from the whole shank to its sections, and every set of spikes is registered by itself."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from drifting_spikes import HEIGHT_UM, HZ, binned_spikes, leaning, rms, zigzag

from spikesieve.stages.motion.depth_windows import make_depth_windows
from spikesieve.stages.motion.multiscale import Registration, _levels, register


@pytest.mark.parametrize(("n_sections", "sizes"), [(1, [1]), (3, [1, 5]), (8, [1, 3, 15])])
def test_levels_go_from_the_whole_shank_to_the_wanted_windows(n_sections, sizes):
    windows = make_depth_windows(0.0, HEIGHT_UM, n_sections)
    levels = _levels(windows, 75.0)
    assert [len(level) for level, _ in levels] == sizes
    assert levels[0][1] == 75
    assert [shift for _, shift in levels] == sorted((shift for _, shift in levels), reverse=True)


def test_each_set_has_its_own_displacement_and_an_empty_one_has_none():
    bins, spikes = binned_spikes(leaning, 2.0, rate_hz=10.0)
    _, others = binned_spikes(zigzag, 2.0, rate_hz=10.0, seed=1)
    windows = make_depth_windows(0.0, HEIGHT_UM, 2)
    registration = Registration(bins, 2.5, 75.0, 20)
    handed_out = []

    def share(function, items):
        handed_out.append(pickle.dumps((function, items)))
        return map(function, items)

    found = register([spikes, spikes.select(slice(0, 0)), others], registration, windows, share)
    assert len(handed_out) == 2
    assert not found[1].any()
    for displacement_um, moved in ((found[0], leaning), (found[2], zigzag)):
        truth = np.stack([moved(bins.centre / HZ, depth_um) for depth_um in windows.centre_um], axis=1)
        assert rms(displacement_um - np.median(displacement_um, axis=0) - truth + np.median(truth, axis=0)) < 1.5
