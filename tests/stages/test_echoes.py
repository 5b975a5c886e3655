"""What matching leaves of a larger unit is left out, or named in the unit table where it is a part of a unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_sorting import make_sorting
from tiny import TIME, refractory_train

from spikesieve.model import Label
from spikesieve.stages.echoes import EchoOf, echo_units, name_echoes, partial_echoes
from spikesieve.stages.templates import LearnedTemplates


def train(rate_hz: float, seed: int) -> np.ndarray:
    return refractory_train(rate_hz, 200.0, np.random.default_rng(seed))


def templates(sizes: list[float], contacts: list[list[int]]) -> LearnedTemplates:
    scores = np.zeros((len(sizes), 2, 1), np.float32)
    scores[:, 0, 0] = sizes
    return LearnedTemplates(np.array(contacts), scores, np.full(len(sizes), 99))


NEAR, FAR = [[0, 1], [1, 2]], [[0, 1], [8, 9]]
LARGE = train(10.0, 0)
SYNAPSE = np.unique(np.concatenate([train(8.0, 1), LARGE[::5] + 45]))


@pytest.mark.parametrize("lag", [-50, -20, 0, 9, 33, 57])
def test_a_unit_at_one_lag_of_a_larger_neighbour_is_its_echo(lag):
    trains = {0: LARGE, 1: np.sort(LARGE[::2] + lag)}
    assert echo_units(trains, templates([30.0, 9.0], NEAR), TIME, 0.5).tolist() == [1]


def test_units_far_apart_or_with_few_partners_stay():
    assert len(echo_units({0: LARGE, 1: LARGE + 33}, templates([30.0, 9.0], FAR), TIME, 0.5)) == 0
    assert len(echo_units({0: LARGE, 1: SYNAPSE}, templates([30.0, 9.0], NEAR), TIME, 0.5)) == 0


def test_of_three_phases_the_largest_stays():
    trains = {0: LARGE + 33, 1: LARGE, 2: LARGE - 20}
    found = echo_units(trains, templates([9.0, 30.0, 12.0], [[0, 1], [1, 2], [2, 0]]), TIME, 0.5)
    assert found.tolist() == [0, 2]


def test_a_partial_echo_is_named_with_its_share_its_unit_and_its_lag():
    found = partial_echoes({0: LARGE, 1: SYNAPSE}, templates([30.0, 9.0], NEAR), TIME)
    assert list(found) == [1]
    assert found[1].unit == 0
    assert found[1].share == pytest.approx(len(LARGE[::5]) / len(SYNAPSE), abs=0.03)
    assert found[1].lag_ms == pytest.approx(1.5, abs=0.04)


def test_a_unit_with_many_echoes_is_not_good_and_a_note_says_so():
    units = [replace(unit, label=Label.GOOD) for unit in make_sorting().units[:2]]
    rows, notes = name_echoes(units, {1: EchoOf(0, 0.33, 1.3)})
    assert (rows[0].label, rows[0].echo_share) == (Label.GOOD, None)
    assert (rows[1].label, rows[1].echo_share, rows[1].echo_unit, rows[1].echo_lag_ms) == (Label.MUA, 0.33, 0, 1.3)
    assert "33% of its spikes come 1.3 ms after spikes of unit 0" in notes[0]
    assert "33%" in rows[1].why


def test_a_few_echoes_are_in_the_table_only():
    units = [replace(unit, label=Label.GOOD) for unit in make_sorting().units[:2]]
    rows, notes = name_echoes(units, {1: EchoOf(0, 0.06, -0.7)})
    assert (rows[1].label, rows[1].echo_share, notes) == (Label.GOOD, 0.06, ())
