"""How well spikes are found that fall together with a spike of another unit: recall by lag and by similarity.

The measure of Garcia, Buccino and Yger, eNeuro 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.sorted_by_others import SpikeTrains

REACH_MS = 2.0
LAG_BINS = 17
"""Odd, so that one bin lies around lag 0."""
SIMILARITY_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, eq=False)
class CollisionRecall:
    """Recall of true spikes that have a spike of another true unit near them.

    lag_edges_ms      (n_lags + 1,) float64; positive: the other spike comes later
    similarity_edges  (n_similarities + 1,) float64 of the templates' largest correlation; values outside are in the
                      first and the last bin
    n_spikes          (n_similarities, n_lags) int64: collisions
    n_found           (n_similarities, n_lags) int64: those whose spike was found
    """

    lag_edges_ms: F64
    similarity_edges: F64
    n_spikes: I64
    n_found: I64

    @property
    def recall(self) -> F64:
        """(n_similarities, n_lags) float64, NaN without spikes."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(self.n_spikes > 0, self.n_found / self.n_spikes, np.nan), dtype=np.float64)


def collision_recall(truth: SpikeTrains, found: Bool, similarity: F32 | None, sampling_hz: float) -> CollisionRecall:
    """Recall by lag and similarity.

    found       (n_spikes,) bool: which true spikes the sorting has (those of unmatched units: none)
    similarity  (n_units, n_units) of the true templates; None: all pairs are in one bin
    """
    reach_samples = int(REACH_MS / 1000 * sampling_hz)
    lag_edges = np.linspace(-REACH_MS, REACH_MS, LAG_BINS + 1)
    edges = np.array(SIMILARITY_EDGES if similarity is not None else (0.0, 1.0))
    shape = (len(edges) - 1, LAG_BINS)
    n_spikes, n_found = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for step in range(1, len(truth.sample)):
        lag = truth.sample[step:] - truth.sample[:-step]
        near = np.flatnonzero(lag <= reach_samples)
        if not len(near):
            break
        first, second = near, near + step
        other = truth.unit[first] != truth.unit[second]
        first, second, lag_ms = first[other], second[other], 1000 * lag[near[other]] / sampling_hz
        row = _row(truth, first, second, similarity, edges)
        for spike, signed_ms in ((first, lag_ms), (second, -lag_ms)):
            column = np.clip(np.searchsorted(lag_edges, signed_ms, side="right") - 1, 0, LAG_BINS - 1)
            np.add.at(n_spikes, (row, column), 1)
            np.add.at(n_found, (row, column), found[spike])
    return CollisionRecall(lag_edges, edges, n_spikes, n_found)


def _row(truth: SpikeTrains, first: I64, second: I64, similarity: F32 | None, edges: F64) -> I64:
    if similarity is None:
        return np.zeros(len(first), np.int64)
    alike = similarity[truth.unit[first], truth.unit[second]]
    return np.clip(np.searchsorted(edges, alike, side="right") - 1, 0, len(edges) - 2).astype(np.int64)


def found_spikes(truth: SpikeTrains, found: SpikeTrains, partner: I64, window_samples: int) -> Bool:
    """(n_spikes of the truth,) bool: the partner of the spike's unit fires within the window.

    partner  (n_units of the truth,) int64, row of `found`, -1 = none
    """
    hit = np.zeros(len(truth.sample), np.bool_)
    for i in np.flatnonzero(partner >= 0):
        mine = np.flatnonzero(truth.unit == i)
        train = found.sample[found.unit == partner[i]]
        start = np.searchsorted(train, truth.sample[mine] - window_samples)
        inside = start < len(train)
        inside[inside] = train[start[inside]] <= truth.sample[mine][inside] + window_samples
        hit[mine] = inside
    return hit
