"""Compare a sorting with the truth in full: scores, unit tables, means by property, collisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import MatchWindows, agreement
from spikesieve.comparison.collisions import CollisionRecall, collision_recall, found_spikes
from spikesieve.comparison.kilosort_score import KilosortScores, kilosort_scores
from spikesieve.comparison.truth_rows import (
    SortedUnitRow,
    TrueUnitProperties,
    TrueUnitRow,
    sorted_unit_rows,
    true_unit_rows,
)
from spikesieve.comparison.truth_score import TruthScore, score_against_truth
from spikesieve.model import F64
from spikesieve.model.external import SpikeTrains

PROPERTIES = ("snr", "depth_um", "rate_hz", "similarity")
"""Columns of `TrueUnitRow` by which the true units are binned."""
MEASURES = ("accuracy", "recall", "precision")
"""Columns of `TrueUnitRow` that are averaged in each bin."""
N_BINS = 5
"""Bins of equal numbers of true units."""


@dataclass(frozen=True)
class PropertyBin:
    """Mean scores of the true units in one bin of a property.

    Attributes
    ----------
    sorting : str
        Name of the sorting.
    property : str
        One of `PROPERTIES`.
    low, high : float
        Edges of the bin, quantiles of the property over the true units.
    n_units : int
        Number of true units in the bin.
    accuracy, recall, precision : float
        Means over these units.
    """

    sorting: str
    property: str
    low: float
    high: float
    n_units: int
    accuracy: float
    recall: float
    precision: float


@dataclass(frozen=True, eq=False)
class TruthComparison:
    """One sorting compared with the truth.

    Attributes
    ----------
    name : str
        Name of the sorting.
    score : TruthScore
        Score with SpikeInterface's definitions.
    kilosort : KilosortScores
        Kilosort's score of each true unit.
    rows : tuple of TrueUnitRow
        One row for each true unit.
    sorted_rows : tuple of SortedUnitRow
        One row for each sorted unit.
    bins : tuple of PropertyBin
        Mean scores by property.
    collisions : CollisionRecall
        Recall of colliding spikes.
    """

    name: str
    score: TruthScore
    kilosort: KilosortScores
    rows: tuple[TrueUnitRow, ...]
    sorted_rows: tuple[SortedUnitRow, ...]
    bins: tuple[PropertyBin, ...]
    collisions: CollisionRecall

    def column(self, name: str) -> F64:
        """Return a column of `rows`.

        Parameters
        ----------
        name : str
            Field of `TrueUnitRow` that holds numbers.

        Returns
        -------
        ndarray of float64, shape (n_true_units,)
            The values; NaN where they are not known.
        """
        return _column(self.rows, name)


def compare_with_truth(
    truth: SpikeTrains,
    found: SpikeTrains,
    name: str,
    properties: TrueUnitProperties,
    windows: MatchWindows,
    partial_truth: bool = False,
) -> TruthComparison:
    """Compare one sorting with the truth of its recording.

    Parameters
    ----------
    truth : SpikeTrains
        The true spike trains.
    found : SpikeTrains
        The sorting.
    name : str
        Name of the sorting.
    properties : TrueUnitProperties
        Properties of the true units, in the order of `truth.units`.
    windows : MatchWindows
        Sampling rate and matching windows.
    partial_truth : bool, optional
        As in `score_against_truth`.

    Returns
    -------
    TruthComparison
        Scores, tables, means by property and collisions.

    Examples
    --------
    >>> truth = SpikeTrains.from_spikes(np.array([100, 500, 900]), np.array([0, 0, 1]))
    >>> found = SpikeTrains.from_spikes(np.array([100, 500, 700]), np.array([0, 0, 1]))
    >>> unknown = np.full(2, np.nan)
    >>> properties = TrueUnitProperties(np.array([2.0, 1.0]), unknown, unknown, unknown, None, unknown)
    >>> result = compare_with_truth(truth, found, "mine", properties, MatchWindows(30_000.0, 0.4, 0.2))
    >>> [row.status for row in result.rows]
    ['well_detected', 'missed']
    """
    score = score_against_truth(truth, found, windows.sampling_hz, windows.match_ms, partial_truth)
    kilosort = kilosort_scores(truth, found, windows.sampling_hz, windows.score_ms)
    pairs = agreement(truth, found, windows.sampling_hz, windows.match_ms)
    rows = true_unit_rows(name, score, kilosort, properties, pairs)
    matched_row = np.array([-1 if u.matched is None else np.searchsorted(found.units, u.matched) for u in score.units])
    is_found = found_spikes(truth, found, matched_row.astype(np.int64), windows.match_samples)
    return TruthComparison(
        name,
        score,
        kilosort,
        rows,
        sorted_unit_rows(name, score, pairs),
        tuple(one for prop in PROPERTIES for one in _property_bins(rows, prop)),
        collision_recall(truth, is_found, properties.similarity, windows.sampling_hz),
    )


def _column(rows: Sequence[TrueUnitRow], name: str) -> F64:
    return np.array([getattr(row, name) for row in rows], np.float64)


def _property_bins(rows: tuple[TrueUnitRow, ...], prop: str) -> list[PropertyBin]:
    values = _column(rows, prop)
    known = np.isfinite(values)
    if not known.any():
        return []
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, N_BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0]])
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for k in range(len(edges) - 1):
        in_bin = [rows[i] for i in np.flatnonzero(known & (index == k))]
        if in_bin:
            means = (float(np.mean([getattr(row, name) for row in in_bin])) for name in MEASURES)
            bins.append(PropertyBin(rows[0].sorting, prop, float(edges[k]), float(edges[k + 1]), len(in_bin), *means))
    return bins
