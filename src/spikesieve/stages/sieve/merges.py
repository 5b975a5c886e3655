"""Merge units whose means cannot be told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesieve.model import F32, F64
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron, without_jitter
from spikesieve.stages.sieve.unit_means import COMPARABLE_ENERGY, Assignment, UnitMeans
from spikesieve.stages.templates import component_lags


def merge_units(spikes: DescribedSpikes, assignment: Assignment, means: UnitMeans, params: RefineParams) -> Assignment:
    """Merge units whose means cannot be told apart, the closest pair first, unless spike times say two neurons.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    assignment : Assignment
        Their units.
    means : UnitMeans
        Means of the units.
    params : RefineParams
        When two units are merged.

    Returns
    -------
    Assignment
        The same spikes. Each merged unit has the number of one of its parts.
    """
    distance = mean_distances(means, component_lags(spikes.pcs))
    trains = {
        int(k): spikes.sample[(assignment.unit == k) & assignment.accepted]
        for k in np.flatnonzero(assignment.counts(len(means.norms)))
    }
    merged_into = np.arange(len(means.norms))
    close = np.argwhere(np.triu(distance < params.merge_distance_sd, 1))
    for i, j in sorted(close.tolist(), key=lambda pair: distance[pair[0], pair[1]]):
        a, b = int(merged_into[i]), int(merged_into[j])
        if a == b or a not in trains or b not in trains:
            continue
        if log_odds_one_neuron(trains[a], trains[b], spikes.time) >= -params.refractory_log_odds:
            merged_into[merged_into == b] = a
            trains[a] = np.concatenate([trains[a], trains.pop(b)])
    return replace(assignment, unit=np.append(merged_into, -1)[assignment.unit])


def mean_distances(means: UnitMeans, lags: F32) -> F64:
    """Compute the distance between the means of every two units.

    Means are compared on the contacts on which both were measured. What the noise of the means adds is subtracted,
    and a small difference in time is ignored.

    Parameters
    ----------
    means : UnitMeans
        Means of the units.
    lags : ndarray of float32, shape (n_pcs, n_pcs, n_lags)
        Overlaps of the shifted components, as `component_lags` returns them.

    Returns
    -------
    ndarray of float64, shape (n_units, n_units)
        Distances in noise SD; infinite where the common contacts do not hold most of the energy of both units.

    Examples
    --------
    >>> scores = np.zeros((3, 2, 1))
    >>> scores[:, :, 0] = [[8, 0], [8, 3], [0, 9]]
    >>> means = UnitMeans(scores, np.array([[True, True], [True, True], [False, True]]), np.full(3, 1e6))
    >>> mean_distances(means, np.ones((1, 1, 3), np.float32)).round(2)
    array([[inf,  3., inf],
           [ 3., inf, inf],
           [inf, inf, inf]])
    """
    n_units, _, n_pcs = means.scores.shape
    energy, measured = (means.scores**2).sum(axis=2), means.measured.astype(np.float64)
    common = energy @ measured.T
    total = energy.sum(axis=1)
    comparable = (common >= COMPARABLE_ENERGY * total[:, None]) & (COMPARABLE_ENERGY * total <= common.T) & (total > 0)
    found = np.full((n_units, n_units), np.inf)
    counts = np.maximum(means.n_spikes, 1.0)
    for i, j in np.argwhere(np.triu(comparable & comparable.T, 1)):
        both = means.measured[i] & means.measured[j]
        larger, smaller = (i, j) if counts[i] >= counts[j] else (j, i)
        apart = (means.scores[larger] - means.scores[smaller])[both]
        apart = without_jitter(apart.reshape(1, -1), means.scores[larger][both], lags)
        noise = n_pcs * both.sum() * (1 / counts[i] + 1 / counts[j])
        found[i, j] = found[j, i] = np.sqrt(max(0.0, float((apart**2).sum()) - noise))
    return found
