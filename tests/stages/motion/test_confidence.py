"""Halves share few neurons, and neurons are counted."""

from __future__ import annotations

import numpy as np
from drifting_spikes import HEIGHT_UM, HZ, binned_spikes, still, zigzag

from spikesieve.stages.motion.confidence import effective_neurons, half_of_neurons
from spikesieve.stages.motion.depth_windows import make_depth_windows


def test_halves_share_few_neurons():
    bins, spikes = binned_spikes(zigzag, 1.0)
    one = make_depth_windows(0, HEIGHT_UM, 1)
    displacement_um = zigzag(bins.centre / HZ, 0)[:, None]
    half = half_of_neurons(spikes, displacement_um, one)
    assert 0.3 < half.mean() < 0.7
    neuron = np.round(spikes.at_rest(displacement_um, one).depth_um / 2)
    mixed = [min(half[neuron == k].mean(), 1 - half[neuron == k].mean()) for k in np.unique(neuron)]
    assert np.mean(mixed) < 0.25


def test_the_effective_number_of_neurons_is_about_their_number():
    few, many = (binned_spikes(still, 1.0, n_neurons=n, rate_hz=8.0) for n in (6, 40))
    one = make_depth_windows(0, HEIGHT_UM, 1)
    found = [effective_neurons(spikes, np.zeros((len(bins), 1)), one, 1.0)[0] for bins, spikes in (few, many)]
    assert 4 < found[0] < 20
    assert 2.5 * found[0] < found[1] < 60
