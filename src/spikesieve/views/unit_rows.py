"""The row of the unit table of any spikes."""

from __future__ import annotations

import numpy as np

from spikesieve.curation.parts import evenly_spaced
from spikesieve.metrics.missed import FoundScores
from spikesieve.model import F32, I32, I64, Templates, Unit
from spikesieve.stages import units
from spikesieve.stages.features import rearranged
from spikesieve.views.result import Result
from spikesieve.views.waveforms import Waveform

MAX_SCORED = 50_000
"""A changed unit with more spikes is labelled without the share of missed spikes."""


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
        Its row.
    """
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
    (row,) = units.unit_table(
        [result.samples_of(rows)],
        [_found_scores(result, rows)],
        templates,
        where,
        np.eye(1, dtype=np.float32),
        inputs,
    )
    return Unit(**{**vars(row), "unit": number})


def _found_scores(result: Result, rows: I32) -> FoundScores:
    """How large the spikes are, and how small they could be: as `curation.recompute` finds it.

    Empty where that is not known, or where the features are too many to be read while somebody waits.
    """
    sorting = result.sorting
    if sorting is None or sorting.threshold_sd is None or not 0 < len(rows) <= MAX_SCORED:
        return FoundScores(*np.empty((3, 0), np.float32))
    own = sorting.spikes.unit[rows]
    wanted = sorting.feature_contacts[np.bincount(own).argmax()][None]

    def on_its_contacts(taken: I32 | I64) -> F32:
        measured = sorting.feature_contacts[sorting.spikes.unit[taken]]
        return rearranged(np.asarray(sorting.spikes.features[taken]), measured, wanted.repeat(len(taken), axis=0))

    mean = on_its_contacts(evenly_spaced(rows)).mean(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(mean))
    score = np.tensordot(on_its_contacts(rows), mean, axes=2) / max(norm, 1e-12)
    same = np.ones(len(rows), np.float32)
    return FoundScores(score.astype(np.float32), same * np.float32(sorting.threshold_sd), same * np.float32(norm))
