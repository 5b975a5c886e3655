"""Tables of a sorting against the truth: one row for each true unit and one for each sorted unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import MATCH_SCORE, Agreement
from spikesieve.comparison.kilosort_score import KilosortScores
from spikesieve.comparison.truth_score import WELL_DETECTED_SCORE, TruthScore, UnitScore
from spikesieve.model import F32, F64, I64, Bool


@dataclass(frozen=True, eq=False)
class TrueUnitProperties:
    """Properties of the true units. NaN or None where they are not known.

    Attributes
    ----------
    rate_hz : ndarray of float64, shape (n_units,)
        Firing rate in Hz.
    depth_um : ndarray of float64, shape (n_units,)
        Depth in um.
    snr : ndarray of float64, shape (n_units,)
        Largest deflection of the template over the noise SD.
    d_prime : ndarray of float64, shape (n_units,)
        Norm of the whitened template in noise SD.
    similarity : ndarray of float32, shape (n_units, n_units), or None
        Similarity of the true templates.
    oracle_accuracy : ndarray of float64, shape (n_units,)
        Accuracy of a matcher that knows the true templates.
    """

    rate_hz: F64
    depth_um: F64
    snr: F64
    d_prime: F64
    similarity: F32 | None
    oracle_accuracy: F64

    @property
    def nearest_similarity(self) -> F64:
        """Similarity to the most similar other true unit, float64 of shape (n_units,)."""
        n = len(self.rate_hz)
        if self.similarity is None or n < 2:
            return np.full(n, np.nan)
        others = np.where(np.eye(n, dtype=np.bool_), -np.inf, self.similarity)
        return np.asarray(others.max(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class TrueUnitRow:
    """One true unit, a row of `units_vs_truth.csv`. NaN where a number is not known.

    Other programs read the columns up to `class`, so they stay.

    Attributes
    ----------
    unit : int
        Unit number in the truth.
    n_spikes : int
        Number of true spikes.
    matched_unit : int or None
        Number of the matched sorted unit.
    accuracy, recall, precision : float
        As in `UnitScore`.
    kilosort_score : float
        Kilosort's score of the best sorted unit.
    status : str
        "well_detected" (accuracy of 0.8 or more), "detected" (0.5 or more), "overmerged" (unmatched, and the sorted
        unit that fits best holds other true units as well) or "missed".
    sorting : str
        Name of the sorting.
    kilosort_score_merged : float
        Kilosort's score after oracle merges.
    n_merged : int
        Sorted units in the merge.
    snr : float
        Largest deflection of the template over the noise SD.
    depth_um : float
        Depth in um.
    rate_hz : float
        Firing rate in Hz.
    similarity : float
        Similarity to the most similar other true unit.
    d_prime : float
        Norm of the whitened template in noise SD.
    oracle_accuracy : float
        Accuracy of a matcher that knows the true templates.
    fraction_of_oracle : float
        accuracy / oracle_accuracy; NaN where not even the oracle finds the unit (accuracy below 0.5).
    """

    unit: int
    n_spikes: int
    matched_unit: int | None
    accuracy: float
    recall: float
    precision: float
    kilosort_score: float
    status: str
    sorting: str
    kilosort_score_merged: float
    n_merged: int
    snr: float
    depth_um: float
    rate_hz: float
    similarity: float
    d_prime: float
    oracle_accuracy: float
    fraction_of_oracle: float


@dataclass(frozen=True)
class SortedUnitRow:
    """One sorted unit, a row of `sorted_units_vs_truth.csv`.

    Attributes
    ----------
    sorting : str
        Name of the sorting.
    unit : int
        Unit number.
    n_spikes : int
        Number of spikes.
    status : str
        "well_detected", "detected", "overmerged", "redundant", "false_positive", "not_in_truth" (fits no unit of a
        truth that covers only some of the neurons) or "unmatched".
    true_unit : int or None
        Number of the true unit with the largest agreement.
    agreement : float
        Agreement with that true unit.
    """

    sorting: str
    unit: int
    n_spikes: int
    status: str
    true_unit: int | None
    agreement: float


def true_unit_rows(
    name: str, score: TruthScore, kilosort: KilosortScores, properties: TrueUnitProperties, pairs: Agreement
) -> tuple[TrueUnitRow, ...]:
    """Build one row for each true unit.

    Parameters
    ----------
    name : str
        Name of the sorting.
    score : TruthScore
        Score of the sorting.
    kilosort : KilosortScores
        Kilosort's score of each true unit.
    properties : TrueUnitProperties
        Properties of the true units.
    pairs : Agreement
        Agreement of the true (a) and the sorted units (b).

    Returns
    -------
    tuple of TrueUnitRow
        Rows in the order of the true units.
    """
    nearest = properties.nearest_similarity
    best_is_overmerged = _best_is_overmerged(score, pairs.scores(), pairs.b.units)
    return tuple(
        TrueUnitRow(
            unit=unit.unit,
            n_spikes=unit.n_spikes,
            matched_unit=unit.matched,
            accuracy=unit.accuracy,
            recall=unit.recall,
            precision=unit.precision,
            kilosort_score=float(kilosort.score[k]),
            status=_status(unit, bool(best_is_overmerged[k])),
            sorting=name,
            kilosort_score_merged=float(kilosort.merged_score[k]),
            n_merged=int(kilosort.n_merged[k]),
            snr=float(properties.snr[k]),
            depth_um=float(properties.depth_um[k]),
            rate_hz=float(properties.rate_hz[k]),
            similarity=float(nearest[k]),
            d_prime=float(properties.d_prime[k]),
            oracle_accuracy=float(properties.oracle_accuracy[k]),
            fraction_of_oracle=_fraction(unit.accuracy, properties.oracle_accuracy[k]),
        )
        for k, unit in enumerate(score.units)
    )


def _best_is_overmerged(score: TruthScore, scores: F64, found_units: I64) -> Bool:
    """Tell for each true unit whether the sorted unit that fits best is overmerged, bool of shape (n_true_units,)."""
    if scores.shape[1] == 0:
        return np.zeros(len(scores), np.bool_)
    overmerged = np.isin(found_units, np.array(score.overmerged, np.int64))
    best = scores.argmax(axis=1)
    return np.asarray(overmerged[best] & (scores[np.arange(len(scores)), best] > 0), dtype=np.bool_)


def _status(unit: UnitScore, best_is_overmerged: bool) -> str:
    if unit.matched is None:
        return "overmerged" if best_is_overmerged else "missed"
    return "well_detected" if unit.accuracy >= WELL_DETECTED_SCORE else "detected"


def _fraction(accuracy: float, oracle_accuracy: np.float64) -> float:
    return float(accuracy / oracle_accuracy) if oracle_accuracy >= MATCH_SCORE else float("nan")


def sorted_unit_rows(name: str, score: TruthScore, pairs: Agreement) -> tuple[SortedUnitRow, ...]:
    """Build one row for each sorted unit.

    Parameters
    ----------
    name : str
        Name of the sorting.
    score : TruthScore
        Score of the sorting.
    pairs : Agreement
        Agreement of the true (a) and the sorted units (b).

    Returns
    -------
    tuple of SortedUnitRow
        Rows in the order of the sorted units.
    """
    truth, found, scores = pairs.a, pairs.b, pairs.scores()
    classes = (
        ("overmerged", score.overmerged),
        ("well_detected", score.well_detected),
        ("detected", {unit.matched for unit in score.units}),
        ("redundant", score.redundant),
        ("false_positive", score.false_positive),
        ("not_in_truth", score.not_in_truth),
    )
    rows = []
    for j, (unit, n_spikes) in enumerate(zip(found.units.tolist(), found.n_spikes.tolist(), strict=True)):
        status = next((word for word, members in classes if unit in members), "unmatched")
        best = int(scores[:, j].argmax()) if len(scores) else -1
        best_score = float(scores[best, j]) if best >= 0 else 0.0
        true_unit = int(truth.units[best]) if best_score > 0 else None
        rows.append(SortedUnitRow(name, unit, n_spikes, status, true_unit, best_score))
    return tuple(rows)
