"""Compare the order in which a run sorted its batches with the displacement of the tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from spikesieve.model import F64, I64
from spikesieve.model.external import ExternalSorting

MIN_BATCHES = 3
"""A rank correlation needs at least this many batches."""


@dataclass(frozen=True, eq=False)
class BatchOrder:
    """Order of the batches of one run.

    Attributes
    ----------
    name : str
        Name of the run.
    iorig : ndarray of int64, shape (n_batches,)
        Batch at each place of the order, as in Kilosort2.
    ccb0 : ndarray of float64, shape (n_batches, n_batches), or None
        Dissimilarity of the batches in order of time.
    ccbsort : ndarray of float64, shape (n_batches, n_batches), or None
        Dissimilarity of the batches as sorted.
    time_s : ndarray of float64, shape (n_batches,)
        Middle of each batch in s, in order of time.
    displacement_um : ndarray of float64, shape (n_batches,), or None
        Displacement at these times in um, mean over depth. None where it is not known.
    displacement_source : str
        Name of the sorting or truth that the displacement comes from.
    rank_correlation : float
        Spearman correlation of the place and the displacement of a batch; NaN where it is not known.
    """

    name: str
    iorig: I64
    ccb0: F64 | None
    ccbsort: F64 | None
    time_s: F64
    displacement_um: F64 | None
    displacement_source: str
    rank_correlation: float

    @property
    def place(self) -> I64:
        """Place of each batch in the order, int64 of shape (n_batches,)."""
        place = np.empty_like(self.iorig)
        place[self.iorig] = np.arange(len(place))
        return place

    @property
    def sentence(self) -> str:
        """The correlation in words."""
        if self.displacement_um is None or not np.isfinite(self.rank_correlation):
            return "No displacement is known to compare it with."
        span_um = float(np.ptp(self.displacement_um))
        displacement = f"the displacement of {self.displacement_source} (range {span_um:.1f} µm)"
        return f"|Spearman| {abs(self.rank_correlation):.3f} with {displacement}."


def batch_order(side: ExternalSorting, others: Sequence[ExternalSorting]) -> BatchOrder | None:
    """Correlate the batch order of a run with a known displacement.

    Parameters
    ----------
    side : ExternalSorting
        The run that sorted its batches.
    others : sequence of ExternalSorting
        Sources of the displacement, most trusted first. The first one that moved is used.

    Returns
    -------
    BatchOrder or None
        None if the run kept no order, or not one of all its batches.
    """
    steps = side.intermediates
    if steps.iorig is None or steps.batch_time_s is None or len(steps.iorig) != len(steps.batch_time_s):
        return None
    iorig, time_s = steps.iorig, steps.batch_time_s
    if not np.array_equal(np.sort(iorig), np.arange(len(iorig))):
        return None
    source = next(
        (
            other
            for other in others
            if other.intermediates.drift is not None and other.intermediates.drift.displacement_um.any()
        ),
        None,
    )
    um, correlation = None, float("nan")
    if source is not None and source.intermediates.drift is not None and len(iorig) >= MIN_BATCHES:
        drift = source.intermediates.drift
        um = np.interp(time_s, drift.time_s, drift.displacement_um.mean(axis=1))
        correlation = float(spearmanr(np.argsort(iorig), um).statistic) if np.ptp(um) > 0 else correlation
    name = "" if source is None else source.name
    return BatchOrder(side.name, iorig, steps.ccb0, steps.ccbsort, time_s, um, name, correlation)
