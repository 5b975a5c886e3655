"""A part of a sorting: the same units in a part of the recording."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from spikesieve.metrics.refractory import refractoriness_of_train
from spikesieve.model import F64, I64, SortedTime, Sorting, Spikes, Unit
from spikesieve.stages.unit_metrics import unit_metrics
from spikesieve.stages.unit_trains import of_train
from spikesieve.stages.units import ACG_BINS, autocorrelogram


def part_of(sorting: Sorting, start: int, stop: int) -> Sorting:
    """Cut out what lies between two samples. Units keep their numbers, whether they have spikes there or not.

    Parameters
    ----------
    sorting : Sorting
        The whole.
    start, stop : int
        First sample, and the one after the last.

    Returns
    -------
    Sorting
        Times count from `start`. Number of spikes, rate, presence, refractoriness, contamination, position,
        autocorrelogram and metrics of each unit are those of the part; label, templates, amplitude, signal-to-noise
        ratio, missed spikes and echoes those of the whole. `kept` knows only the spikes that were kept.
    """
    rows = slice(*np.searchsorted(sorting.spikes.sample, [start, stop]).tolist())
    spikes = Spikes(*(getattr(sorting.spikes, column.name)[rows] for column in fields(Spikes)))
    spikes = replace(spikes, sample=spikes.sample - start)
    inside = [(max(a, start), min(b, stop)) for a, b in sorting.segments if a < stop and b > start]
    segments = tuple((a - start, b - start) for a, b in inside)
    blanked = sorting.blanked and sorting.blanked.between(start, stop, sum(b - a for a, b in segments))
    time, hz = SortedTime(segments, sorting.sampling_hz, blanked), sorting.sampling_hz
    own = [np.flatnonzero(spikes.unit == row) for row in range(len(sorting.units))]
    trains = [np.asarray(spikes.sample[of_unit], np.int64) for of_unit in own]
    where = [spikes.position_um[of_unit].mean(axis=0, dtype=np.float64) if len(of_unit) else None for of_unit in own]
    units = (_unit(*each, time) for each in zip(sorting.units, trains, where, strict=True))
    acgs = np.array([autocorrelogram(train, time) for train in trains], np.int64)
    part = replace(
        sorting,
        segments=segments,
        spikes=spikes,
        units=tuple(units),
        kept=np.ones(len(spikes), np.bool_),
        acgs=acgs.reshape(-1, ACG_BINS),
        motion=sorting.motion and sorting.motion.between(start / hz, (stop - 1) / hz),
        blanked=blanked,
    )
    return replace(part, metrics=unit_metrics(part))


def _unit(whole: Unit, train: I64, position_um: F64 | None, time: SortedTime) -> Unit:
    """A row of the unit table; `position_um` is None where there is no spike."""
    x_um, y_um = (whole.x_um, whole.y_um) if position_um is None else map(float, position_um)
    measured = of_train(train, time, refractoriness_of_train(train, time))
    return replace(whole, x_um=x_um, y_um=y_um, **measured)
