"""The order of the batches beside the displacement: who tells it, how well they go together, what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesieve.comparison.batch_order import batch_order
from spikesieve.report.comparison import figures, numbers
from spikesieve.sorted_by_others import DriftTraces, ExternalSorting, SorterIntermediates, trains_in_time_order

TIME_S = np.arange(8) + 0.5
MOVED_UM = np.array([0.0, 3, 6, 9, 8, 5, 2, 1])


def side(name: str, **steps) -> ExternalSorting:
    trains, _ = trains_in_time_order(np.array([10, 20]), np.array([0, 1]), name)
    return ExternalSorting(name, "test", trains, 30_000.0, intermediates=SorterIntermediates(**steps))


def ordered(iorig: np.ndarray) -> ExternalSorting:
    ccb0 = np.abs(MOVED_UM[:, None] - MOVED_UM)
    return side("ours", iorig=iorig, batch_time_s=TIME_S, ccb0=ccb0, ccbsort=ccb0[np.ix_(iorig, iorig)])


def told(um: np.ndarray = MOVED_UM) -> ExternalSorting:
    """Two depths, of which the mean moves as MOVED_UM."""
    return side("told", drift=DriftTraces(TIME_S, np.array([0.0, 100.0]), np.stack([um - 1, um + 1], axis=1)))


@pytest.mark.parametrize(("iorig", "correlation"), [(np.argsort(MOVED_UM), 1.0), (np.argsort(-MOVED_UM), -1.0)])
def test_the_order_of_the_displacement_correlates_with_it(iorig, correlation):
    found = batch_order(ordered(iorig), [told()])
    assert found.rank_correlation == pytest.approx(correlation)
    np.testing.assert_allclose(found.displacement_um, MOVED_UM)
    np.testing.assert_array_equal(found.place[iorig], np.arange(8))
    assert found.sentence == "|Spearman| 1.000 with the displacement of told, which spans 9.0 µm."


def test_the_first_that_saw_movement_tells_it():
    still = replace(
        told(),
        name="still",
        intermediates=SorterIntermediates(drift=DriftTraces(TIME_S, np.zeros(1), np.zeros((8, 1)))),
    )
    assert batch_order(ordered(np.arange(8)), [side("bare"), still, told()]).told_by == "told"


def test_without_a_displacement_the_order_stands_alone():
    found = batch_order(ordered(np.arange(8)), [side("bare")])
    assert found.displacement_um is None
    assert "No displacement" in found.sentence
    figures.batch_places(found)
    assert {row[3] for row in numbers.batch_places("a", found).rows} == {""}


@pytest.mark.filterwarnings("error")
def test_a_displacement_that_stays_tells_nothing():
    found = batch_order(ordered(np.arange(8)), [told(np.full(8, 3.0))])
    assert np.isnan(found.rank_correlation)
    assert "No displacement" in found.sentence


@pytest.mark.parametrize("iorig", [None, np.arange(7), np.array([0, 0, 2, 3, 4, 5, 6, 7])])
def test_no_order_of_every_batch_is_no_order(iorig):
    assert batch_order(side("odd", iorig=iorig, batch_time_s=TIME_S), [told()]) is None


def test_pictures_show_the_matrices_and_their_numbers_are_the_same():
    found = batch_order(ordered(np.argsort(MOVED_UM)), [told()])
    left, right = (axes.images[0].get_array() for axes in figures.batch_dissimilarity(found).axes if axes.images)
    np.testing.assert_array_equal(left, found.ccb0)
    np.testing.assert_array_equal(right, found.ccbsort)
    table = numbers.batch_dissimilarity("a", found)
    assert table.name == "batches_a"
    np.testing.assert_array_equal(np.array([row[2] for row in table.rows]).reshape(8, 8), found.ccb0)
    bare = figures.batch_dissimilarity(replace(found, ccb0=None, ccbsort=None))
    assert not any(axes.images for axes in bare.axes)
