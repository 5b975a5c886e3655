"""Measure the recall of colliding spikes: true spikes that overlap with a spike of another unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.model.external import SpikeTrains

MAX_LAG_MS = 2.0
"""Spikes of two units at most this far apart collide."""
N_LAG_BINS = 17
"""Odd, so that one bin is centred on lag 0."""
SIMILARITY_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Edges of the bins of template similarity."""


@dataclass(frozen=True, eq=False)
class CollisionRecall:
    """Recall of colliding spikes by lag and by similarity of the two templates.

    Attributes
    ----------
    lag_edges_ms : ndarray of float64, shape (n_lags + 1,)
        Edges of the lag bins in ms. Positive: the spike of the other unit comes later.
    similarity_edges : ndarray of float64, shape (n_similarities + 1,)
        Edges of the similarity bins. Values outside are counted in the first and the last bin.
    n_spikes : ndarray of int64, shape (n_similarities, n_lags)
        Number of colliding spikes.
    n_found : ndarray of int64, shape (n_similarities, n_lags)
        Number of them that the sorting found.
    """

    lag_edges_ms: F64
    similarity_edges: F64
    n_spikes: I64
    n_found: I64

    @property
    def recall(self) -> F64:
        """Share of the spikes that were found, float64 of shape (n_similarities, n_lags); NaN without spikes."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(self.n_spikes > 0, self.n_found / self.n_spikes, np.nan), dtype=np.float64)


def collision_recall(truth: SpikeTrains, is_found: Bool, similarity: F32 | None, sampling_hz: float) -> CollisionRecall:
    """Compute the recall of colliding spikes by lag and by template similarity.

    Parameters
    ----------
    truth : SpikeTrains
        The true spike trains.
    is_found : ndarray of bool, shape (n_spikes,)
        True spikes that the sorting found (see `found_spikes`).
    similarity : ndarray of float32, shape (n_units, n_units), or None
        Similarity of the true templates. None puts all pairs of units in one bin.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    CollisionRecall
        Counts by lag and similarity.

    References
    ----------
    Garcia, Buccino and Yger (2022) How do spike collisions affect spike sorting performance? eNeuro 9(5).

    Examples
    --------
    >>> truth = SpikeTrains.from_spikes(np.array([1000, 1010, 5000]), np.array([0, 1, 0]))
    >>> found = collision_recall(truth, np.array([True, False, True]), None, 30_000.0)
    >>> int(found.n_spikes.sum()), int(found.n_found.sum())
    (2, 1)
    """
    max_lag_samples = int(MAX_LAG_MS / 1000 * sampling_hz)
    lag_edges_ms = np.linspace(-MAX_LAG_MS, MAX_LAG_MS, N_LAG_BINS + 1)
    edges = np.array(SIMILARITY_EDGES if similarity is not None else (0.0, 1.0))
    shape = (len(edges) - 1, N_LAG_BINS)
    n_spikes, n_found = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    # Compare each spike with the next one, the one after it, ..., until no two are near enough.
    for step in range(1, len(truth.sample)):
        lag = truth.sample[step:] - truth.sample[:-step]
        near = np.flatnonzero(lag <= max_lag_samples)
        if not len(near):
            break
        first, second = near, near + step
        differ = truth.unit[first] != truth.unit[second]
        first, second, lag_ms = first[differ], second[differ], 1000 * lag[near[differ]] / sampling_hz
        row = _similarity_bin(truth, first, second, similarity, edges)
        for spike, signed_ms in ((first, lag_ms), (second, -lag_ms)):
            column = np.clip(np.searchsorted(lag_edges_ms, signed_ms, side="right") - 1, 0, N_LAG_BINS - 1)
            np.add.at(n_spikes, (row, column), 1)
            np.add.at(n_found, (row, column), is_found[spike])
    return CollisionRecall(lag_edges_ms, edges, n_spikes, n_found)


def _similarity_bin(truth: SpikeTrains, first: I64, second: I64, similarity: F32 | None, edges: F64) -> I64:
    if similarity is None:
        return np.zeros(len(first), np.int64)
    of_pair = similarity[truth.unit[first], truth.unit[second]]
    return np.clip(np.searchsorted(edges, of_pair, side="right") - 1, 0, len(edges) - 2).astype(np.int64)


def found_spikes(truth: SpikeTrains, found: SpikeTrains, matched_row: I64, window_samples: int) -> Bool:
    """Tell which true spikes the sorting found: the matched sorted unit fires within the window.

    Parameters
    ----------
    truth : SpikeTrains
        The true spike trains.
    found : SpikeTrains
        The sorting.
    matched_row : ndarray of int64, shape (n_true_units,)
        Matched sorted unit of each true unit, as an index into `found.units`; -1 for none.
    window_samples : int
        Two spikes at most this far apart are the same spike.

    Returns
    -------
    ndarray of bool, shape (n_true_spikes,)
        True where the spike was found. Spikes of unmatched units are not found.

    Examples
    --------
    >>> truth = SpikeTrains.from_spikes(np.array([100, 200]), np.array([0, 0]))
    >>> found = SpikeTrains.from_spikes(np.array([105]), np.array([7]))
    >>> found_spikes(truth, found, np.array([0]), 12)
    array([ True, False])
    """
    is_found = np.zeros(len(truth.sample), np.bool_)
    for i in np.flatnonzero(matched_row >= 0):
        spikes = np.flatnonzero(truth.unit == i)
        train = found.sample[found.unit == matched_row[i]]
        is_found[spikes] = fires_within(train, truth.sample[spikes], window_samples)
    return is_found


def fires_within(train: I64, sample: I64, window_samples: int) -> Bool:
    """Tell at which samples a spike train has a spike within a window.

    Parameters
    ----------
    train : ndarray of int64, shape (n_spikes,)
        Spike train in samples, in ascending order.
    sample : ndarray of int64, shape (n,)
        Samples to look at.
    window_samples : int
        Largest distance to a spike.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a spike lies at most `window_samples` away.

    Examples
    --------
    >>> fires_within(np.array([100, 200]), np.array([90, 150, 203]), 10)
    array([ True, False,  True])
    """
    start = np.searchsorted(train, sample - window_samples)
    inside = start < len(train)
    inside[inside] = train[start[inside]] <= sample[inside] + window_samples
    return np.asarray(inside, dtype=np.bool_)
