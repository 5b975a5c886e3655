"""How good a sorting is when the truth is known: SpikeInterface's definitions (in words: docs/simulation.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import MATCH_MS, Agreement, agreement, partners
from spikesieve.model import F64, I64, Bool
from spikesieve.sorted_by_others import SpikeTrains

# A true unit matched at this or better is found.
WELL_DETECTED = 0.8
# An unmatched unit is false below RELATED and redundant from there on, unless nothing fits its true unit better; a unit
# that agrees better than RELATED with two true units is overmerged.
RELATED = 0.2


@dataclass(frozen=True)
class UnitScore:
    """One true unit.

    unit            its number in the truth
    n_spikes        its spikes
    matched         number of the sorted unit it is matched with, or None
    n_matches       spikes that the two have in common; 0 without a match
    accuracy        n_matches / (n_spikes + spikes of the matched unit - n_matches)
    recall          n_matches / n_spikes
    precision       n_matches / spikes of the matched unit
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
    """A sorting against the truth; tuples hold numbers of sorted units, ascending.

    units           one row a true unit
    n_sorted        units of the sorting
    well_detected   matched at 0.8 or better
    false_positive  not matched, and nowhere in agreement of 0.2 or better
    redundant       not matched, but in agreement of 0.2 or better with a true unit that another sorted unit fits better
                    (the best fit of a true unit is neither redundant nor false, even if it is too poor for a match)
    overmerged      in agreement of more than 0.2 with two true units or more
    """

    units: tuple[UnitScore, ...]
    n_sorted: int
    well_detected: tuple[int, ...]
    false_positive: tuple[int, ...]
    redundant: tuple[int, ...]
    overmerged: tuple[int, ...]

    @property
    def mean_accuracy(self) -> float:
        """Mean over true units, unmatched ones as 0; 0 without true units."""
        return float(np.mean([unit.accuracy for unit in self.units])) if self.units else 0.0


def score_against_truth(
    truth: SpikeTrains, found: SpikeTrains, sampling_hz: float, match_ms: float = MATCH_MS
) -> TruthScore:
    """Score a sorting against the truth of the same recording.

    truth  every unit of the recording (an exhaustive truth: what is not in it is false)
    found  the sorting
    """
    pairs = agreement(truth, found, sampling_hz, match_ms)
    scores = pairs.scores()
    partner = partners(scores)
    matched = np.isin(np.arange(len(found.units)), partner)
    false_positive, redundant = _unmatched_classes(scores, matched)
    well = [j for i, j in enumerate(partner) if j >= 0 and scores[i, j] >= WELL_DETECTED]
    overmerged = np.flatnonzero((scores > RELATED).sum(axis=0) > 1)
    return TruthScore(
        units=_unit_scores(pairs, partner),
        n_sorted=len(found.units),
        well_detected=_numbers(found, np.sort(np.array(well, np.int64))),
        false_positive=_numbers(found, false_positive),
        redundant=_numbers(found, redundant),
        overmerged=_numbers(found, overmerged),
    )


def _unmatched_classes(scores: F64, matched: Bool) -> tuple[I64, I64]:
    """Columns that are false positive and columns that are redundant."""
    if scores.size == 0:
        return np.arange(scores.shape[1]), np.empty(0, np.int64)
    nearest = scores.argmax(axis=0)
    best = scores.max(axis=0)
    is_best = scores.argmax(axis=1)[nearest] == np.arange(scores.shape[1])
    false_positive = ~matched & (best < RELATED)
    redundant = ~matched & (best >= RELATED) & ~is_best
    return np.flatnonzero(false_positive), np.flatnonzero(redundant)


def _unit_scores(pairs: Agreement, partner: I64) -> tuple[UnitScore, ...]:
    counts, scores = pairs.counts(), pairs.scores()
    n_truth, n_found = pairs.a.n_spikes, pairs.b.n_spikes
    rows = []
    for i, j in enumerate(partner.tolist()):
        unit, n_spikes = int(pairs.a.units[i]), int(n_truth[i])
        if j < 0:
            rows.append(UnitScore(unit, n_spikes, None, 0, 0.0, 0.0, 0.0))
            continue
        n = int(counts[i, j])
        rows.append(
            UnitScore(unit, n_spikes, int(pairs.b.units[j]), n, float(scores[i, j]), n / n_spikes, n / int(n_found[j]))
        )
    return tuple(rows)


def _numbers(trains: SpikeTrains, index: I64) -> tuple[int, ...]:
    return tuple(trains.units[index].tolist())


def summary_rows(score: TruthScore) -> tuple[tuple[str, str], ...]:
    """What a person wants to know first, as (what, value), ready for printing."""
    return (
        ("true units", str(len(score.units))),
        ("sorted units", str(score.n_sorted)),
        ("well detected (accuracy >= 0.8)", str(len(score.well_detected))),
        ("mean accuracy", f"{score.mean_accuracy:.3f}"),
        ("false positive", str(len(score.false_positive))),
        ("redundant", str(len(score.redundant))),
        ("overmerged", str(len(score.overmerged))),
    )


UNIT_COLUMNS = ("unit", "spikes", "found as", "accuracy", "recall", "precision")


def unit_rows(score: TruthScore) -> tuple[tuple[str, ...], ...]:
    """One row a true unit, best first, under UNIT_COLUMNS, ready for printing."""
    ordered = sorted(score.units, key=lambda unit: (-unit.accuracy, unit.unit))
    return tuple(
        (
            str(unit.unit),
            str(unit.n_spikes),
            "-" if unit.matched is None else str(unit.matched),
            f"{unit.accuracy:.3f}",
            f"{unit.recall:.3f}",
            f"{unit.precision:.3f}",
        )
        for unit in ordered
    )
