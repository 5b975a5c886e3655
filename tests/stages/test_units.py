"""The unit table says where a unit is and how good, and labels follow the criteria one by one."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from tiny import TIME, refractory_train, sorted_time

from spikesieve.metrics.missed import FoundScores
from spikesieve.metrics.refractory import Refractoriness
from spikesieve.model import Templates
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages.units import (
    UnitTableInputs,
    autocorrelogram,
    extent_um,
    label_unit,
    mean_positions,
    unit_table,
)

SECONDS = 100.0
PROBE = tiny.line_probe(8)
INPUTS = UnitTableInputs(
    PROBE,
    np.full(8, 5.0, np.float32),
    sorted_time(SECONDS),
    None,
    UnitsParams(min_snr=3.0, max_extent_um=100.0, max_missed_share=0.5),
    CurateParams(),
)
GOOD = Refractoriness(0.05, 0.01)


def templates_at(contacts: list[int], size_uv: float = 80.0) -> Templates:
    """Units with a trough on one contact and half of it on the next one."""
    uv = np.zeros((len(contacts), 20, 2), np.float32)
    uv[:, 8, 0], uv[:, 8, 1] = -size_uv, -0.5 * size_uv
    return Templates(uv, np.array([[c, c + 1] for c in contacts]).reshape(-1, 2), 8)


@pytest.mark.parametrize(
    ("acg", "snr", "spread", "missed", "label", "word"),
    [
        (GOOD, 9.0, 40.0, 0.1, "good", "refractory"),
        (GOOD, 9.0, 40.0, None, "good", "refractory"),
        (GOOD, 2.9, 40.0, 0.1, "noise", "times the noise"),
        (GOOD, 9.0, 101.0, 0.1, "noise", "footprint"),
        (Refractoriness(np.inf, 1.0), 9.0, 40.0, 0.1, "mua", "too few spikes to see"),
        (Refractoriness(0.5, 0.01), 9.0, 40.0, 0.1, "mua", "ratio R"),
        (Refractoriness(0.05, 0.5), 9.0, 40.0, 0.1, "mua", "to be sure"),
        (GOOD, 9.0, 40.0, 0.6, "mua", "60% of its spikes"),
    ],
)
def test_each_criterion_has_its_label_and_its_reason(acg, snr, spread, missed, label, word):
    found, why = label_unit(acg, snr, spread, missed, INPUTS)
    assert found == label
    assert word in why


def test_a_row_of_the_table_describes_its_unit():
    rng = np.random.default_rng(0)
    trains = [refractory_train(rate, SECONDS, rng) for rate in (20.0, 5.0)]
    scores = [FoundScores(*np.array([[20.0], [6.0], [20.0]], np.float32).repeat(len(t), axis=1)) for t in trains]
    alike = np.array([[1.0, 0.4], [0.4, 1.0]], np.float32)
    place = np.array([[1.0, 55.0], [2.0, 22.0]])
    first, second = unit_table(trains, scores, templates_at([3, 1]), place, alike, INPUTS)
    assert (first.unit, first.chan_best, first.depth_um, first.y_um) == (0, 3, 60.0, 55.0)
    assert (second.x_um, second.n_spikes) == (2.0, len(trains[1]))
    assert first.label == "good"
    assert first.snr == pytest.approx(16.0)
    assert first.amplitude_uv == 80.0
    assert first.firing_rate_hz == pytest.approx(len(trains[0]) / SECONDS)
    assert (first.nearest_unit, second.nearest_unit) == (1, 0)
    assert first.nearest_similarity == pytest.approx(0.4)
    alone = unit_table(trains[:1], scores[:1], templates_at([3]), place[:1], alike[:1, :1], INPUTS)[0]
    assert (alone.nearest_unit, alone.nearest_similarity) == (None, None)


def test_positions_are_means_and_those_of_the_contact_without_spikes():
    spikes = np.array([[0, 10], [2, 20]], np.float32)
    found = mean_positions(spikes, np.zeros(2, np.int32), templates_at([3, 6]), PROBE)
    assert found.tolist() == [[1, 15], [0, 120]]


def test_the_extent_is_that_of_the_large_contacts():
    uv = np.zeros((1, 10, 4), np.float32)
    uv[0, 5] = -100, -50, -49, -100
    assert extent_um(Templates(uv, np.array([[0, 3, 7, -1]]), 5), 0, PROBE) == 60


def test_an_autocorrelogram_counts_pairs_once():
    assert autocorrelogram(np.array([0, 300, 330]), TIME)[[0, 9, 10]].tolist() == [1, 1, 1]
    assert autocorrelogram(np.array([0, 300, 330]), TIME).sum() == 3
