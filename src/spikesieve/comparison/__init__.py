"""Two sortings side by side: which units fire together, and how a sorting scores against the truth."""

from spikesieve.comparison.agreement import Agreement, Trains, agreement
from spikesieve.comparison.truth_score import TruthScore, UnitScore, score_against_truth, summary_rows, unit_rows

__all__ = [
    "Agreement",
    "Trains",
    "TruthScore",
    "UnitScore",
    "agreement",
    "score_against_truth",
    "summary_rows",
    "unit_rows",
]
