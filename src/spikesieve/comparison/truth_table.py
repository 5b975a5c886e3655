"""A sorting against the truth in full: one row a true unit, one row a sorted unit, collisions, means by property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import agreement
from spikesieve.comparison.collisions import CollisionRecall, collision_recall, found_spikes
from spikesieve.comparison.kilosort_score import KilosortScores, kilosort_scores
from spikesieve.comparison.truth_score import WELL_DETECTED, TruthScore, score_against_truth
from spikesieve.model import F32, F64, I64
from spikesieve.sorted_by_others import SpikeTrains

PROPERTIES = ("snr", "depth_um", "rate_hz", "similarity")
N_BINS = 5


@dataclass(frozen=True, eq=False)
class TrueUnitFacts:
    """What is known of the true units, one entry each; NaN or None: not known.

    rate_hz          (n_units,) float64
    depth_um         (n_units,) float64
    snr              (n_units,) float64, largest deflection over noise SD
    d_prime          (n_units,) float64, norm of the whitened template in noise SD
    similarity       (n_units, n_units) float32 of the true templates
    oracle_accuracy  (n_units,) float64, accuracy of the oracle
    """

    rate_hz: F64
    depth_um: F64
    snr: F64
    d_prime: F64
    similarity: F32 | None
    oracle_accuracy: F64

    @property
    def nearest_similarity(self) -> F64:
        """(n_units,) float64: similarity to the most similar other true unit."""
        n = len(self.rate_hz)
        if self.similarity is None or n < 2:
            return np.full(n, np.nan)
        others = np.where(np.eye(n, dtype=np.bool_), -np.inf, self.similarity)
        return np.asarray(others.max(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class TruthRow:
    """One true unit in `units_vs_truth.csv`; NaN: not known.

    The first columns are `UnitScore` and Kilosort's score; `status` is well_detected (accuracy of 0.8 or better),
    detected (0.5 or better), overmerged (not matched; the sorted unit that fits best holds other true units as well) or
    missed. `fraction_of_oracle` is accuracy over the oracle's.
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
class SortedRow:
    """One sorted unit: `status` is well_detected, detected, overmerged, redundant, false_positive or unmatched."""

    sorting: str
    unit: int
    n_spikes: int
    status: str
    true_unit: int | None
    agreement: float


@dataclass(frozen=True)
class Bin:
    """Means over the true units between two values of a property; edges are quantiles of the true units."""

    sorting: str
    property: str
    low: float
    high: float
    n_units: int
    accuracy: float
    recall: float
    precision: float


@dataclass(frozen=True, eq=False)
class AgainstTruth:
    """One sorting against the truth."""

    name: str
    score: TruthScore
    kilosort: KilosortScores
    rows: tuple[TruthRow, ...]
    sorted_rows: tuple[SortedRow, ...]
    bins: tuple[Bin, ...]
    collisions: CollisionRecall

    def column(self, name: str) -> F64:
        """(n_true_units,) float64 of a column of `rows`."""
        return np.array([getattr(row, name) for row in self.rows], np.float64)


@dataclass(frozen=True)
class Windows:
    """Sampling rate and the two windows: `match_ms` of SpikeInterface, `score_ms` of Kilosort."""

    sampling_hz: float
    match_ms: float
    score_ms: float

    @property
    def match_samples(self) -> int:
        """The first window in samples, rounded down."""
        return int(self.match_ms / 1000 * self.sampling_hz)


def against_truth(
    truth: SpikeTrains, found: SpikeTrains, name: str, facts: TrueUnitFacts, windows: Windows
) -> AgainstTruth:
    """Everything about one sorting of a recording whose truth is known.

    facts  entry k is of the k-th of truth.units
    """
    score = score_against_truth(truth, found, windows.sampling_hz, windows.match_ms)
    kilosort = kilosort_scores(truth, found, windows.sampling_hz, windows.score_ms)
    pairs = agreement(truth, found, windows.sampling_hz, windows.match_ms)
    scores = pairs.scores()
    rows = _truth_rows(score, kilosort, name, facts, _best_is_overmerged(score, scores, found))
    partner = np.array([-1 if u.matched is None else np.searchsorted(found.units, u.matched) for u in score.units])
    hit = found_spikes(truth, found, partner.astype(np.int64), windows.match_samples)
    return AgainstTruth(
        name,
        score,
        kilosort,
        rows,
        _sorted_rows(score, scores, truth, found, name),
        tuple(one for prop in PROPERTIES for one in _bins(rows, prop)),
        collision_recall(truth, hit, facts.similarity, windows.sampling_hz),
    )


def _best_is_overmerged(score: TruthScore, scores: F64, found: SpikeTrains) -> list[bool]:
    over = np.isin(found.units, np.array(score.overmerged, np.int64))
    if scores.shape[1] == 0:
        return [False] * len(scores)
    best = scores.argmax(axis=1)
    return [bool(over[j] and scores[i, j] > 0) for i, j in enumerate(best)]


def _truth_rows(
    score: TruthScore, kilosort: KilosortScores, name: str, facts: TrueUnitFacts, best_is_overmerged: list[bool]
) -> tuple[TruthRow, ...]:
    nearest = facts.nearest_similarity
    rows = []
    for k, unit in enumerate(score.units):
        known = np.isfinite(facts.oracle_accuracy[k]) and facts.oracle_accuracy[k] > 0
        rows.append(
            TruthRow(
                unit=unit.unit,
                n_spikes=unit.n_spikes,
                matched_unit=unit.matched,
                accuracy=unit.accuracy,
                recall=unit.recall,
                precision=unit.precision,
                kilosort_score=float(kilosort.score[k]),
                status=_status(unit.matched, unit.accuracy, best_is_overmerged[k]),
                sorting=name,
                kilosort_score_merged=float(kilosort.merged_score[k]),
                n_merged=int(kilosort.n_merged[k]),
                snr=float(facts.snr[k]),
                depth_um=float(facts.depth_um[k]),
                rate_hz=float(facts.rate_hz[k]),
                similarity=float(nearest[k]),
                d_prime=float(facts.d_prime[k]),
                oracle_accuracy=float(facts.oracle_accuracy[k]),
                fraction_of_oracle=float(unit.accuracy / facts.oracle_accuracy[k]) if known else float("nan"),
            )
        )
    return tuple(rows)


def _status(matched: int | None, accuracy: float, best_is_overmerged: bool) -> str:
    if matched is None:
        return "overmerged" if best_is_overmerged else "missed"
    return "well_detected" if accuracy >= WELL_DETECTED else "detected"


def _sorted_rows(
    score: TruthScore, scores: F64, truth: SpikeTrains, found: SpikeTrains, name: str
) -> tuple[SortedRow, ...]:
    matched = {unit.matched for unit in score.units}
    classes = (
        ("overmerged", score.overmerged),
        ("well_detected", score.well_detected),
        ("detected", matched),
        ("redundant", score.redundant),
        ("false_positive", score.false_positive),
    )
    rows = []
    for j, (unit, n) in enumerate(zip(found.units.tolist(), found.n_spikes.tolist(), strict=True)):
        status = next((word for word, members in classes if unit in members), "unmatched")
        best = int(scores[:, j].argmax()) if len(scores) else -1
        agrees = float(scores[best, j]) if best >= 0 else 0.0
        rows.append(SortedRow(name, unit, n, status, int(truth.units[best]) if agrees > 0 else None, agrees))
    return tuple(rows)


def _bins(rows: tuple[TruthRow, ...], prop: str) -> list[Bin]:
    values = np.array([getattr(row, prop) for row in rows], np.float64)
    known = np.isfinite(values)
    if not known.any():
        return []
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, N_BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0]])
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    out = []
    for k in range(len(edges) - 1):
        mine: I64 = np.flatnonzero(known & (index == k))
        if len(mine):
            means = (
                float(np.mean([getattr(rows[i], name) for i in mine])) for name in ("accuracy", "recall", "precision")
            )
            out.append(Bin(rows[0].sorting, prop, float(edges[k]), float(edges[k + 1]), len(mine), *means))
    return out
