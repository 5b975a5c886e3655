"""Kilosort's score of a true unit, 1 - misses - false positives, before and after oracle merges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import Agreement, agreement
from spikesieve.kernels import coincidences
from spikesieve.model import F64, I64
from spikesieve.model.external import SpikeTrains

SCORE_MS = 0.2
"""Two spikes at most this far apart are the same spike."""
CORRECT_SCORE = 0.8
"""A true unit with a larger score counts as found."""
MIN_GAIN = 0.01
"""A merge must raise the score by more than this."""
MAX_SCORE_TO_MERGE = 0.99
"""Units with a larger score are not merged any further."""
N_MERGE_CANDIDATES = 12
"""Sorted units tried in merges: those with most spikes of the true unit."""


@dataclass(frozen=True, eq=False)
class KilosortScores:
    """Kilosort's score of each true unit.

    Attributes
    ----------
    score : ndarray of float64, shape (n_units,)
        Score of the best sorted unit. Negative when most spikes of that unit belong to other neurons.
    best : ndarray of int64, shape (n_units,)
        Number of the best sorted unit; -1 when no sorted unit shares a spike.
    merged_score : ndarray of float64, shape (n_units,)
        Score after oracle merges.
    n_merged : ndarray of int64, shape (n_units,)
        Sorted units in the merge; 1 when the best unit stays alone, 0 when there is none.
    """

    score: F64
    best: I64
    merged_score: F64
    n_merged: I64

    @property
    def n_correct(self) -> int:
        """Number of true units with a score above 0.8."""
        return int((self.score > CORRECT_SCORE).sum())

    @property
    def n_correct_merged(self) -> int:
        """Number of true units with a score above 0.8 after oracle merges."""
        return int((self.merged_score > CORRECT_SCORE).sum())


def kilosort_scores(
    truth: SpikeTrains, found: SpikeTrains, sampling_hz: float, score_ms: float = SCORE_MS
) -> KilosortScores:
    """Compute Kilosort's score of every true unit.

    Parameters
    ----------
    truth : SpikeTrains
        The true spike trains.
    found : SpikeTrains
        The sorting.
    sampling_hz : float
        Sampling rate in Hz.
    score_ms : float, optional
        Two spikes at most this far apart are the same spike, in ms.

    Returns
    -------
    KilosortScores
        One entry for each true unit. A true unit that shares no spike with a sorted unit scores 0.

    References
    ----------
    Pachitariu et al. (2024) Spike sorting with Kilosort4. Nature Methods 21:914-921. The merges are those of the
    eMouse benchmark of Kilosort 2.

    Notes
    -----
    One sorted unit can be the best unit of several true units. Kilosort tries only the sorted units nearest in depth;
    here all are tried.

    Examples
    --------
    >>> truth = SpikeTrains.from_spikes(np.arange(0, 10_000, 1000), np.zeros(10, np.int64))
    >>> found = SpikeTrains.from_spikes(np.arange(0, 8000, 1000), np.full(8, 3))
    >>> kilosort_scores(truth, found, 30_000.0).score.round(2)
    array([0.8])
    """
    pairs = agreement(truth, found, sampling_hz, score_ms)
    window_samples = int(score_ms / 1000 * sampling_hz)
    n_units = len(truth.units)
    scores, best = np.zeros(n_units), np.full(n_units, -1, np.int64)
    merged, n_merged = np.zeros(n_units), np.zeros(n_units, np.int64)
    true_trains, found_trains = _samples_by_unit(truth), _samples_by_unit(found)
    bounds = np.searchsorted(pairs.row, np.arange(n_units + 1))
    pair_scores = _pair_scores(pairs)
    for i in range(n_units):
        of_unit = slice(bounds[i], bounds[i + 1])
        if of_unit.stop == of_unit.start:
            continue
        columns = pairs.column[of_unit]
        first = int(pair_scores[of_unit].argmax())
        scores[i], best[i] = pair_scores[of_unit][first], found.units[columns[first]]
        by_matches = columns[np.argsort(-pairs.n_matches[of_unit], kind="stable")][:N_MERGE_CANDIDATES]
        candidates = [found_trains[j] for j in by_matches if j != columns[first]]
        merged[i], n_merged[i] = _merge(
            true_trains[i], found_trains[columns[first]], candidates, scores[i], window_samples
        )
    return KilosortScores(scores, best, merged, n_merged)


def _pair_scores(pairs: Agreement) -> F64:
    missed = 1 - pairs.n_matches / pairs.a.n_spikes[pairs.row]
    false = 1 - pairs.n_matches / pairs.b.n_spikes[pairs.column]
    return np.asarray(1 - missed - false, dtype=np.float64)


def _merge(truth: I64, best: I64, candidates: list[I64], score: float, window_samples: int) -> tuple[float, int]:
    """Add the sorted unit that raises the score most, until none raises it."""
    n_merged = 1
    while candidates and score <= MAX_SCORE_TO_MERGE:
        trains = [np.sort(np.concatenate([best, other])) for other in candidates]
        tried = [_score(truth, train, window_samples) for train in trains]
        winner = int(np.argmax(tried))
        if tried[winner] - score <= MIN_GAIN:
            break
        score, best = tried[winner], trains[winner]
        n_merged += 1
        del candidates[winner]
    return score, n_merged


def _score(truth: I64, found: I64, window_samples: int) -> float:
    unit_0 = np.zeros(max(len(truth), len(found)), np.int64)
    _, _, matches = coincidences(truth, unit_0[: len(truth)], found, unit_0[: len(found)], 1, 1, window_samples)
    n = int(matches.sum())
    return n / len(truth) + n / len(found) - 1


def _samples_by_unit(trains: SpikeTrains) -> list[I64]:
    return [trains.sample[rows] for rows in trains.rows_by_unit()]
