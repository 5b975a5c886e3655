"""Columns of the unit table that follow from the spike times of a unit alone."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from spikesieve.metrics.contamination import contamination, presence
from spikesieve.metrics.refractory import Refractoriness
from spikesieve.model import I64, SortedTime


class _Contamination(TypedDict):
    contamination: float | None
    contamination_low: float | None
    contamination_high: float | None


class OfTrain(_Contamination):
    """The columns of the unit table that follow from the spike times of a unit alone."""

    n_spikes: int
    firing_rate_hz: float
    presence: float
    refractory_ratio: float | None
    refractory_probability: float | None


def of_train(train: I64, time: SortedTime, acg: Refractoriness) -> OfTrain:
    """Measure what follows from the spike times of a unit alone.

    Parameters
    ----------
    train : ndarray of int64, shape (n_spikes,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted, and what was left out of it.
    acg : Refractoriness
        R and Q of the autocorrelogram.

    Returns
    -------
    OfTrain
        Columns of `Unit`; None where the spikes are too few to tell.

    Examples
    --------
    >>> from spikesieve.metrics.refractory import refractoriness_of_train
    >>> train, time = np.array([0, 300]), SortedTime(((0, 30_000),), 30_000.0)
    >>> of_train(train, time, refractoriness_of_train(train, time))["firing_rate_hz"]
    2.0
    """
    known, foreign = np.isfinite(acg.ratio), contamination(train, time)
    return {
        "n_spikes": len(train),
        "firing_rate_hz": len(train) / max(time.used_s, 1e-9),
        "refractory_ratio": acg.ratio if known else None,
        "refractory_probability": acg.probability if known else None,
        "contamination": foreign.estimate if foreign else None,
        "contamination_low": foreign.low if foreign else None,
        "contamination_high": foreign.high if foreign else None,
        "presence": presence(train, time),
    }
