"""Units in the spikes of moving templates, as the contacts saw them, become moving templates."""

from __future__ import annotations

import numpy as np
from drifting_cases import (
    PROBE,
    STEPS_UM,
    actual,
    matched_by,
    moving,
    observed_of,
    seconds_of,
    units_of,
    without,
    wrong_above,
    wrong_below,
)

from spikesieve.passes.learning import rarely_seen
from spikesieve.settings.sort import Settings
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.sieve.moving_units import (
    FoundUnits,
    MatchedSteps,
    ObservedUnits,
    concatenate_templates,
    observe_units,
    units_as_moving_templates,
)
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue


def test_observed_means_are_the_true_footprints_whichever_template_matched():
    before = moving([wrong_above, wrong_below])
    matched, step = matched_by(before, actual, lambda d: int(d > 2))
    for observed in observed_of(matched, step, before):
        assert len(observed.n_spikes) >= 3
        for moved_um, mean, n in zip(observed.displacement_um, observed.means, observed.n_spikes, strict=True):
            # A bin is 2 um wide.
            near = min(np.linalg.norm(mean - actual(moved_um + e)) for e in np.linspace(-1, 1, 9))
            assert near < 1.3 * np.sqrt(mean.size / n) + 0.5


def test_a_unit_is_not_seen_where_it_fires_at_a_fraction_of_its_rate():
    """One spike in eight above is not enough for a neuron that is found at all displacements below."""
    before = moving([actual])
    matched, step = matched_by(before, actual, lambda _: 0)
    foreign = np.flatnonzero(STEPS_UM[step] > 2)
    lost = np.zeros(len(step), np.bool_)
    lost[np.setdiff1d(foreign, foreign[::8])] = True
    few, at = without(matched, lost), step[~lost]
    units = observe_units(few, units_of(few, before.rest), MatchedSteps(before, at, seconds_of(before), 1))
    assert units.observed[0].displacement_um.tolist() == STEPS_UM[STEPS_UM <= 2].tolist()
    assert units.trains[0].tolist() == few.sample[STEPS_UM[at] <= 2].tolist()
    everywhere = observe_units(
        matched, units_of(matched, before.rest), MatchedSteps(before, step, seconds_of(before), 1)
    )
    assert everywhere.observed[0].displacement_um.tolist() == STEPS_UM.tolist()
    assert len(everywhere.trains[0]) == len(matched.sample)


def test_a_unit_of_few_spikes_is_seen_where_most_of_them_are():
    """Three in each bin: with eight as for others it would be seen nowhere, and compared with nothing."""
    before = moving([actual])
    matched, step = matched_by(before, actual, lambda _: 0)
    rank = np.array([np.count_nonzero(step[:i] == at) for i, at in enumerate(step)])
    few, at = without(matched, rank >= 3), step[rank < 3]
    units = observe_units(few, units_of(few, before.rest), MatchedSteps(before, at, seconds_of(before), 1))
    assert units.observed[0].displacement_um.tolist() == STEPS_UM.tolist()
    assert units.observed[0].n_spikes.tolist() == [3] * len(STEPS_UM)


def test_the_time_of_a_bin_is_that_of_all_its_steps():
    seconds = np.arange(17.0)[:, None] * [1.0, 2.0]
    matched_at = MatchedSteps(moving([actual, actual]), np.array([0, 1, 16]), seconds, 2)
    assert matched_at.bin_centre.tolist() == [1, 1, 16]
    of_bins = matched_at.seconds_of_bins
    assert of_bins[1].tolist() == [1.0, 2.0]
    assert of_bins[16].tolist() == [16.0, 32.0]
    assert not of_bins[:16:2].any()
    assert of_bins.sum(axis=0).tolist() == seconds.sum(axis=0).tolist()


def test_where_nothing_moves_the_units_are_the_templates():
    before = moving([actual])
    still = MovingTemplates(before.rest, np.zeros(1), before.contacts[8:9], before.scores[8:9])
    units = LearnedTemplates(before.rest.contacts, 1.1 * before.rest.scores, np.array([80]))
    tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
    nothing = Observed(np.zeros(0), np.zeros((0, 8), np.int64), np.zeros((0, 8, 6)), np.zeros(0, np.int64))
    zero = np.zeros(1, np.int64)
    after = units_as_moving_templates(
        ObservedUnits(FoundUnits(units, zero, zero, zero), [nothing], still, np.ones((1, 1)), [zero]), zero, tissue
    )
    np.testing.assert_array_equal(after.scores[0], units.scores)


def test_templates_of_neurons_too_rare_to_be_learned_stay_as_they_were():
    before = moving([actual, wrong_above, wrong_below])
    before = before.take(np.arange(3), np.array([500, 40, 40]))
    settings = Settings()
    # A quarter of the recording was learned from: 10 spikes each of the last two, of which one was found.
    rare = rarely_seen(before, np.array([0, 2]), 0.25, settings.refine)
    assert rare.rest.n_spikes.tolist() == [10]
    np.testing.assert_array_equal(rare.scores[:, 0], before.scores[:, 1])
    assert len(rarely_seen(before, np.array([0, 2]), 1.0, settings.refine).rest) == 0
    both = concatenate_templates(before.take(np.array([0]), np.array([125])), rare)
    assert both.rest.n_spikes.tolist() == [125, 10]
    np.testing.assert_array_equal(both.scores, before.scores[:, :2])
    np.testing.assert_array_equal(both.at(np.array([3, 5])).scores[1], before.scores[5, 1])
