"""Spikes matched at the other phase of their waveform come back to their unit, at the right time."""

from __future__ import annotations

import numpy as np
import pytest
from matched_cases import N_CONTACTS, REFINE, SHAPES, footprint, spikes_of, train

from spikesieve.stages.sieve.phase_fragments import merge_phase_fragments
from spikesieve.stages.templates import LearnedTemplates, component_lags


@pytest.mark.parametrize("late", [-8, 6, 12])
def test_spikes_found_at_the_other_phase_come_back_in_time(late):
    whole, other = train(20, 0), train(10, 1)
    lags = component_lags(SHAPES.pcs)
    unit = footprint(4, 20, 3)
    seen = unit @ lags[:, :, lags.shape[2] // 2 + late]
    part = whole[::15]
    trains = [np.setdiff1d(whole, part), part + late, other]
    units = [unit, seen, footprint(1, 15, 0)]
    matched, truth = spikes_of(units, trains, [0, 1, 2])
    means = LearnedTemplates(
        np.tile(np.arange(N_CONTACTS), (3, 1)), np.stack(units).astype(np.float32), np.bincount(truth)
    )
    labels, sample = merge_phase_fragments(matched, truth, means, REFINE)
    np.testing.assert_array_equal(labels, np.where(truth == 1, 0, truth))
    np.testing.assert_array_equal(np.sort(sample[labels == 0]), whole)
    np.testing.assert_array_equal(sample[truth == 2], matched.sample[truth == 2])


def test_a_smaller_neuron_of_the_same_shape_is_no_late_part():
    unit = footprint(4, 20, 3)
    matched, truth = spikes_of([unit, unit * 0.5], [train(20, 0), train(3, 1)], [0, 1])
    means = LearnedTemplates(
        np.tile(np.arange(N_CONTACTS), (2, 1)), np.stack([unit, unit * 0.5]).astype(np.float32), np.bincount(truth)
    )
    labels, _ = merge_phase_fragments(matched, truth, means, REFINE)
    np.testing.assert_array_equal(labels, truth)
