"""Waveform extraction: mean waveforms of units in uV, their best contacts, peak-to-peak amplitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.model import F32, F64, I64, Bool, Probe, Templates
from spikesieve.settings.units import UnitsParams


@dataclass(frozen=True, eq=False)
class WaveformSums:
    """Sums over the waveforms of each unit.

    Attributes
    ----------
    sums : ndarray of float64, shape (n_units, n_window, n_near)
        Summed waveforms in uV.
    counts : ndarray of int64, shape (n_units, n_window, n_near)
        Number of values in each sum; blanked ones do not count.
    """

    sums: F64
    counts: I64


def near_contacts(best: I64, probe: Probe, params: UnitsParams) -> I64:
    """Choose the contacts on which the waveform of each unit is measured.

    Parameters
    ----------
    best : ndarray of int64, shape (n_units,)
        Best contact of each unit.
    probe : Probe
        The contacts that are sorted.
    params : UnitsParams
        Number of contacts and their largest distance.

    Returns
    -------
    ndarray of int64, shape (n_units, n_near)
        Contacts, nearest to the best one first; -1 marks an unused entry.
    """
    xy, shanks = probe.positions_um, probe.shanks
    table = nearest(distances_um(xy, shanks, xy, shanks), params.waveform_contacts, params.waveform_radius_um)
    return table[best] if len(best) else np.empty((0, table.shape[1]), np.int64)


def add_waveforms(
    traces_uv: F32, sample: I64, unit: I64, contacts: I64, window: tuple[int, int], blanked: Bool | None = None
) -> WaveformSums:
    """Sum the waveforms of each unit in one block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces in uV, 0 where blanked.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples within the block, at least a window from its ends.
    unit : ndarray of int64, shape (n_spikes,)
        Unit of each spike.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit; -1 marks an unused entry.
    window : (int, int)
        Samples before the spike time and from it on.
    blanked : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples that do not count.

    Returns
    -------
    WaveformSums
        Sums and counts of this block.

    Examples
    --------
    >>> traces_uv = np.arange(6, dtype=np.float32)[None]
    >>> add_waveforms(traces_uv, np.array([2, 3]), np.zeros(2, np.int64), np.array([[0]]), (1, 2)).sums[0, :, 0]
    array([3., 5., 7.])
    """
    before, after = window
    sums = np.zeros((len(contacts), before + after, contacts.shape[1]))
    counts = np.zeros(sums.shape, np.int64)
    offsets = np.arange(-before, after)
    for k in np.unique(unit):
        used = contacts[k] >= 0
        at = contacts[k][used][:, None, None], (sample[unit == k][:, None] + offsets)[None]
        sums[k][:, used] = traces_uv[at].sum(axis=1, dtype=np.float64).T
        counts[k][:, used] = np.count_nonzero(unit == k) if blanked is None else (~blanked[at]).sum(axis=1).T
    return WaveformSums(sums, counts)


def best_columns(templates: Templates) -> I64:
    """Find the column of each template with the largest energy.

    Parameters
    ----------
    templates : Templates
        Mean waveforms in uV.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        Indices into the last axis of ``templates.uv``.
    """
    return np.asarray((templates.uv.astype(np.float64) ** 2).sum(axis=1).argmax(axis=1), dtype=np.int64)


def peak_to_peak_uv(templates: Templates) -> F32:
    """Measure the peak-to-peak amplitude of each unit on its best contact.

    Parameters
    ----------
    templates : Templates
        Mean waveforms in uV.

    Returns
    -------
    ndarray of float32, shape (n_units,)
        Peak-to-peak amplitudes in uV.

    Examples
    --------
    >>> peak_to_peak_uv(Templates(np.array([[[0.0], [-80.0], [20.0]]], np.float32), np.array([[5]]), 1))
    array([100.], dtype=float32)
    """
    rows = np.arange(len(templates))
    waveform = templates.uv[rows, :, best_columns(templates)]
    return np.asarray(np.ptp(waveform, axis=1), dtype=np.float32) if len(rows) else np.empty(0, np.float32)
