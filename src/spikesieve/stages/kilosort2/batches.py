"""How much the batches of a recording differ by their spikes: the first part of Kilosort2's reordering.

1. Threshold crossings of each batch are clustered. 2. Two batches differ by how far the clusters of one are from those
of the other. `ordering` then puts the batches in order. See docs/kilosort2.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.kernels.one_thread import one_openmp_thread
from spikesieve.model import F32, F64, I64, Probe
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.detect import are_whole
from spikesieve.stages.features import dense, on_contacts
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

KMEANS_ROUNDS = 10


@dataclass(frozen=True, eq=False)
class Crossings:
    """Threshold crossings of a batch or a piece of one.

    Attributes
    ----------
    contact : ndarray of int64, shape (n,)
        Contact on which each crossing is largest.
    features : ndarray of float32, shape (n, n_near, n_components)
        PC scores on the contacts near it (`near_contacts`), in noise SD.
    """

    contact: I64
    features: F32


@dataclass(frozen=True)
class CrossingLimits:
    """Where crossings are looked for: samples span[0] <= t < span[1], each the largest within +-exclusion_samples."""

    span: tuple[int, int]
    exclusion_samples: int


@dataclass(frozen=True, eq=False)
class BatchClusters:
    """Clusters of threshold crossings, of one batch or of many.

    Attributes
    ----------
    batch : ndarray of int64, shape (n,)
        Batch of each cluster, ascending.
    contact : ndarray of int64, shape (n,)
        Contact on which the centre is largest.
    centre : ndarray of float32, shape (n, n_near, n_components)
        Mean PC scores on the contacts near it (`near_contacts`), in noise SD.
    weight : ndarray of float64, shape (n,)
        Number of crossings in each cluster.
    """

    batch: I64
    contact: I64
    centre: F32
    weight: F64


def near_contacts(probe: Probe, params: Kilosort2Params) -> I64:
    """Choose the contacts around each contact on which batches are compared.

    Parameters
    ----------
    probe : Probe
        The contacts that are sorted.
    params : Kilosort2Params
        Number of contacts.

    Returns
    -------
    ndarray of int64, shape (n_contacts, n_near)
        Contacts, nearest first; -1 marks an unused entry.
    """
    xy, shanks = probe.positions_um, probe.shanks
    return nearest(distances_um(xy, shanks, xy, shanks), params.order_contacts)


def crossings(
    clean: Clean, shapes: Shapes, near: I64, limits: CrossingLimits, params: Kilosort2Params, backend: Backend
) -> Crossings:
    """Find the samples at which the norm over the first components is above the threshold and the largest around.

    Parameters
    ----------
    clean : Clean
        Whitened traces in noise SD, and which of their samples are blanked.
    shapes : Shapes
        Temporal components.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact (`near_contacts`).
    limits : CrossingLimits
        Where crossings are looked for, and within how many samples each must be the largest.
    params : Kilosort2Params
        Threshold and number of components.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Crossings
        The crossings, ordered by time, without those of which a part is blanked.
    """
    pcs, white = shapes.pcs[: params.order_components], clean.white
    norm = np.empty_like(white)
    for contact, scores in enumerate(backend.projections(white, pcs, shapes.peak_index)):
        norm[contact] = np.sqrt((scores**2).sum(axis=0))
    norm[norm <= params.order_threshold] = 0.0
    sample, largest, _ = backend.peaks(norm, near, limits.span, limits.exclusion_samples)
    whole = are_whole(clean.blanked, near[largest], sample, shapes)
    sample, largest = sample[whole], largest[whole]
    return Crossings(largest, backend.describe(white, sample, near[largest], pcs, shapes.peak_index))


def concatenate_crossings(parts: list[Crossings]) -> Crossings:
    """Concatenate the crossings of the pieces of a batch.

    Parameters
    ----------
    parts : list of Crossings
        At least one.

    Returns
    -------
    Crossings
        All of them.
    """
    return Crossings(np.concatenate([p.contact for p in parts]), np.concatenate([p.features for p in parts]))


def cluster_batch(found: Crossings, near: I64, batch: int) -> BatchClusters:
    """Cluster the crossings of one batch by k-means: at most as many clusters as contacts, 10 rounds.

    Parameters
    ----------
    found : Crossings
        Crossings of the batch.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact (`near_contacts`).
    batch : int
        Index of the batch.

    Returns
    -------
    BatchClusters
        The clusters; none for a batch without crossings.

    Notes
    -----
    The start is a fixed choice, crossings at equal steps of time, so nothing is random. Kilosort2 makes half as many
    clusters: with more neurons than that, each batch merges other ones, and batches differ by chance.
    """
    n_contacts, n = len(near), len(found.contact)
    k = min(n_contacts, n)
    n_components = found.features.shape[2]
    if k == 0:
        none = np.empty(0, np.int64)
        return BatchClusters(none, none, np.empty((0, near.shape[1], n_components), np.float32), np.empty(0))
    points = dense(found.features, near[found.contact], n_contacts).reshape(n, -1)
    start = np.unique(points[(np.arange(k) * n) // k], axis=0)
    from sklearn.cluster import KMeans  # as in `shapes`

    with one_openmp_thread():  # as in `shapes`
        fit = KMeans(len(start), init=start, n_init=1, max_iter=KMEANS_ROUNDS).fit(points)
    means = fit.cluster_centers_.reshape(len(start), n_contacts, n_components).astype(np.float32)
    contact = (means**2).sum(axis=2).argmax(axis=1)
    centre = on_contacts(means, near[contact])
    weight = np.bincount(fit.labels_, minlength=len(means)).astype(np.float64)
    return BatchClusters(np.full(len(means), batch, np.int64), contact.astype(np.int64), centre, weight)


def distances_of_contact(contact: int, clusters: BatchClusters, near: I64, n_batches: int) -> F64:
    """Sum the distances of the clusters that are largest on one contact from every batch.

    Parameters
    ----------
    contact : int
        The contact.
    clusters : BatchClusters
        Clusters of all batches.
    near : ndarray of int64, shape (n_contacts, n_near)
        Contacts near each contact (`near_contacts`).
    n_batches : int
        Number of batches.

    Returns
    -------
    ndarray of float64, shape (n_batches, n_batches)
        Row i: distances of the clusters of batch i from each batch, weighted by their crossings and summed.

    Notes
    -----
    The distance from a batch is that from its nearest cluster that is largest on a contact near this one. Where the
    batch has none, it is the norm of the cluster, the distance from nothing.
    """
    total = np.zeros((n_batches, n_batches))
    own = np.flatnonzero(clusters.contact == contact)
    around = near[contact][near[contact] >= 0]
    other = np.flatnonzero(np.isin(clusters.contact, around))
    if len(own) == 0:
        return total
    a, b = _on_common_contacts(own, other, clusters, near, around)
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * (a @ b.T)
    distance = np.sqrt(np.maximum(square, 0.0))
    batches, first = np.unique(clusters.batch[other], return_index=True)
    smallest = np.repeat(np.sqrt((a**2).sum(axis=1))[:, None], n_batches, axis=1).astype(np.float64)
    smallest[:, batches] = np.minimum.reduceat(distance, first, axis=1)
    np.add.at(total, clusters.batch[own], clusters.weight[own][:, None] * smallest)
    return total


def _on_common_contacts(own: I64, other: I64, clusters: BatchClusters, near: I64, around: I64) -> tuple[F32, F32]:
    """Write two sets of centres on the same contacts, one row each."""
    union = np.unique(near[around])
    union = union[union >= 0]
    column = np.full(len(near), -1, np.int64)
    column[union] = np.arange(len(union))

    def rows(which: I64) -> F32:
        contacts = near[clusters.contact[which]]
        local = np.where(contacts >= 0, column[np.maximum(contacts, 0)], -1)
        return dense(clusters.centre[which], local, len(union)).reshape(len(which), -1)

    return rows(own), rows(other)


def dissimilarity(sums: F64, clusters: BatchClusters) -> F64:
    """Average the distances over the crossings of each batch.

    Parameters
    ----------
    sums : ndarray of float64, shape (n_batches, n_batches)
        Sum of `distances_of_contact` over all contacts.
    clusters : BatchClusters
        Clusters of all batches.

    Returns
    -------
    ndarray of float64, shape (n_batches, n_batches)
        Kilosort2's ccb: mean distance of batch i from batch j.

    Examples
    --------
    >>> clusters = BatchClusters(np.array([0, 1]), np.zeros(2, np.int64), np.zeros((2, 1, 1)), np.array([4.0, 2.0]))
    >>> dissimilarity(np.array([[0.0, 8.0], [6.0, 0.0]]), clusters)
    array([[0., 2.],
           [3., 0.]])
    """
    n_spikes = np.bincount(clusters.batch, clusters.weight, len(sums))
    return np.asarray(sums / np.maximum(n_spikes, 1.0)[:, None])
