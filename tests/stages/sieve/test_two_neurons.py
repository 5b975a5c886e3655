"""Units that look alike are two neurons where their spikes fall into the same two parts again."""

from __future__ import annotations

import numpy as np
from matched_cases import REFINE, footprint, spikes_of, train

from spikesieve.stages.sieve.mixtures import MIN_POINTS
from spikesieve.stages.sieve.two_neurons import AlikeUnits

ONE = footprint(4, 24, 0)
OTHER = ONE + 7 / 24 * footprint(3, 24, 1)


def alike(units: list[np.ndarray], unit_of_spike=None, displacement_bin=None) -> AlikeUnits:
    """Two units of one template, or of one neuron that `unit_of_spike` parts."""
    trains = [train(4, k) for k in range(len(units))]
    matched, truth = spikes_of(units, trains, [0] * len(units))
    unit = truth if unit_of_spike is None else unit_of_spike(matched)
    still = np.zeros(len(truth), np.int64)
    return AlikeUnits(matched, unit, still if displacement_bin is None else displacement_bin(unit), REFINE)


def test_two_neurons_a_few_noise_sd_apart_are_two():
    assert np.sum(ONE * OTHER) / np.linalg.norm(ONE) / np.linalg.norm(OTHER) > 0.9
    assert not alike([ONE, OTHER]).may_be_one(0, 1)


def test_a_rare_neuron_is_another_one_though_some_of_its_spikes_are_on_the_other_side():
    """Of 28 spikes, near those of a neuron that fires 6 times as often, some look like that one's."""
    near = ONE + 6.5 / 24 * footprint(3, 24, 1)
    matched, truth = spikes_of([ONE, near], [train(1.7, 0), train(1.7, 1)[:28]], [0, 0])
    unit, other = truth.copy(), np.flatnonzero(truth == 1)
    unit[np.flatnonzero(truth == 0)[:4]] = 1
    assert len(other) == 28
    assert not AlikeUnits(matched, unit, np.zeros(len(unit), np.int64), REFINE).may_be_one(0, 1)


def test_halves_of_one_neuron_may_be_one():
    assert alike([ONE], lambda matched: np.arange(len(matched.sample)) % 2).may_be_one(0, 1)


def test_large_and_small_spikes_of_one_neuron_may_be_one():
    assert alike([ONE, 0.5 * ONE]).may_be_one(0, 1)


def test_a_unit_that_changes_as_the_tissue_moves_may_be_one():
    assert alike([ONE, OTHER], displacement_bin=lambda unit: unit).may_be_one(0, 1)


def test_too_few_spikes_do_not_tell():
    some = alike([ONE, OTHER])
    few = np.flatnonzero(some.unit == 1)[: MIN_POINTS - 1]
    some.unit[np.setdiff1d(np.flatnonzero(some.unit == 1), few)] = -1
    assert some.may_be_one(0, 1)


def test_a_cut_through_two_neurons_that_is_not_theirs_does_not_tell():
    # The units are mixtures of the neurons: spikes fall into two parts, but not into these.
    assert alike([ONE, OTHER], lambda matched: np.arange(len(matched.sample)) % 2).may_be_one(0, 1)
