"""Compare two sortings of one recording with each other and with the true spike trains."""

from spikesieve.comparison.agreement import Agreement, agreement
from spikesieve.comparison.truth_score import TruthScore, UnitScore, score_against_truth, summary_rows
from spikesieve.model.external import SpikeTrains

__all__ = [
    "Agreement",
    "SpikeTrains",
    "TruthScore",
    "UnitScore",
    "agreement",
    "score_against_truth",
    "summary_rows",
]
