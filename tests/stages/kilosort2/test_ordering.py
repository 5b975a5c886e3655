"""Batches are put on the line behind their distances, and stay in the order of time where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from spikesieve.stages.kilosort2.ordering import BatchOrdering, embed, normalise, put_in_order


def test_columns_are_scored_over_the_other_batches():
    ccb = np.random.default_rng(2).uniform(1, 5, (6, 6))
    off = ~np.eye(6, dtype=bool)
    ccb0 = normalise(ccb)
    scored = (ccb - [ccb[off[:, j], j].mean() for j in range(6)]) / [ccb[off[:, j], j].std() for j in range(6)]
    np.testing.assert_allclose(ccb0[off], ((scored + scored.T) / 2)[off])
    assert (np.diag(ccb0) == ccb0.min()).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_so_few_batches_keep_their_order(n):
    order = put_in_order(np.ones((n, n)))
    assert order.iorig.tolist() == list(range(n))
    assert order.notes == ()


def test_batches_that_do_not_differ_keep_their_order():
    assert put_in_order(np.full((30, 30), 3.0)).iorig.tolist() == list(range(30))
    assert BatchOrdering.of_time(4).iorig.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [5, 40, 150])
def test_batches_that_differ_by_chance_keep_their_order(n):
    chance = 3 + 0.1 * np.random.default_rng(0).standard_normal((n, n))
    order = put_in_order(chance)
    assert order.iorig.tolist() == list(range(n))
    assert all("order of time" in note for note in order.notes)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_embedding_finds_the_line_behind_distances(noise):
    rng = np.random.default_rng(3)
    true = rng.permutation(np.linspace(-2, 2, 60))
    apart = np.log1p((true[:, None] - true) ** 2) + noise * rng.standard_normal((60, 60))
    order = put_in_order(apart)
    assert abs(spearmanr(order.place, true).statistic) > 0.98
    assert order.explained > 0.5
    assert (np.diff(order.place[order.iorig]) >= 0).all()
    np.testing.assert_array_equal(order.ccbsort, order.ccb0[order.iorig][:, order.iorig])
    np.testing.assert_array_equal(embed(normalise(apart))[0], order.place)
