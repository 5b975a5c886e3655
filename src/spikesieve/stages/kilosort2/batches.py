"""Which batches of a recording resemble each other, and the one order in which neighbours do: Kilosort2's reordering.

1. Threshold crossings of each batch are clustered. 2. Batches differ by how far the clusters of one are from those of
the other. 3. The batches are put on a line so that distances on it reproduce the differences. Where the probe moves
in the tissue, the place on the line is the displacement. See docs/kilosort2.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.cluster import KMeans

from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.features import dense, on_contacts
from spikesieve.stages.shapes import Shapes

KMEANS_ROUNDS = 10
# Steps of the gradient descent of the embedding, their rate, and the size of the start relative to a unit spread.
STEPS, RATE, START = 200, 2.0, 0.01
# Fewer batches can be put on a line whatever they differ by.
FEW_BATCHES = 10
# Still recordings reach 0.2 to 0.35 by chance, those that drift by 10 um and more 0.8 to 0.95.
NEEDED = 0.5


@dataclass(frozen=True, eq=False)
class Crossings:
    """Threshold crossings of some stretch.

    contact   (n,) int64, the contact on which each is largest
    features  (n, n_near, n_components) float32, on the contacts `near_contacts` gives it
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

    batch    (n,) int64, ascending
    contact  (n,) int64, the contact on which the centre is largest
    centre   (n, n_near, n_components) float32, on the contacts `near_contacts` gives it
    weight   (n,) float64, spikes
    """

    batch: I64
    contact: I64
    centre: F32
    weight: F64


@dataclass(frozen=True, eq=False)
class Order:
    """The batches on a line.

    ccb      (n_batches, n_batches) float64: how far the clusters of batch i are on average from those of batch j
    ccb0     the same, z-scored by column and made symmetric
    place    (n_batches,) float64, each batch's place on the line
    iorig    (n_batches,) int64: the batches in the order of their places, or of time
    explained  share of the variance of ccb0 that distances on the line explain
    """

    ccb: F64
    ccb0: F64
    place: F64
    iorig: I64
    explained: float

    @classmethod
    def of_time(cls, n_batches: int) -> Order:
        """The batches as they come."""
        nothing = np.zeros((n_batches, n_batches))
        return cls(nothing, nothing, np.arange(n_batches, dtype=np.float64), np.arange(n_batches), 0.0)

    @property
    def ccbsort(self) -> F64:
        """ccb0 in the order of the batches."""
        return self.ccb0[np.ix_(self.iorig, self.iorig)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        n = len(self.place)
        if n < FEW_BATCHES or not self.ccb.any():
            return ()
        share = f"an order explains {self.explained:.0%} of what the spikes of {n} batches differ by"
        if self.explained < NEEDED:
            return (f"Batches were taken in the order of time: {share}, which chance does too.",)
        return (f"Batches were put in order: {share}.",)


def near_contacts(probe: Probe, params: Kilosort2Params) -> I64:
    """The contacts around each contact on which batches are compared: (n_contacts, n_near) int64, -1 = none."""
    xy, shanks = probe.positions_um, probe.shanks
    return nearest(distances_um(xy, shanks, xy, shanks), params.order_contacts)


def crossings(
    white: F32, shapes: Shapes, near: I64, limits: CrossingLimits, params: Kilosort2Params, backend: Backend
) -> Crossings:
    """Samples at which the norm over the first components is above the threshold and the largest around.

    white   (n_contacts, n_samples) float32, time contiguous
    limits  where crossings are looked for, and within how many samples one must be the largest
    """
    pcs = shapes.pcs[: params.order_components]
    norm = np.empty_like(white)
    for contact, scores in enumerate(backend.projections(white, pcs, shapes.peak_index)):
        norm[contact] = np.sqrt((scores**2).sum(axis=0))
    norm[norm <= params.order_threshold] = 0.0
    sample, largest, _ = backend.peaks(norm, near, limits.span, limits.exclusion_samples)
    return Crossings(largest, backend.describe(white, sample, near[largest], pcs, shapes.peak_index))


def joined(parts: list[Crossings]) -> Crossings:
    """The crossings of the pieces of a batch."""
    return Crossings(np.concatenate([p.contact for p in parts]), np.concatenate([p.features for p in parts]))


def cluster_batch(found: Crossings, near: I64, batch: int) -> BatchClusters:
    """k-means of the crossings of one batch: at most as many clusters as contacts, 10 rounds.

    The start is a fixed choice, crossings at equal steps of time, so that nothing is random. Kilosort2 makes half as
    many clusters; where there are more neurons than that, each batch joins other ones, and batches differ by chance.
    """
    n_contacts, n = len(near), len(found.contact)
    k = min(n_contacts, n)
    n_components = found.features.shape[2]
    if k == 0:
        nothing = np.empty(0, np.int64)
        return BatchClusters(nothing, nothing, np.empty((0, near.shape[1], n_components), np.float32), np.empty(0))
    points = dense(found.features, near[found.contact], n_contacts).reshape(n, -1)
    start = np.unique(points[(np.arange(k) * n) // k], axis=0)
    fit = KMeans(len(start), init=start, n_init=1, max_iter=KMEANS_ROUNDS).fit(points)
    means = fit.cluster_centers_.reshape(len(start), n_contacts, n_components).astype(np.float32)
    contact = (means**2).sum(axis=2).argmax(axis=1)
    centre = on_contacts(means, near[contact])
    weight = np.bincount(fit.labels_, minlength=len(means)).astype(np.float64)
    return BatchClusters(np.full(len(means), batch, np.int64), contact.astype(np.int64), centre, weight)


def concatenated(parts: list[BatchClusters]) -> BatchClusters:
    """The clusters of all batches, in their order; at least one part."""
    return BatchClusters(
        np.concatenate([p.batch for p in parts]),
        np.concatenate([p.contact for p in parts]),
        np.concatenate([p.centre for p in parts]),
        np.concatenate([p.weight for p in parts]),
    )


def distances_of_contact(contact: int, clusters: BatchClusters, near: I64, n_batches: int) -> F64:
    """What the clusters largest on one contact add to ccb: (n_batches, n_batches) float64, weighted sums.

    Each looks for the nearest cluster of every batch among those that are largest on a contact near its own; where a
    batch has none there, the distance is that to nothing, the norm of the cluster.
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
    there, first = np.unique(clusters.batch[other], return_index=True)
    smallest = np.repeat(np.sqrt((a**2).sum(axis=1))[:, None], n_batches, axis=1).astype(np.float64)
    smallest[:, there] = np.minimum.reduceat(distance, first, axis=1)
    np.add.at(total, clusters.batch[own], clusters.weight[own][:, None] * smallest)
    return total


def _on_common_contacts(own: I64, other: I64, clusters: BatchClusters, near: I64, around: I64) -> tuple[F32, F32]:
    """Two sets of centres on the same contacts, one row each."""
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
    """ccb from the sums over all contacts: the mean over the spikes of each batch, (n_batches, n_batches) float64."""
    spikes = np.bincount(clusters.batch, clusters.weight, len(sums))
    return np.asarray(sums / np.maximum(spikes, 1.0)[:, None])


def normalised(ccb: F64) -> F64:
    """ccb0: every column z-scored over the other batches, then symmetric. The diagonal is the smallest value there."""
    n = len(ccb)
    if n < 3:
        return np.zeros_like(ccb)
    off = ~np.eye(n, dtype=bool)
    mean = ccb.sum(axis=0, where=off) / (n - 1)
    sd = np.sqrt(((ccb - mean) ** 2).sum(axis=0, where=off) / (n - 1))
    scored = (ccb - mean) / np.where(sd > 0, sd, 1.0)
    ccb0 = (scored + scored.T) / 2
    np.fill_diagonal(ccb0, ccb0.min(where=off, initial=0.0))
    return np.asarray(ccb0)


def embed(ccb0: F64) -> tuple[F64, float]:
    """Places x so that log(1 + (x_i - x_j)^2) fits ccb0: (n_batches,) float64, and the share of variance explained.

    Gradient descent, 200 steps, from the first singular vector; both sides are centred by column, since ccb0 is.
    The sign is chosen so that the batch farthest from the middle lies to the right.
    """
    n = len(ccb0)
    if n < 3 or not ccb0.any():
        return np.zeros(n), 0.0
    off = ~np.eye(n, dtype=bool)
    wanted = _centred(ccb0, off)
    values, vectors = eigh(ccb0)
    first = vectors[:, np.abs(values).argmax()]
    x = START * np.sqrt(n) * first * np.sign(first[np.abs(first).argmax()])
    for _ in range(STEPS):
        apart = x[:, None] - x
        error = _centred(np.log1p(apart**2), off) - wanted
        error = (error + error.T) * apart / (1.0 + apart**2)
        x = x - RATE * error.mean(axis=1)
    left = _centred(np.log1p((x[:, None] - x) ** 2), off) - wanted
    return x, float(1.0 - (left[off] ** 2).mean() / (wanted[off] ** 2).mean())


def _centred(matrix: F64, off: Bool) -> F64:
    """Every column minus its mean off the diagonal, 0 on the diagonal."""
    out = matrix - matrix.sum(axis=0, where=off) / (len(matrix) - 1)
    np.fill_diagonal(out, 0.0)
    return np.asarray(out)


def put_in_order(ccb: F64) -> Order:
    """The order of the batches by their dissimilarity; that of time where they do not lie on a line."""
    ccb0 = normalised(ccb)
    place, explained = embed(ccb0)
    if len(ccb) < FEW_BATCHES or explained < NEEDED:
        return Order(ccb, ccb0, place, np.arange(len(ccb)), explained)
    return Order(ccb, ccb0, place, np.argsort(place, kind="stable").astype(np.int64), explained)
