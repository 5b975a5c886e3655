"""A template gets back what a smaller one explained of its spikes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matched_cases import SHAPES, footprint, spikes_of, train

from spikesieve.stages.sieve.incomplete import complete_templates
from spikesieve.stages.templates import LearnedTemplates, advanced
from spikesieve.stages.tissue import MovingTemplates

WHOLE, SMALL = footprint(4, 24, 0), footprint(3, 8, 1)


def moving(units: list[np.ndarray], n_spikes: list[int]) -> MovingTemplates:
    scores, contacts = np.stack(units).astype(np.float32), np.tile(np.arange(len(WHOLE)), (len(units), 1))
    return MovingTemplates(
        LearnedTemplates(contacts, scores, np.array(n_spikes)), np.zeros(1), contacts[None], scores[None]
    )


def completed(together: np.ndarray, alone: np.ndarray, large: np.ndarray, amplitude: float = 0.75):
    """A large template that fires at `large`, and a small one that was matched `together` with it and `alone`."""
    trains = [large, np.sort(np.concatenate([together, alone]))]
    spikes, unit = spikes_of([WHOLE, SMALL], trains, [0, 1], least=-99.0)
    spikes = replace(spikes, amplitude=np.full(len(unit), amplitude, np.float32))
    lacking = moving([WHOLE, SMALL], [len(t) for t in trains])
    return complete_templates(lacking, spikes, unit, lacking).rest


def test_what_was_subtracted_is_added_back_and_its_spikes_are_not_counted():
    large, alone = train(5, 0), train(3, 1)
    found = completed(large, alone, large)
    np.testing.assert_allclose(found.scores[0], WHOLE + 0.75 * SMALL, atol=0.1)
    np.testing.assert_array_equal(found.scores[1], SMALL.astype(np.float32))
    assert found.n_spikes[0] == len(large)
    assert abs(found.n_spikes[1] - len(alone)) < 5


@pytest.mark.parametrize("lag", [-6, 9])
def test_at_the_lag_at_which_it_was_subtracted(lag):
    large = train(5, 0)
    found = completed(large - lag, train(3, 1), large)
    np.testing.assert_allclose(found.scores[0], WHOLE + 0.75 * advanced(SMALL, lag, SHAPES.pcs), atol=0.1)


def test_a_small_template_that_never_fires_alone_has_no_spikes_left():
    large = train(5, 0)
    assert completed(large, np.empty(0, np.int64), large).n_spikes[1] == 0


def test_two_neurons_that_fire_together_by_chance_stay_as_they_are():
    large, small = train(5, 0), train(20, 1)
    found = completed(np.empty(0, np.int64), small, large)
    np.testing.assert_array_equal(found.scores[0], WHOLE.astype(np.float32))
    assert found.n_spikes.tolist() == [len(large), len(small)]


def test_a_third_of_the_spikes_is_no_part_of_the_waveform():
    large = train(5, 0)
    found = completed(large[::3], train(3, 1), large)
    np.testing.assert_array_equal(found.scores[0], WHOLE.astype(np.float32))
