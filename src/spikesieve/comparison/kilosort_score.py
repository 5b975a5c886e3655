"""Kilosort's score of a true unit, 1 - misses - false positives, before and after merges by somebody who knows.

Definition: Pachitariu et al., Nature Methods 2024, and the eMouse benchmark of Kilosort 2, which also merges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import Agreement, agreement
from spikesieve.kernels import coincidences
from spikesieve.model import F64, I64
from spikesieve.sorted_by_others import SpikeTrains

SCORE_MS = 0.2
"""Two spikes at most this far apart are the same."""
CORRECT = 0.8
"""A true unit with a larger score is found."""
SMALLEST_GAIN, GOOD_ENOUGH = 0.01, 0.99
"""A merge must gain more than this, and none is tried above the other."""
MOST_CANDIDATES = 12
"""Sorted units tried in merges, those with most of the true unit's spikes first."""


@dataclass(frozen=True, eq=False)
class KilosortScores:
    """One entry a true unit.

    score         (n_units,) float64, of its best sorted unit; below 0 when most of that unit's spikes are others'
    best          (n_units,) int64, number of that unit, -1 when no unit ever fires with it
    merged_score  (n_units,) float64, after oracle merges
    n_merged      (n_units,) int64, sorted units in the merge; 1: the best one alone
    """

    score: F64
    best: I64
    merged_score: F64
    n_merged: I64

    @property
    def n_correct(self) -> int:
        """True units with a score above 0.8."""
        return int((self.score > CORRECT).sum())

    @property
    def n_correct_merged(self) -> int:
        """The same after oracle merges."""
        return int((self.merged_score > CORRECT).sum())


def kilosort_scores(
    truth: SpikeTrains, found: SpikeTrains, sampling_hz: float, score_ms: float = SCORE_MS
) -> KilosortScores:
    """Score of every true unit.

    Kilosort tries the sorted units nearest in depth; here all are tried, which gives the same where those suffice.
    A sorted unit can be the best one of several true units. A true unit that nothing fires with scores 0.
    """
    pairs = agreement(truth, found, sampling_hz, score_ms)
    window_samples = int(score_ms / 1000 * sampling_hz)
    n = len(truth.units)
    scores, best = np.zeros(n), np.full(n, -1, np.int64)
    merged, n_merged = np.zeros(n), np.zeros(n, np.int64)
    of_truth, of_found = _samples_by_unit(truth), _samples_by_unit(found)
    bounds = np.searchsorted(pairs.row, np.arange(n + 1))
    pair_scores = _scores_of_pairs(pairs)
    for i in range(n):
        mine = slice(bounds[i], bounds[i + 1])
        if mine.stop == mine.start:
            continue
        columns = pairs.column[mine]
        first = int(pair_scores[mine].argmax())
        scores[i], best[i] = pair_scores[mine][first], found.units[columns[first]]
        order = columns[np.argsort(-pairs.n_matches[mine], kind="stable")][:MOST_CANDIDATES]
        candidates = [of_found[j] for j in order if j != columns[first]]
        merged[i], n_merged[i] = _merge(of_truth[i], of_found[columns[first]], candidates, scores[i], window_samples)
    return KilosortScores(scores, best, merged, n_merged)


def _scores_of_pairs(pairs: Agreement) -> F64:
    missed = 1 - pairs.n_matches / pairs.a.n_spikes[pairs.row]
    false = 1 - pairs.n_matches / pairs.b.n_spikes[pairs.column]
    return np.asarray(1 - missed - false, dtype=np.float64)


def _merge(truth: I64, best: I64, candidates: list[I64], score: float, window_samples: int) -> tuple[float, int]:
    """Add the sorted unit that raises the score most, as long as one does."""
    n_merged = 1
    while candidates and score <= GOOD_ENOUGH:
        trains = [np.sort(np.concatenate([best, other])) for other in candidates]
        tried = [_score(truth, train, window_samples) for train in trains]
        winner = int(np.argmax(tried))
        if tried[winner] - score <= SMALLEST_GAIN:
            break
        score, best = tried[winner], trains[winner]
        n_merged += 1
        del candidates[winner]
    return score, n_merged


def _score(truth: I64, found: I64, window_samples: int) -> float:
    no_units = np.zeros(max(len(truth), len(found)), np.int64)
    _, _, matches = coincidences(truth, no_units[: len(truth)], found, no_units[: len(found)], 1, 1, window_samples)
    n = int(matches.sum())
    return n / len(truth) + n / len(found) - 1


def _samples_by_unit(trains: SpikeTrains) -> list[I64]:
    order = np.argsort(trains.unit, kind="stable")
    return np.split(trains.sample[order], np.cumsum(trains.n_spikes)[:-1]) if len(trains.units) else []
