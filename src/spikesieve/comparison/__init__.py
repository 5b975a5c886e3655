"""Two sortings side by side: which units fire together, and how a sorting scores against the truth."""

from spikesieve.comparison.agreement import Agreement, agreement
from spikesieve.comparison.truth_score import TruthScore, UnitScore, score_against_truth, summary_rows, unit_rows
from spikesieve.sorted_by_others import SpikeTrains

__all__ = [
    "Agreement",
    "SpikeTrains",
    "TruthScore",
    "UnitScore",
    "agreement",
    "score_against_truth",
    "summary_rows",
    "unit_rows",
]
