"""Score a sorting against the true spike trains with the definitions of SpikeInterface (see docs/simulation.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import MATCH_MS, Agreement, agreement, hungarian_match
from spikesieve.model import F64, I64, Bool
from spikesieve.model.external import SpikeTrains

WELL_DETECTED_SCORE = 0.8
"""Smallest agreement of a well-detected unit."""
RELATED_SCORE = 0.2
"""Separates false positive from redundant units. A unit above it with two true units is overmerged."""


@dataclass(frozen=True)
class UnitScore:
    """Score of one true unit.

    Attributes
    ----------
    unit : int
        Unit number in the truth.
    n_spikes : int
        Number of true spikes.
    matched : int or None
        Number of the matched sorted unit; None without a match.
    n_matches : int
        Matched spikes; 0 without a match.
    accuracy : float
        n_matches / (n_spikes + spikes of the matched unit - n_matches).
    recall : float
        n_matches / n_spikes.
    precision : float
        n_matches / spikes of the matched unit.
    """

    unit: int
    n_spikes: int
    matched: int | None
    n_matches: int
    accuracy: float
    recall: float
    precision: float


@dataclass(frozen=True)
class TruthScore:
    """Score of a sorting against the truth. The tuples hold numbers of sorted units in ascending order.

    Attributes
    ----------
    units : tuple of UnitScore
        One entry for each true unit.
    n_sorted : int
        Number of sorted units.
    well_detected : tuple of int
        Units matched with an agreement of 0.8 or more.
    false_positive : tuple of int
        Unmatched units whose agreement with every true unit is below 0.2.
    redundant : tuple of int
        Unmatched units that agree by 0.2 or more with a true unit that another sorted unit fits better. The unit that
        fits a true unit best is neither redundant nor false positive, even if it is too poor for a match.
    overmerged : tuple of int
        Units that agree by more than 0.2 with two or more true units.
    not_in_truth : tuple of int
        Where the truth covers only some of the neurons: the units that would be false positive otherwise. They may be
        neurons that the truth does not list, so none is counted as false then. Empty for a complete truth.
    """

    units: tuple[UnitScore, ...]
    n_sorted: int
    well_detected: tuple[int, ...]
    false_positive: tuple[int, ...]
    redundant: tuple[int, ...]
    overmerged: tuple[int, ...]
    not_in_truth: tuple[int, ...] = ()

    @property
    def mean_accuracy(self) -> float:
        """Mean accuracy of the true units, unmatched units as 0; 0 without true units."""
        return float(np.mean([unit.accuracy for unit in self.units])) if self.units else 0.0


def score_against_truth(
    truth: SpikeTrains,
    found: SpikeTrains,
    sampling_hz: float,
    match_ms: float = MATCH_MS,
    partial_truth: bool = False,
) -> TruthScore:
    """Score a sorting against the true spike trains of the same recording.

    Parameters
    ----------
    truth : SpikeTrains
        The true units.
    found : SpikeTrains
        The sorting.
    sampling_hz : float
        Sampling rate in Hz.
    match_ms : float, optional
        Two spikes at most this far apart can match, in ms.
    partial_truth : bool, optional
        The recording has neurons that the truth does not list, so a sorted unit that fits no true unit is not false.

    Returns
    -------
    TruthScore
        Score of each true unit and the class of each sorted unit.

    References
    ----------
    Buccino et al. (2020) SpikeInterface, a unified framework for spike sorting. eLife 9:e61834.

    Examples
    --------
    >>> truth = SpikeTrains.from_spikes(np.array([100, 500, 900, 990]), np.array([0, 0, 1, 1]))
    >>> found = SpikeTrains.from_spikes(np.array([100, 500, 700]), np.array([3, 3, 4]))
    >>> score = score_against_truth(truth, found, 30_000.0)
    >>> score.mean_accuracy, score.well_detected, score.false_positive
    (0.5, (3,), (4,))
    """
    pairs = agreement(truth, found, sampling_hz, match_ms)
    scores = pairs.scores()
    column_of_unit = hungarian_match(scores)
    is_matched = np.isin(np.arange(len(found.units)), column_of_unit)
    false_positive, redundant = _unmatched_classes(scores, is_matched)
    well_detected = [j for i, j in enumerate(column_of_unit) if j >= 0 and scores[i, j] >= WELL_DETECTED_SCORE]
    overmerged = np.flatnonzero((scores > RELATED_SCORE).sum(axis=0) > 1)
    fits_nothing = _unit_numbers(found, false_positive)
    return TruthScore(
        units=_unit_scores(pairs, column_of_unit),
        n_sorted=len(found.units),
        well_detected=_unit_numbers(found, np.sort(np.array(well_detected, np.int64))),
        false_positive=() if partial_truth else fits_nothing,
        redundant=_unit_numbers(found, redundant),
        overmerged=_unit_numbers(found, overmerged),
        not_in_truth=fits_nothing if partial_truth else (),
    )


def _unmatched_classes(scores: F64, is_matched: Bool) -> tuple[I64, I64]:
    """Find the columns that are false positive and the columns that are redundant."""
    if scores.size == 0:
        return np.arange(scores.shape[1]), np.empty(0, np.int64)
    best_row = scores.argmax(axis=0)
    best = scores.max(axis=0)
    is_best = scores.argmax(axis=1)[best_row] == np.arange(scores.shape[1])
    false_positive = ~is_matched & (best < RELATED_SCORE)
    redundant = ~is_matched & (best >= RELATED_SCORE) & ~is_best
    return np.flatnonzero(false_positive), np.flatnonzero(redundant)


def _unit_scores(pairs: Agreement, column_of_unit: I64) -> tuple[UnitScore, ...]:
    counts, scores = pairs.counts(), pairs.scores()
    n_truth, n_found = pairs.a.n_spikes, pairs.b.n_spikes
    rows = []
    for i, j in enumerate(column_of_unit.tolist()):
        unit, n_spikes = int(pairs.a.units[i]), int(n_truth[i])
        if j < 0:
            rows.append(UnitScore(unit, n_spikes, None, 0, 0.0, 0.0, 0.0))
            continue
        n = int(counts[i, j])
        rows.append(
            UnitScore(unit, n_spikes, int(pairs.b.units[j]), n, float(scores[i, j]), n / n_spikes, n / int(n_found[j]))
        )
    return tuple(rows)


def _unit_numbers(trains: SpikeTrains, index: I64) -> tuple[int, ...]:
    return tuple(trains.units[index].tolist())


def summary_rows(score: TruthScore) -> tuple[tuple[str, str], ...]:
    """List the main numbers of a score, ready to print.

    Parameters
    ----------
    score : TruthScore
        Score of a sorting.

    Returns
    -------
    tuple of (str, str)
        Name and value of each number.
    """
    return (
        ("true units", str(len(score.units))),
        ("sorted units", str(score.n_sorted)),
        ("well detected (accuracy >= 0.8)", str(len(score.well_detected))),
        ("mean accuracy", f"{score.mean_accuracy:.3f}"),
        ("false positive", str(len(score.false_positive))),
        ("redundant", str(len(score.redundant))),
        ("overmerged", str(len(score.overmerged))),
    )
