"""The order of the batches against the displacement: its source, the correlation, the pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesieve.comparison.batch_order import batch_order
from spikesieve.model.external import DriftTraces, ExternalSorting, SorterIntermediates, trains_in_time_order
from spikesieve.report.comparison import figure_tables, intermediate_figures

TIME_S = np.arange(8) + 0.5
MOVED_UM = np.array([0.0, 3, 6, 9, 8, 5, 2, 1])


def side(name: str, **steps) -> ExternalSorting:
    trains, _, _ = trains_in_time_order(np.array([10, 20]), np.array([0, 1]), name)
    return ExternalSorting(name, "test", trains, 30_000.0, intermediates=SorterIntermediates(**steps))


def ordered(iorig: np.ndarray) -> ExternalSorting:
    ccb0 = np.abs(MOVED_UM[:, None] - MOVED_UM)
    return side("ours", iorig=iorig, batch_time_s=TIME_S, ccb0=ccb0, ccbsort=ccb0[np.ix_(iorig, iorig)])


def measured(um: np.ndarray = MOVED_UM) -> ExternalSorting:
    """Two depths, of which the mean moves as MOVED_UM."""
    return side("measured", drift=DriftTraces(TIME_S, np.array([0.0, 100.0]), np.stack([um - 1, um + 1], axis=1)))


@pytest.mark.parametrize(("iorig", "correlation"), [(np.argsort(MOVED_UM), 1.0), (np.argsort(-MOVED_UM), -1.0)])
def test_the_order_of_the_displacement_correlates_with_it(iorig, correlation):
    found = batch_order(ordered(iorig), [measured()])
    assert found.rank_correlation == pytest.approx(correlation)
    np.testing.assert_allclose(found.displacement_um, MOVED_UM)
    np.testing.assert_array_equal(found.place[iorig], np.arange(8))
    assert found.sentence == "|Spearman| 1.000 with the displacement of measured (range 9.0 µm)."


def test_the_first_source_that_moved_is_used():
    still = replace(
        measured(),
        name="still",
        intermediates=SorterIntermediates(drift=DriftTraces(TIME_S, np.zeros(1), np.zeros((8, 1)))),
    )
    assert batch_order(ordered(np.arange(8)), [side("bare"), still, measured()]).displacement_source == "measured"


def test_without_a_displacement_the_order_is_drawn_alone():
    found = batch_order(ordered(np.arange(8)), [side("bare")])
    assert found.displacement_um is None
    assert "No displacement" in found.sentence
    intermediate_figures.batch_places(found)
    assert {row[3] for row in figure_tables.batch_places("a", found).rows} == {""}


@pytest.mark.filterwarnings("error")
def test_a_constant_displacement_has_no_correlation():
    found = batch_order(ordered(np.arange(8)), [measured(np.full(8, 3.0))])
    assert np.isnan(found.rank_correlation)
    assert "No displacement" in found.sentence


@pytest.mark.parametrize("iorig", [None, np.arange(7), np.array([0, 0, 2, 3, 4, 5, 6, 7])])
def test_an_order_that_is_incomplete_is_ignored(iorig):
    assert batch_order(side("odd", iorig=iorig, batch_time_s=TIME_S), [measured()]) is None


def test_pictures_show_the_matrices_and_their_numbers_are_the_same():
    found = batch_order(ordered(np.argsort(MOVED_UM)), [measured()])
    left, right = (
        axes.images[0].get_array() for axes in intermediate_figures.batch_dissimilarity(found).axes if axes.images
    )
    np.testing.assert_array_equal(left, found.ccb0)
    np.testing.assert_array_equal(right, found.ccbsort)
    table = figure_tables.batch_dissimilarity("a", found)
    assert table.name == "batches_a"
    np.testing.assert_array_equal(np.array([row[2] for row in table.rows]).reshape(8, 8), found.ccb0)
    bare = intermediate_figures.batch_dissimilarity(replace(found, ccb0=None, ccbsort=None))
    assert not any(axes.images for axes in bare.axes)
