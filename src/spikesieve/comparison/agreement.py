"""Match the spikes of two sortings and measure the agreement of every pair of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from spikesieve.kernels import coincidences
from spikesieve.model import F64, I64
from spikesieve.model.external import SpikeTrains

MATCH_MS = 0.4
"""Two spikes at most this far apart can match: `delta_time` of SpikeInterface."""
MATCH_SCORE = 0.5
"""Smallest agreement of a matched pair of units: `match_score` of SpikeInterface."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Matched spikes of all pairs of units that have at least one.

    Attributes
    ----------
    a, b : SpikeTrains
        The two sortings.
    row : ndarray of int64, shape (n_pairs,)
        Unit of `a`, as an index into `a.units`. Pairs are sorted by (row, column).
    column : ndarray of int64, shape (n_pairs,)
        Unit of `b`, as an index into `b.units`.
    n_matches : ndarray of int64, shape (n_pairs,)
        Number of matched spikes, at least 1.
    """

    a: SpikeTrains
    b: SpikeTrains
    row: I64
    column: I64
    n_matches: I64

    def pair_scores(self) -> F64:
        """Compute the agreement of each listed pair.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            Matches / (spikes of a + spikes of b - matches), between 0 and 1.
        """
        n_either = self.a.n_spikes[self.row] + self.b.n_spikes[self.column] - self.n_matches
        return self.n_matches / n_either

    def counts(self) -> I64:
        """Return the number of matched spikes of all pairs of units.

        Returns
        -------
        ndarray of int64, shape (n_units_a, n_units_b)
            0 for pairs without a match.
        """
        dense = np.zeros((len(self.a.units), len(self.b.units)), np.int64)
        dense[self.row, self.column] = self.n_matches
        return dense

    def scores(self) -> F64:
        """Return the agreement of all pairs of units.

        Returns
        -------
        ndarray of float64, shape (n_units_a, n_units_b)
            Between 0 and 1; 0 for pairs without a match.
        """
        dense = np.zeros((len(self.a.units), len(self.b.units)))
        dense[self.row, self.column] = self.pair_scores()
        return dense


def agreement(a: SpikeTrains, b: SpikeTrains, sampling_hz: float, match_ms: float = MATCH_MS) -> Agreement:
    """Match the spikes of all units of two sortings of one recording.

    Parameters
    ----------
    a, b : SpikeTrains
        The two sortings.
    sampling_hz : float
        Sampling rate in Hz.
    match_ms : float, optional
        Two spikes at most this far apart can match, in ms.

    Returns
    -------
    Agreement
        Match counts of all pairs of units that share a spike.

    Notes
    -----
    The counts equal those of `spikeinterface.comparison` with `a` as the ground truth. Time and memory grow with the
    number of coincident spikes, not with the number of pairs of units.

    Examples
    --------
    >>> a = SpikeTrains.from_spikes(np.array([100, 500, 900]), np.array([1, 1, 1]))
    >>> b = SpikeTrains.from_spikes(np.array([103, 498, 700]), np.array([5, 5, 5]))
    >>> agreement(a, b, 30_000.0).scores()
    array([[0.5]])
    """
    # Rounded down, as in SpikeInterface.
    window_samples = int(match_ms / 1000 * sampling_hz)
    row, column, n_matches = coincidences(
        a.sample, a.unit, b.sample, b.unit, len(a.units), len(b.units), window_samples
    )
    return Agreement(a, b, row, column, n_matches)


def hungarian_match(scores: F64) -> I64:
    """Match units one to one so that the sum of their agreements is largest.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_units_a, n_units_b)
        Agreement of all pairs.

    Returns
    -------
    ndarray of int64, shape (n_units_a,)
        Column matched with each row; -1 where no pair reaches `MATCH_SCORE`.

    Examples
    --------
    >>> hungarian_match(np.array([[0.9, 0.6], [0.2, 0.3]]))
    array([ 0, -1])
    """
    candidates = np.where(scores < MATCH_SCORE, 0.0, scores)
    rows, columns = linear_sum_assignment(candidates, maximize=True)
    matched = np.full(len(scores), -1, np.int64)
    matched[rows] = np.where(scores[rows, columns] >= MATCH_SCORE, columns, -1)
    return matched


@dataclass(frozen=True)
class MatchWindows:
    """Sampling rate and matching windows of a comparison.

    Attributes
    ----------
    sampling_hz : float
        Sampling rate in Hz.
    match_ms : float
        Two spikes at most this far apart can match, as in SpikeInterface.
    score_ms : float
        The same for Kilosort's score.
    """

    sampling_hz: float
    match_ms: float
    score_ms: float

    @property
    def match_samples(self) -> int:
        """Window `match_ms` in samples, rounded down."""
        return int(self.match_ms / 1000 * self.sampling_hz)
