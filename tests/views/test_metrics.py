"""What is known of a unit: every number of both tables once, intervals with their value, reasons with their label."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from make_metrics import metrics_row
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.model import Unit, UnitMetrics
from spikesieve.views.metrics import IN_BOTH, INTERVALS, REASONS, meanings, metric_columns, metrics_of, quantities

SORTING = make_sorting(3, 300)
RESULT = of_sorting(replace(SORTING, metrics=tuple(metrics_row(unit.unit) for unit in SORTING.units)), "made-up")
RESULT_METRICS = metrics_of(RESULT)


def test_every_column_is_said_once() -> None:
    found = [one.name for one in quantities(SORTING.units[0], RESULT_METRICS[0])]
    assert len(found) == len(set(found))
    hidden = {"unit", "label", "why"}.union(IN_BOTH - {"snr"}, REASONS.values(), *INTERVALS.values())
    every = {column.name for kind in (Unit, UnitMetrics) for column in fields(kind)}
    assert set(found) == every - hidden


def test_intervals_and_reasons_stand_with_their_value() -> None:
    row = SORTING.units[0]
    found = {one.name: one for one in quantities(row, RESULT_METRICS[row.unit])}
    share = found["contamination"]
    assert (share.value, share.low, share.high) == (row.contamination, row.contamination_low, row.contamination_high)
    assert found["cell_type"].reason == "text cell_type_why"
    assert found["n_spikes"].value == row.n_spikes
    assert found["n_spikes"].low is None


def test_a_changed_unit_has_no_metrics_of_the_file() -> None:
    found = {one.name for one in quantities(replace(SORTING.units[0], unit=99), None)}
    assert "contamination" in found
    assert "silhouette" not in found
    assert metrics_of(replace(RESULT, sorting=None)) == {}


@pytest.mark.parametrize("kind", [Unit, UnitMetrics])
def test_every_column_has_a_meaning(kind: type) -> None:
    said = meanings(kind)
    assert set(said) == {column.name for column in fields(kind)}
    assert all(sentence[0].strip() and sentence.endswith(".") for sentence in said.values())


def test_columns_of_the_file_are_offered_once() -> None:
    assert not set(metric_columns()) & IN_BOTH
    assert "silhouette" in metric_columns()
