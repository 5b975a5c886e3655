"""How far a unit moves on the probe, by SpikeInterface's names."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spikesieve.metrics.used_time import segments_used, used_samples
from spikesieve.model import F64, I64, SortedTime

# SpikeInterface's defaults.
BIN_S, MIN_SPIKES, MIN_BINS, MIN_SHARE = 60.0, 100, 2, 0.5


class PositionDrift(NamedTuple):
    """Movement of the median position of a minute, in um.

    Attributes
    ----------
    ptp : float
        `drift_ptp`: between the highest and the lowest minute.
    std : float
        `drift_std`: SD over the minutes.
    mad : float
        `drift_mad`: median distance from the median minute.
    """

    ptp: float
    std: float
    mad: float


def position_drift(y_um: F64, train: I64, time: SortedTime) -> PositionDrift:
    """Measure how the median position of a unit changes from minute to minute.

    Parameters
    ----------
    y_um : ndarray of float64, shape (n,)
        Position of each spike along the probe, as it was seen.
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    PositionDrift
        NaN if fewer than two full minutes were sorted, or if more than half of them have fewer than 100 spikes.

    References
    ----------
    SpikeInterface `drift`; Siegle et al., Nature 592:86 (2021).

    Examples
    --------
    >>> train = np.arange(0, 3600, 2)
    >>> position_drift(np.where(train < 1800, 10.0, 30.0), train, SortedTime(((0, 3600),), 10.0))
    PositionDrift(ptp=20.0, std=10.0, mad=10.0)
    """
    at, step = used_samples(train, time), max(1, int(BIN_S * time.sampling_hz))
    edges = [np.arange(start, stop + 1, step) for start, stop in segments_used(time)]
    bounds = [np.searchsorted(at, of_segment) for of_segment in edges]
    bins = [span for of_segment in bounds for span in pairwise(of_segment)]
    medians = np.array([np.median(y_um[a:b]) for a, b in bins if b - a >= MIN_SPIKES])
    if len(bins) < MIN_BINS or not len(medians) or len(medians) < (1 - MIN_SHARE) * len(bins):
        return PositionDrift(np.nan, np.nan, np.nan)
    mad = np.median(np.abs(medians - np.median(medians)))
    return PositionDrift(float(np.ptp(medians)), float(medians.std()), float(mad))
