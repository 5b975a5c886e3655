"""How often units of two sortings fire together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from spikesieve.kernels import coincidences
from spikesieve.model import F64, I64
from spikesieve.sorted_by_others import SpikeTrains

# SpikeInterface's delta_time; two spikes this near are the same spike.
MATCH_MS = 0.4
# A pair that agrees less than this is no match at all.
MATCHED = 0.5


@dataclass(frozen=True, eq=False)
class Agreement:
    """Matches of all pairs of units that ever fire together.

    a, b       the two sortings
    row        (n_pairs,) int64, index into a.units; pairs are ordered by (row, column)
    column     (n_pairs,) int64, index into b.units
    n_matches  (n_pairs,) int64, at least 1
    """

    a: SpikeTrains
    b: SpikeTrains
    row: I64
    column: I64
    n_matches: I64

    def pair_scores(self) -> F64:
        """(n_pairs,) float64 agreement of each pair: matches / (spikes of a + spikes of b - matches)."""
        either = self.a.n_spikes[self.row] + self.b.n_spikes[self.column] - self.n_matches
        return self.n_matches / either

    def counts(self) -> I64:
        """(n_units_a, n_units_b) int64 matches; 0 for pairs that never fire together."""
        dense = np.zeros((len(self.a.units), len(self.b.units)), np.int64)
        dense[self.row, self.column] = self.n_matches
        return dense

    def scores(self) -> F64:
        """(n_units_a, n_units_b) float64 agreement, 0 to 1."""
        dense = np.zeros((len(self.a.units), len(self.b.units)))
        dense[self.row, self.column] = self.pair_scores()
        return dense


def agreement(a: SpikeTrains, b: SpikeTrains, sampling_hz: float, match_ms: float = MATCH_MS) -> Agreement:
    """Matches between all units of two sortings of the same recording.

    match_ms  two spikes at most this far apart can match

    The counts are those of `spikeinterface.comparison` with `a` as the ground truth. Time and memory grow with the
    number of spikes that coincide.
    """
    # Rounded down, as SpikeInterface does.
    window_samples = int(match_ms / 1000 * sampling_hz)
    row, column, n_matches = coincidences(
        a.sample, a.unit, b.sample, b.unit, len(a.units), len(b.units), window_samples
    )
    return Agreement(a, b, row, column, n_matches)


def partners(scores: F64) -> I64:
    """Column that each row is matched with, -1 for none: the best one-to-one assignment of pairs >= MATCHED.

    scores  (n_units_a, n_units_b) float64 agreement
    """
    strong = np.where(scores < MATCHED, 0.0, scores)
    rows, columns = linear_sum_assignment(strong, maximize=True)
    partner = np.full(len(scores), -1, np.int64)
    partner[rows] = np.where(scores[rows, columns] >= MATCHED, columns, -1)
    return partner
