"""The order in which a run put its batches, beside the displacement that somebody else measured or knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from spikesieve.model import F64, I64
from spikesieve.sorted_by_others import ExternalSorting

FEWEST_BATCHES = 3


@dataclass(frozen=True, eq=False)
class BatchOrder:
    """What a run with ordered batches kept of them.

    name              of the run
    iorig             (n_batches,) int64, the batch at each place of the order
    ccb0, ccbsort     (n_batches, n_batches) float64 in order of time and as sorted, or None
    time_s            (n_batches,) float64, middle of each batch, in order of time
    displacement_um   (n_batches,) float64 at these times, mean over depth, or None where nobody tells
    told_by           who tells it
    rank_correlation  Spearman's, of a batch's place and its displacement; NaN: not known
    """

    name: str
    iorig: I64
    ccb0: F64 | None
    ccbsort: F64 | None
    time_s: F64
    displacement_um: F64 | None
    told_by: str
    rank_correlation: float

    @property
    def place(self) -> I64:
        """(n_batches,) int64: the place of each batch, in order of time."""
        place = np.empty_like(self.iorig)
        place[self.iorig] = np.arange(len(place))
        return place

    @property
    def sentence(self) -> str:
        """The correlation in words."""
        if self.displacement_um is None or not np.isfinite(self.rank_correlation):
            return "No displacement to hold it against is known."
        span = float(np.ptp(self.displacement_um))
        told = f"the displacement of {self.told_by}, which spans {span:.1f} µm"
        return f"|Spearman| {abs(self.rank_correlation):.3f} with {told}."


def batch_order(side: ExternalSorting, others: Sequence[ExternalSorting]) -> BatchOrder | None:
    """The order that `side` kept, and how it goes with the displacement; None: it kept none, or not of every batch.

    others  whose displacement may be taken, the most trusted first
    """
    steps = side.intermediates
    if steps.iorig is None or steps.batch_time_s is None or len(steps.iorig) != len(steps.batch_time_s):
        return None
    iorig, time_s = steps.iorig, steps.batch_time_s
    if not np.array_equal(np.sort(iorig), np.arange(len(iorig))):
        return None
    teller = next(
        (
            other
            for other in others
            if other.intermediates.drift is not None and other.intermediates.drift.displacement_um.any()
        ),
        None,
    )
    um, correlation = None, float("nan")
    if teller is not None and teller.intermediates.drift is not None and len(iorig) >= FEWEST_BATCHES:
        drift = teller.intermediates.drift
        um = np.interp(time_s, drift.time_s, drift.displacement_um.mean(axis=1))
        correlation = float(spearmanr(np.argsort(iorig), um).statistic) if np.ptp(um) > 0 else correlation
    told_by = "" if teller is None else teller.name
    return BatchOrder(side.name, iorig, steps.ccb0, steps.ccbsort, time_s, um, told_by, correlation)
