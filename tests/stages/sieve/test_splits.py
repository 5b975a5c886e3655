"""A unit is split where its spikes come from two neurons, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from matched_cases import SHAPES, confusion, footprint, refined, spikes_of, train


def test_two_neurons_under_one_template_become_two_units():
    units = [footprint(3, 12, 0), footprint(4.2, 11, 1)]
    matched, truth = spikes_of(units, [train(12, 0), train(4, 1)], [0, 0])
    found = refined(matched)
    table = confusion(truth, found.unit)
    assert table.shape == (2, 2)
    assert sorted(table.argmax(axis=1).tolist()) == [0, 1]
    assert table.max(axis=1).sum() > 0.97 * len(truth)
    close = [np.linalg.norm(found.means.scores - u, axis=(1, 2)).min() for u in units]
    assert max(close) < 1.0


def test_a_few_spikes_of_a_much_larger_neuron_do_not_ruin_a_unit():
    """Fifteen spikes are too few for a unit, but they are not those of the small neuron with the same template."""
    small, large = footprint(3, 8, 0), footprint(3.5, 40, 1)
    matched, truth = spikes_of([small, large], [train(4, 0), train(4, 1)[::27][:15]], [0, 0])
    assert (truth == 1).sum() == 15
    found = refined(matched)
    assert len(found.means) == 1
    assert np.linalg.norm(found.means.scores[0] - small) < 1
    assert confusion(truth, found.unit)[0, 0] > 0.9 * (truth == 0).sum()


@pytest.mark.parametrize("seed", range(3))
def test_one_neuron_stays_one_unit_though_its_spikes_fall_between_samples(seed):
    """Delays of -1/3, 0 and 1/3 of a sample make three clouds of a large neuron."""
    rng = np.random.default_rng(seed)
    unit = footprint(4, 40, 0)
    waves = unit @ SHAPES.pcs
    t = np.arange(waves.shape[1])
    delayed = [np.stack([np.interp(t - d, t, row) for row in waves]) @ SHAPES.pcs.T for d in (-1 / 3, 0.0, 1 / 3)]
    matched, _ = spikes_of([unit], [train(20, seed)], [0], seed=seed)
    which = rng.integers(3, size=len(matched.sample))
    matched.features[:] += (np.stack(delayed) - unit).astype(np.float32)[which]
    found = refined(matched)
    assert len(found.means) == 1
    assert (found.unit == 0).mean() > 0.99


def test_spike_times_of_one_neuron_forbid_a_split():
    """Two clouds of one refractory train: a neuron whose spikes come in two sizes."""
    whole = train(40, 0)
    large = np.random.default_rng(0).random(len(whole)) < 0.5
    units = [footprint(4, 14, 0), footprint(4, 9, 0)]
    matched, _ = spikes_of(units, [whole[large], whole[~large]], [0, 0])
    assert len(refined(matched).means) == 1
    matched, _ = spikes_of(units, [train(20, 1), train(20, 2)], [0, 0])
    assert len(refined(matched).means) == 2
