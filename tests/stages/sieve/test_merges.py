"""Units that cannot be told apart are merged, unless their spike times say that they are two neurons."""

from __future__ import annotations

import numpy as np
from matched_cases import FIT, REFINE, SHAPES, footprint, refined, spikes_of, train

from spikesieve.stages.sieve.learning import learn_units
from spikesieve.stages.sieve.merges import mean_distances, merge_units
from spikesieve.stages.sieve.unit_means import Assignment
from spikesieve.stages.templates import component_lags


def test_a_neuron_in_two_templates_is_merged():
    unit = footprint(4, 12, 0)
    whole = train(20, 0)
    matched, _ = spikes_of([unit, unit], [whole[::2], whole[1::2]], [0, 1])
    found = refined(matched)
    assert len(found.means) == 1
    assert (found.unit == 0).mean() > 0.98


def test_units_alike_whose_spike_times_say_two_stay_two():
    units = [footprint(4, 12, 0), footprint(4, 12, 0) + 0.25 * footprint(2, 8, 1)]
    matched, truth = spikes_of(units, [train(30, 0), train(30, 1)], [0, 1])
    learned = learn_units(matched, FIT, REFINE.model_copy(update={"rounds": 0}))
    assignment, means = learned.assignment, learned.means
    assert mean_distances(means, component_lags(SHAPES.pcs))[0, 1] < REFINE.merge_distance_sd
    # As the templates matched them, so that the spike times are those of two neurons.
    assignment = Assignment(
        truth[learned.spikes.feature_row], assignment.amplitude, assignment.score, assignment.accepted
    )
    assert len(np.unique(merge_units(learned.spikes, assignment, means, REFINE).unit)) == 2
