"""Pictures of matched pairs: spikes of two segments are no pair of an autocorrelogram."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.comparison.agreement import MatchWindows
from spikesieve.comparison.result import compare_pair
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.model.external import ExternalSorting, SpikeTrains
from spikesieve.report.comparison.sections import pair_pictures

BORDER = 300_000
BEFORE, AFTER = BORDER - 1000 - np.arange(20) * 9_000, BORDER + 20 + np.arange(20) * 9_000


def two_segments() -> ExternalSorting:
    """A unit that fires 34 ms before and 1 ms after the border, and else too rarely for the picture."""
    sorting = read_any_sorting(replace(make_sorting(1, 40), segments=((0, BORDER), (BORDER, 2 * BORDER))))
    sample = np.sort(np.concatenate([BEFORE, AFTER]))
    trains = SpikeTrains.from_spikes(sample, np.zeros(len(sample), np.int64))
    return replace(sorting, trains=trains, amplitude=np.ones(len(sample), np.float32))


def lags_ms(a: ExternalSorting, b: ExternalSorting) -> list[list[float]]:
    """Lags that are not empty in the autocorrelograms of the only pair, in ms."""
    found = compare_pair(a, b, MatchWindows(SAMPLING_HZ, 0.4, 0.2))
    ((table, _),) = pair_pictures((a, b), found, 1)
    names = list(table.columns)
    side, what, at, value = (names.index(name) for name in ("side", "what", "at", "value"))
    return [
        [row[at] for row in table.rows if row[side] == letter and row[what] == "autocorrelogram" and float(row[value])]
        for letter in "AB"
    ]


@pytest.mark.parametrize("known", [(True, True), (True, False), (False, True)])
def test_what_one_sorting_knows_of_segments_holds_for_both(known):
    sides = [two_segments() if each else replace(two_segments(), segments=()) for each in known]
    assert lags_ms(*sides) == [[], []]


def test_without_segments_the_pair_across_is_counted():
    side = replace(two_segments(), segments=())
    assert len(lags_ms(side, side)[0]) == 2
