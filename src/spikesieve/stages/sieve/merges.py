"""Merge units whose means cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron, without_jitter
from spikesieve.stages.sieve.unit_means import COMPARABLE_ENERGY, Assignment, UnitMeans
from spikesieve.stages.templates import component_lags


def merge_units(spikes: DescribedSpikes, assignment: Assignment, means: UnitMeans, params: RefineParams) -> Assignment:
    """Merge units whose means cannot be told apart, the closest pair first, unless spike times say two neurons.

    After each merge the merged unit is compared with the others again: a unit of few spikes is like many others, and
    must not tie together two that can be told apart.

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
    rows = rows_of_units(assignment.accepted_unit, len(means.norms))
    trains = {k: spikes.sample[of_unit] for k, of_unit in enumerate(rows) if len(of_unit)}
    seen = np.array(list(trains), np.int64)
    compared, merged_into = _Comparison.of(means, component_lags(spikes.pcs)), np.arange(len(means.norms))
    distance = np.full((len(merged_into), len(merged_into)), np.inf)
    distance[np.ix_(seen, seen)] = compared.all_distances()[np.ix_(seen, seen)]
    while distance.size and distance.min() < params.merge_distance_sd:
        a, b = (int(k) for k in np.unravel_index(distance.argmin(), distance.shape))
        distance[a, b] = distance[b, a] = np.inf
        if log_odds_one_neuron(trains[a], trains[b], spikes.time) < -params.refractory_log_odds:
            continue
        merged_into[merged_into == b] = a
        trains[a] = np.concatenate([trains[a], trains.pop(b)])
        compared.merge(a, b)
        distance[b] = distance[:, b] = np.inf
        left = np.array(sorted(trains.keys() - {a}), np.int64)
        distance[a, left] = distance[left, a] = compared.distances_of(a)[left]
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
    return _Comparison.of(means, lags).all_distances()


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Means of units, which change in place when units are merged: columns of `UnitMeans`, and lags of components."""

    scores: F64
    measured: Bool
    n_spikes: F64
    energy: F64
    lags: F32

    @classmethod
    def of(cls, means: UnitMeans, lags: F32) -> _Comparison:
        n_spikes = np.maximum(means.n_spikes, 1.0)
        return cls(means.scores.copy(), means.measured.copy(), n_spikes, (means.scores**2).sum(axis=2), lags)

    def all_distances(self) -> F64:
        """Distances of every two units, (n_units, n_units); see `mean_distances`."""
        comparable = self._comparable(np.arange(len(self.n_spikes)))
        found = np.full(comparable.shape, np.inf)
        for i, j in np.argwhere(np.triu(comparable, 1)):
            found[i, j] = found[j, i] = self._distance(i, j)
        return found

    def distances_of(self, unit: int) -> F64:
        """Distances of one unit from all, (n_units,)."""
        comparable = self._comparable(np.array([unit]))[0]
        comparable[unit] = False
        found = np.full(len(comparable), np.inf)
        for k in np.flatnonzero(comparable):
            found[k] = self._distance(*sorted((unit, int(k))))
        return found

    def _comparable(self, units: I64) -> Bool:
        """Whether common contacts hold most of the energy of some units and of each other one, (n, n_units)."""
        total, measured = self.energy.sum(axis=1), self.measured.astype(np.float64)
        own, other = self.energy[units] @ measured.T, measured[units] @ self.energy.T
        enough = (own >= COMPARABLE_ENERGY * total[units, None]) & (other >= COMPARABLE_ENERGY * total)
        return np.asarray(enough & (total[units, None] > 0) & (total > 0))

    def _distance(self, i: int, j: int) -> float:
        both = self.measured[i] & self.measured[j]
        larger, smaller = (i, j) if self.n_spikes[i] >= self.n_spikes[j] else (j, i)
        apart = (self.scores[larger] - self.scores[smaller])[both]
        apart = without_jitter(apart.reshape(1, -1), self.scores[larger][both], self.lags)
        noise = apart.size * (1 / self.n_spikes[i] + 1 / self.n_spikes[j])
        return float(np.sqrt(max(0.0, float((apart**2).sum()) - noise)))

    def merge(self, a: int, b: int) -> None:
        """Give the spikes of unit b to unit a, which is then measured where the one with more spikes was."""
        n_spikes = self.n_spikes[a] + self.n_spikes[b]
        more, fewer = (a, b) if self.n_spikes[a] >= self.n_spikes[b] else (b, a)
        share = self.measured[fewer] * self.n_spikes[fewer] / n_spikes
        mean = self.scores[more] + share[:, None] * (self.scores[fewer] - self.scores[more])
        self.measured[a] = self.measured[more]
        self.scores[a] = mean * self.measured[a][:, None]
        self.energy[a], self.n_spikes[a] = (self.scores[a] ** 2).sum(axis=1), n_spikes
