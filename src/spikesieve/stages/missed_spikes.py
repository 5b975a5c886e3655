"""How many spikes of a unit were missed, from what was found of it and from how the tissue moved: docs/curate.md."""

from __future__ import annotations

import numpy as np

from spikesieve.metrics.missed import FoundScores, is_truncated, missed_fraction_by_position, missed_fraction_by_size
from spikesieve.model import F32, F64, I32, I64, Motion, SortedTime
from spikesieve.stages.by_unit import rows_of_units

# The displacements are divided into this many ranges, in each of which the tissue spends the same time.
N_DISPLACEMENT_RANGES = 5
# Smallest distance between the outer ranges: a footprint does not vanish over less.
MIN_RANGE_UM = 5.0
# A whole neuron with large spikes does not lack more of them than this at some displacements; a part of one does.
MAX_MISSED_OF_WHOLE_NEURON = 0.3


def found_scores(score: F32, least: F32, expected: F32, unit: I64 | I32, n_units: int) -> list[FoundScores]:
    """Collect the scores of each unit's spikes.

    Parameters
    ----------
    score, least, expected : ndarray of float32, shape (n_spikes,)
        See `FoundScores`.
    unit : ndarray of int64 or int32, shape (n_spikes,)
        Unit of each; -1 = none.
    n_units : int
        Number of units.

    Returns
    -------
    list of FoundScores
        One a unit.
    """
    found = FoundScores(score, least, expected)
    return [found.take(rows) for rows in rows_of_units(unit, n_units)]


def missed_share(
    train: I64, found: FoundScores, place: tuple[float, int], time: SortedTime, motion: Motion | None
) -> float | None:
    """Estimate the share of a unit's spikes that are too small to be found, at all or at some displacements.

    Parameters
    ----------
    train : ndarray of int64, shape (n_spikes,)
        Spike times in samples, ascending.
    found : FoundScores
        Scores of these spikes.
    place : (float, int)
        Depth of the unit in um, and its shank.
    time : SortedTime
        What was sorted.
    motion : Motion or None
        How the tissue moved, where that is known.

    Returns
    -------
    float or None
        Share from 0 to 1; None if there are too few spikes to tell.

    Notes
    -----
    If a unit far above the threshold lacks many spikes at some displacements, it is a part of a neuron. If it lacks a
    few, its rate may have changed: they are not counted.
    """
    share = missed_fraction_by_size(found)
    if share is None or motion is None:
        return share
    by_drift = _missed_by_drift(train, place, time, motion)
    counts = is_truncated(found.score, found.threshold) or by_drift > MAX_MISSED_OF_WHOLE_NEURON
    return max(share, by_drift) if counts else share


def _missed_by_drift(train: I64, place: tuple[float, int], time: SortedTime, motion: Motion) -> float:
    """Share of spikes that a unit lacks at some displacements; 0 if the tissue moved too little to hide it.

    Rates also change by themselves, so this is the smaller share of the two halves of the recording.
    """
    start, used_s = time.pieces(1.0)
    if len(start) < 2:
        return 0.0
    middle_s = start / time.sampling_hz + 0.5
    displacement_um = motion.at(middle_s, np.full(len(start), place[0]), np.full(len(start), place[1]))
    edges_um = np.quantile(displacement_um, np.arange(1, N_DISPLACEMENT_RANGES) / N_DISPLACEMENT_RANGES)
    if edges_um[-1] - edges_um[0] < MIN_RANGE_UM:
        return 0.0
    second = np.maximum(np.searchsorted(start, train, side="right") - 1, 0)
    n_spikes = np.bincount(second, minlength=len(start))
    ranges = np.searchsorted(edges_um, displacement_um)
    halves = zip(*(np.array_split(column, 2) for column in (ranges, n_spikes, used_s)), strict=True)
    return min(missed_fraction_by_position(*_per_range(*half)) for half in halves)


def _per_range(ranges: I64, n_spikes: I64, used_s: F64) -> tuple[I64, F64]:
    """Spikes and seconds in each range that occurred, from the range, spikes and used time of each second."""
    seconds, counts = np.bincount(ranges, weights=used_s), np.bincount(ranges, weights=n_spikes)
    occurred = seconds > 0
    return counts[occurred].astype(np.int64), seconds[occurred].astype(np.float64)
