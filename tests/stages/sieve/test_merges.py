"""Units that cannot be told apart are merged, unless their spike times say that they are two neurons."""

from __future__ import annotations

import numpy as np
import pytest
from matched_cases import FIT, REFINE, SHAPES, footprint, refined, spikes_of, train

from spikesieve.stages.sieve.learning import learn_units
from spikesieve.stages.sieve.merges import mean_distances, merge_units
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans
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


def test_a_unit_of_one_spike_ties_no_others_together():
    """Its mean can be told from none. Twelve units, far from each other, once became one because of one spike."""
    units = [footprint(4, 6, 0), footprint(3, 6, 1), footprint(4, 2, 0)]
    trains = [train(1, 0), train(1, 1), np.array([30_000])]
    matched, truth = spikes_of(units, trains, [0, 1, 2], least=-20.0)
    one = np.ones(len(truth), np.float32)
    assignment = Assignment(truth, one, one, one > 0)
    measured, n_spikes = np.ones((3, len(units[0])), np.bool_), np.array([len(times) for times in trains], np.float64)
    means = UnitMeans(np.stack(units).astype(np.float64), measured, n_spikes)
    distance = mean_distances(means, component_lags(SHAPES.pcs))
    assert distance[0, 2] == distance[1, 2] == 0
    assert distance[0, 1] > REFINE.merge_distance_sd + 1
    found = merge_units(matched, assignment, means, REFINE).unit
    assert [len(np.unique(found[truth == k])) for k in range(3)] == [1, 1, 1]
    assert found[truth == 0][0] != found[truth == 1][0]
    assert len(np.unique(found)) == 2


@pytest.mark.parametrize(("n_spikes", "n_left"), [((1e6, 1e6, 1e6), 2), ((1e6, 1e4, 1e6), 1)])
def test_what_was_merged_is_compared_by_the_mean_of_all_its_spikes(n_spikes: tuple[float, ...], n_left: int):
    """The second and the third are on either side of the first. How far the second moves it depends on its spikes."""
    units = [footprint(4, 12, 0) + footprint(2, 1, 1) * apart for apart in (0.0, 2.5, -2.8)]
    matched, truth = spikes_of(units, [train(20, seed) for seed in range(3)], [0, 1, 2], least=-50.0)
    one = np.ones(len(truth), np.float32)
    means = UnitMeans(np.stack(units).astype(np.float64), np.ones((3, len(units[0])), np.bool_), np.array(n_spikes))
    distance = mean_distances(means, component_lags(SHAPES.pcs))
    assert (distance == distance.T).all()
    assert distance[0, 1] < distance[0, 2] < REFINE.merge_distance_sd < distance[1, 2]
    any_times = REFINE.model_copy(update={"refractory_log_odds": 1e9})
    found = merge_units(matched, Assignment(truth, one, one, one > 0), means, any_times).unit
    assert len(np.unique(found)) == n_left
