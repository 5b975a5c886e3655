"""Batches are compared by their spikes and put in the order in which the probe moved."""

from __future__ import annotations

import numpy as np
import tiny
from scipy.stats import spearmanr

from spikesieve.model import Reason
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.kilosort2.batches import (
    BatchClusters,
    CrossingLimits,
    Crossings,
    cluster_batch,
    concatenate_crossings,
    crossings,
    dissimilarity,
    distances_of_contact,
    near_contacts,
)
from spikesieve.stages.kilosort2.ordering import put_in_order
from spikesieve.stages.preprocess import Clean

PARAMS = Kilosort2Params(order_contacts=5)
SHAPES = tiny.textbook_shapes()
PROBE = tiny.line_probe(8)
NEAR = near_contacts(PROBE, PARAMS)


def found_in(traces: np.ndarray, why: np.ndarray | None = None) -> Crossings:
    limits = CrossingLimits((61, traces.shape[1] - 61), 20)
    return crossings(Clean(traces, traces, why), SHAPES, NEAR, limits, PARAMS, tiny.BACKEND)


def clusters_of(centres: list[np.ndarray], contact: int = 3) -> BatchClusters:
    """One batch for each set of centres (n, n_near, n_components), all largest on one contact, each of 10 spikes."""
    sizes = [len(each) for each in centres]
    batch, n = np.repeat(np.arange(len(sizes)), sizes), sum(sizes)
    return BatchClusters(batch, np.full(n, contact), np.concatenate(centres).astype(np.float32), np.full(n, 10.0))


def ccb_of(clusters: BatchClusters, n_batches: int, near: np.ndarray = NEAR) -> np.ndarray:
    sums = sum(distances_of_contact(c, clusters, near, n_batches) for c in range(len(near)))
    return dissimilarity(sums, clusters)


def test_a_crossing_is_where_the_spike_is_and_described_around_it():
    templates = tiny.line_templates(SHAPES, [2, 6], 8)
    found = found_in(tiny.traces_with(templates, SHAPES, 8, 1000, [(300, 0, 1.0), (310, 1, 1.0)], 0.5))
    assert found.contact.tolist() == [2, 6]
    assert found.features.shape == (2, 5, PARAMS.order_components)
    # The contact itself comes first.
    assert ((found.features**2).sum(axis=2).argmax(axis=1) == 0).all()


def test_a_crossing_that_is_partly_blanked_is_left_out():
    templates = tiny.line_templates(SHAPES, [2, 6], 8)
    traces = tiny.traces_with(templates, SHAPES, 8, 1000, [(300, 0, 1.0), (600, 1, 1.0)], 0.5)
    why = np.zeros(traces.shape, np.uint8)
    why[2, 303:320] = Reason.SATURATED
    traces[why > 0] = 0.0
    assert found_in(traces).contact.tolist() == [2, 6]
    assert found_in(traces, why).contact.tolist() == [6]


def test_noise_crosses_nothing_and_an_empty_batch_has_no_cluster():
    found = found_in(np.random.default_rng(0).standard_normal((8, 4000)).astype(np.float32))
    assert len(found.contact) == 0
    assert len(cluster_batch(concatenate_crossings([found, found]), NEAR, 0).weight) == 0


def test_every_crossing_is_in_a_cluster_and_equal_ones_share_it():
    rng = np.random.default_rng(0)
    a, b = 5 * rng.standard_normal((2, 5, 3)).astype(np.float32)
    a[0], b[0] = 40, -40
    found = Crossings(np.full(60, 3), np.stack([a] * 40 + [b] * 20))
    clusters = cluster_batch(found, NEAR, 7)
    assert clusters.weight.sum() == 60
    assert set(clusters.batch) == {7}
    one = cluster_batch(Crossings(np.full(9, 3), np.stack([a] * 9)), NEAR, 0)
    assert one.weight.tolist() == [9]
    np.testing.assert_allclose(one.centre[0][NEAR[one.contact[0]].argsort()], a[NEAR[3].argsort()], rtol=1e-6)


def test_dissimilarity_is_the_weighted_mean_distance_to_the_nearest_cluster():
    rng = np.random.default_rng(1)
    clusters = clusters_of([rng.standard_normal((n, 5, 3)) for n in (2, 3, 1)])
    weights = np.array([1.0, 3.0, 2.0, 2.0, 4.0, 5.0])
    clusters = BatchClusters(clusters.batch, clusters.contact, clusters.centre, weights)
    flat = clusters.centre.reshape(6, -1)
    wanted = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            own, other = clusters.batch == i, clusters.batch == j
            nearest = np.linalg.norm(flat[own][:, None] - flat[other], axis=2).min(axis=1)
            wanted[i, j] = (weights[own] * nearest).sum() / weights[own].sum()
    np.testing.assert_allclose(ccb_of(clusters, 3), wanted, atol=1e-3)


def test_a_cluster_without_a_counterpart_is_as_far_as_it_is_large():
    centre = np.zeros((1, 5, 3))
    centre[0, 0, 0] = 12.0
    here, there = clusters_of([centre], 0), clusters_of([centre], 7)
    apart = BatchClusters(
        np.array([0, 1]),
        np.array([0, 7]),
        *(np.concatenate(p) for p in ((here.centre, there.centre), (here.weight, there.weight))),
    )
    np.testing.assert_allclose(ccb_of(apart, 2), [[0, 12], [12, 0]], atol=1e-5)


def test_batches_of_a_moving_probe_are_ordered_by_its_displacement():
    rng = np.random.default_rng(4)
    moved_um = rng.uniform(-15, 15, 40)
    kinds, y = rng.standard_normal((4, 3)), np.array([60.0, 20.0, 100.0, 40.0])

    def centre(unit: int, moved: float) -> np.ndarray:
        away = PROBE.positions_um[NEAR[3], 1] - (y[unit] + moved)
        return 15 * np.exp(-((away / 25) ** 2))[:, None] * kinds[unit]

    seen = [np.stack([centre(u, d) for u in range(4)]) + 0.3 * rng.standard_normal((4, 5, 3)) for d in moved_um]
    order = put_in_order(ccb_of(clusters_of(seen), 40))
    assert abs(spearmanr(order.place, moved_um).statistic) > 0.95
