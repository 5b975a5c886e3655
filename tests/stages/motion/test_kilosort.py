"""Batches are aligned with a template, as a whole and block by block."""

from __future__ import annotations

import numpy as np
import pytest
from drifting_spikes import HEIGHT_UM, HZ, binned_spikes, leaning, rms, zigzag

from spikesieve.stages.motion.depth_windows import make_depth_windows
from spikesieve.stages.motion.kilosort import align_batches


@pytest.mark.parametrize(("moved", "n_blocks"), [(zigzag, 1), (leaning, 2)])
def test_batches_lie_above_the_template_by_what_moved(moved, n_blocks):
    bins, spikes = binned_spikes(moved, 2.0, rate_hz=12.0)
    windows = make_depth_windows(0.0, HEIGHT_UM, n_blocks)
    found = align_batches(spikes, len(bins), windows, 5.0, 75.0)
    truth = np.stack([moved(bins.centre / HZ, depth_um) for depth_um in windows.centre_um], axis=1)
    assert found.shape == truth.shape
    assert rms(found - np.median(found, axis=0) - truth + np.median(truth, axis=0)) < 2.5


def test_without_spikes_nothing_moves():
    bins, spikes = binned_spikes(zigzag, 2.0)
    windows = make_depth_windows(0.0, HEIGHT_UM, 2)
    assert not align_batches(spikes.select(slice(0, 0)), len(bins), windows, 5.0, 75.0).any()
