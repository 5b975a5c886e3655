"""Merge units that are spikes of another unit, matched at the wrong phase of their waveform.

A waveform with two phases can be matched by either of them. Some spikes of a neuron are then found too early or too
late, and make a unit of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron
from spikesieve.stages.templates import LearnedTemplates, component_lags

# A fragment is found early or late by this much: the two phases of a spike are up to half a millisecond apart.
MIN_LAG_MS, MAX_LAG_MS = 0.1, 0.5
# The norms of a fragment and of the shifted whole differ by less than this factor. A smaller neuron of the same shape
# is no fragment.
MAX_NORM_RATIO = 1.4


@dataclass(frozen=True, eq=False)
class ShiftedSimilarity:
    """How similar each unit (row) is to each other unit (column) when that one is shifted in time.

    Attributes
    ----------
    correlation : ndarray of float64, shape (n_units, n_units)
        Largest correlation over all lags; -1 on the diagonal.
    lag_samples : ndarray of int64, shape (n_units, n_units)
        The lag of that correlation: the spikes of the row are this many samples too late.
    norm : ndarray of float64, shape (n_units, n_units)
        Norm of the shifted unit (column) in noise SD. What leaves the waveform window is lost.
    """

    correlation: F64
    lag_samples: I64
    norm: F64


def merge_phase_fragments(
    spikes: DescribedSpikes, unit: I64, templates: LearnedTemplates, params: RefineParams
) -> tuple[I64, I64]:
    """Merge each unit that is another unit's spikes at a wrong phase into that unit, and correct the spike times.

    A fragment has the shape of the shifted whole, nearly its norm and fewer spikes, and the spike times do not say that
    the two are different neurons.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    unit : ndarray of int64, shape (n_spikes,)
        The unit of each spike; -1 = none.
    templates : LearnedTemplates
        The units.
    params : RefineParams
        When a unit is a fragment.

    Returns
    -------
    unit : ndarray of int64, shape (n_spikes,)
        The unit of each spike; fragments have no spikes any more.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples.
    """
    n_contacts = int(spikes.template_contacts.max(initial=-1)) + 1
    shifted = similarity_when_shifted(templates, n_contacts, spikes.pcs, spikes.time.sampling_hz)
    n_spikes, norms = templates.n_spikes, templates.norms
    sample, unit = spikes.sample.copy(), unit.copy()
    alike = np.maximum(norms[:, None], shifted.norm) < MAX_NORM_RATIO * np.minimum(norms[:, None], shifted.norm)
    may_merge = alike & (shifted.correlation >= params.phase_fragment_similarity) & (n_spikes[:, None] < n_spikes)
    for k in np.argsort(n_spikes, kind="stable"):
        wholes = np.flatnonzero(may_merge[k])
        for j in wholes[np.argsort(-shifted.correlation[k, wholes], kind="stable")]:
            fragment = unit == k
            corrected = sample[fragment] - shifted.lag_samples[k, j]
            train = sample[unit == j]
            if len(train) and log_odds_one_neuron(corrected, train, spikes.time) >= -params.refractory_log_odds:
                sample[fragment], unit[fragment] = corrected, j
                break
    return unit, sample


def similarity_when_shifted(
    templates: LearnedTemplates, n_contacts: int, pcs: F32, sampling_hz: float
) -> ShiftedSimilarity:
    """Compare each unit with every other one shifted by 0.1 to 0.5 ms, earlier or later.

    Parameters
    ----------
    templates : LearnedTemplates
        The units.
    n_contacts : int
        Contacts of the probe, or the highest that is used plus 1.
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components of the templates.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ShiftedSimilarity
        The best lag of each pair.

    Examples
    --------
    Two units on one contact. The second is the first one matched 6 samples late, so that its waveform comes early.

    >>> waveform = np.zeros(40)
    >>> waveform[12:18] = [-4, -9, -6, 5, 4, 2]
    >>> pcs = np.eye(40, dtype=np.float32)
    >>> scores = np.stack([waveform, np.roll(waveform, -6)])[:, None].astype(np.float32)
    >>> units = LearnedTemplates(np.zeros((2, 1), np.int64), scores, np.array([900, 60]))
    >>> found = similarity_when_shifted(units, 1, pcs, 30000.0)
    >>> int(found.lag_samples[1, 0]), round(float(found.correlation[1, 0]), 2)
    (6, 1.0)
    """
    lags = component_lags(pcs)
    middle = lags.shape[2] // 2
    n = len(templates)
    dense = templates.dense(n_contacts)
    flat = dense.reshape(n, dense.shape[1] * dense.shape[2]) / np.maximum(templates.norms, 1e-9)[:, None]
    correlation, lag_samples, norm = np.full((n, n), -1.0), np.zeros((n, n), np.int64), np.zeros((n, n))
    first, last = (round(ms * 1e-3 * sampling_hz) for ms in (MIN_LAG_MS, MAX_LAG_MS))
    for lag in (lag for lag in range(-last, last + 1) if abs(lag) >= first):
        shifted = (dense @ lags[:, :, middle + lag]).reshape(flat.shape)
        shifted_norm = np.linalg.norm(shifted, axis=1)
        at_lag = flat @ (shifted / np.maximum(shifted_norm, 1e-9)[:, None]).T
        better = at_lag > correlation
        correlation[better], lag_samples[better] = at_lag[better], lag
        norm[better] = np.broadcast_to(shifted_norm, (n, n))[better]
    np.fill_diagonal(correlation, -1.0)
    return ShiftedSimilarity(correlation, lag_samples, norm)
