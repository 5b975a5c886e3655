"""Intermediate results of the method kilosort2, with Kilosort2's names and shapes. docs/kilosort2.md lists them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.store import Store
from spikesieve.model import F32, F64, I64, Motion, Sorting
from spikesieve.passes.curation import CuratedUnits
from spikesieve.passes.kilosort2.batches import BatchedSource, order_of_time
from spikesieve.passes.kilosort2.tracking import Extracted
from spikesieve.stages.kilosort2.ordering import BatchOrdering
from spikesieve.stages.kilosort2.track import low_rank
from spikesieve.stages.templates import LearnedTemplates

# Kilosort2 stores whitened traces as int16, with 200 steps per noise SD.
SCALE = 200.0
NEIGHBOURS, COMPONENTS = 32, 3


def read_intermediates(store: Store, batched: BatchedSource) -> dict[str, NDArray[Any]]:
    """Read the intermediate results of a sort from its store.

    Parameters
    ----------
    store : Store
        Steps of a sort with the method kilosort2.
    batched : BatchedSource
        The recording as it was sorted.

    Returns
    -------
    dict of ndarray
        Arrays by Kilosort2's names. Indices count from 0. Units and the order of spikes are those of the result.
    """
    steps = store.index()
    order = store.read("order") if "order" in steps else order_of_time(batched)
    found, final, sorting = store.read("spikes"), store.read("units"), store.read("sorting")
    recording, probe = batched.source.recording, batched.source.probe
    arrays: dict[str, NDArray[Any]] = {
        "fs": np.array(recording.sampling_hz),
        "NT": np.array(batched.params.batch_samples),
        "chanMap": probe.channels,
        "xc": probe.positions_um[:, 0],
        "yc": probe.positions_um[:, 1],
        "kcoords": probe.shanks,
        "Wrot": batched.source.preprocessing.whitening * (SCALE * recording.gain_uv[probe.channels]).astype(np.float32),
        "batch_start": np.array([batch.start for batch in batched.batches]),
    }
    if order.ccb.any():
        arrays |= {"ccb": order.ccb, "ccb0": order.ccb0, "ccbsort": order.ccbsort, "iorig": order.iorig}
        arrays["place"] = order.place
    if sorting.motion is not None:
        arrays |= _shifts(sorting.motion, batched)
    arrays |= _templates(final.means, batched)
    arrays["st3"] = _spikes(order, found, final, sorting)
    return arrays | _features(final.means, sorting, probe.n_contacts)


def _shifts(motion: Motion, batched: BatchedSource) -> dict[str, NDArray[Any]]:
    """Displacement in Kilosort's sign, of the first shank only, because Kilosort2 has a single shank."""
    middle = np.array([batch.middle for batch in batched.batches]) / batched.source.sampling_hz
    grid = np.repeat(middle, len(motion.depth_um)), np.tile(motion.depth_um, len(middle))
    moved = motion.at(*grid, np.full(len(grid[0]), motion.shanks[0])).reshape(len(middle), -1)
    return {"dshift": -moved, "yblk": motion.depth_um}


def _templates(means: LearnedTemplates, batched: BatchedSource) -> dict[str, NDArray[Any]]:
    """W (nt, K, rank), U (C, K, rank) with unit norm of W U^T, mu (K), dWU (nt, C, K)."""
    pcs, n_contacts = batched.shapes.pcs.astype(np.float64), batched.n_contacts
    dense = means.dense(n_contacts)
    mu = np.sqrt((dense.astype(np.float64) ** 2).sum(axis=(1, 2)))
    rank = min(COMPONENTS, pcs.shape[0], n_contacts)
    unit = low_rank(dense, rank).astype(np.float64) / np.maximum(mu, 1e-12)[:, None, None]
    left, size, right = np.linalg.svd(unit, full_matrices=False)
    W = np.einsum("krp,pt->tkr", right[:, :rank], pcs)
    U = np.einsum("kcr,kr->ckr", left[:, :, :rank], size[:, :rank])
    dWU = np.einsum("kcp,pt->tck", dense, pcs)
    return {"W": W.astype(np.float32), "U": U.astype(np.float32), "mu": mu, "dWU": dWU.astype(np.float32)}


def _spikes(order: BatchOrdering, found: Extracted, final: CuratedUnits, sorting: Sorting) -> F64:
    """st3 (n, 5): sample, unit, amplitude in noise SD, variance explained, batch."""
    spikes, trains = sorting.spikes, final.trains
    rows = np.flatnonzero(sorting.kept)
    # The spikes of a unit have the same order in both; only their times were moved to the trough.
    rows = rows[np.lexsort((trains.sample[rows], trains.unit[rows]))]
    score, batch = np.empty(len(spikes)), np.empty(len(spikes))
    by_unit = np.lexsort((spikes.sample, spikes.unit))
    score[by_unit], batch[by_unit] = found.spikes.score[rows], order.iorig[found.place[rows]]
    amplitude = spikes.amplitude * final.means.norms[spikes.unit]
    return np.column_stack([spikes.sample, spikes.unit, amplitude, score**2, batch]).astype(np.float64)


def _features(means: LearnedTemplates, sorting: Sorting, n_contacts: int) -> dict[str, NDArray[Any]]:
    """simScore (K, K), iNeigh (32, K), cProj (n, 32), iNeighPC (near, K), cProjPC (n, 3, near); -1 = no neighbour."""
    alike, spikes = sorting.similarity, sorting.spikes
    n_units, _, n_pcs = means.scores.shape
    nearest: I64 = np.full((NEIGHBOURS, n_units), -1, np.int64)
    ranked = np.argsort(-alike, axis=1, kind="stable")[:, :NEIGHBOURS].T
    nearest[: len(ranked)] = ranked
    dense = means.dense(n_contacts) / np.maximum(means.norms, 1e-12)[:, None, None]
    on_templates: F32 = np.zeros((len(spikes), NEIGHBOURS), np.float32)
    for unit in range(n_units):
        rows = np.flatnonzero(spikes.unit == unit)
        contacts, others = sorting.feature_contacts[unit], nearest[nearest[:, unit] >= 0, unit]
        own = dense[others][:, np.maximum(contacts, 0)] * (contacts >= 0)[None, :, None]
        on_templates[rows, : len(others)] = np.einsum("ncp,kcp->nk", spikes.features[rows], own, optimize=True)
    n_components = min(COMPONENTS, n_pcs)
    return {
        "simScore": alike,
        "iNeigh": nearest,
        "cProj": on_templates,
        "iNeighPC": sorting.feature_contacts.T,
        "cProjPC": np.ascontiguousarray(np.swapaxes(spikes.features[:, :, :n_components], 1, 2)),
    }
