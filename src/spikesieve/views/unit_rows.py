"""The row of the unit table of any spikes."""

from __future__ import annotations

import numpy as np

from spikesieve.metrics.missed import FoundScores
from spikesieve.model import I32, Templates, Unit
from spikesieve.stages import units
from spikesieve.views.result import Result
from spikesieve.views.waveforms import Waveform


def unit_row(result: Result, number: int, rows: I32, waveform: Waveform) -> Unit:
    """Describe a unit.

    Parameters
    ----------
    result : Result
        The result.
    number : int
        Number of the unit.
    rows : ndarray of int32, shape (n,)
        Its spikes.
    waveform : Waveform
        Their mean waveform.

    Returns
    -------
    Unit
        Its row: the one that is known if these are the spikes of a unit of the result.
    """
    known = result.described.get(number)
    return known if known is not None else _measured(result, number, rows, waveform)


def _measured(result: Result, number: int, rows: I32, waveform: Waveform) -> Unit:
    near = waveform.contacts
    templates = Templates(waveform.shown_uv.T[None], near[None], waveform.peak_index)
    inputs = units.UnitTableInputs(
        result.probe,
        result.noise_sd_uv,
        result.time,
        None if result.sorting is None else result.sorting.motion,
        result.params.units,
        result.params.curate,
    )
    where = result.probe.positions_um[near[:1]]
    place_um = result.positions_um_of(rows)
    if place_um is not None and len(rows):
        where = place_um.mean(axis=0, dtype=np.float64)[None]
    unknown = np.empty(0, np.float32)
    (row,) = units.unit_table(
        [result.samples_of(rows)],
        [FoundScores(unknown, unknown, unknown)],
        templates,
        where,
        np.eye(1, dtype=np.float32),
        inputs,
    )
    return Unit(**{**vars(row), "unit": number})
