"""The mean waveform of any spikes, and how alike two of them are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spikesieve.curation.waveforms import mean_waveform_uv
from spikesieve.model import F32, I32, I64, Probe
from spikesieve.views.result import Result

N_SHOWN = 16
"""Contacts on which a waveform is shown."""
LAGS = range(-8, 9)
"""Shifts in samples at which two waveforms are compared."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """The mean waveform of a unit.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        On all contacts; 0 where it was not measured.
    contacts : ndarray of int64, shape (n_shown,)
        Contacts nearest to the one on which it is largest, that one first.
    peak_index : int
        Sample at which the spike's time lies.
    """

    uv: F32
    contacts: I64
    peak_index: int

    @property
    def shown_uv(self) -> F32:
        """(n_shown, n_samples): the waveform on `contacts`."""
        return self.uv[self.contacts]

    @property
    def amplitude_uv(self) -> float:
        """Largest peak-to-peak of all contacts."""
        return float(np.ptp(self.uv, axis=1).max(initial=0.0))


def mean_waveform(result: Result, rows: I32) -> Waveform:
    """Compute the mean waveform of some spikes.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.

    Returns
    -------
    Waveform
        Zeros if there are no spikes.

    Notes
    -----
    It is the mean of the templates of the spikes. Where spikesieve sorted them and only a part of a template's spikes
    is taken, the difference of the mean features is added, so that the parts of a split unit differ.
    """
    n_contacts, n_samples = result.probe.n_contacts, result.templates.uv.shape[1]
    if not len(rows):
        uv = np.zeros((n_contacts, n_samples), np.float32)
    elif result.sorting is not None:
        uv = mean_waveform_uv(result.sorting, result.units, rows, result.templates_of(rows)).T.astype(np.float32)
    else:
        uv = _mean_of_templates(result, rows)
    return Waveform(uv, _shown(result, uv), result.templates.peak_index)


def template_waveform(result: Result, row: int) -> Waveform:
    """Find the mean waveform of all spikes of a template.

    Parameters
    ----------
    result : Result
        The result.
    row : int
        Row of the template.

    Returns
    -------
    Waveform
        The same as `mean_waveform` of these spikes.
    """
    near = result.templates.contacts[row]
    uv = np.zeros((result.probe.n_contacts, result.templates.uv.shape[1]), np.float32)
    uv[near[near >= 0]] = result.templates.uv[row][:, near >= 0].T
    return Waveform(uv, _shown(result, uv), result.templates.peak_index)


def _mean_of_templates(result: Result, rows: I32) -> F32:
    counts = np.bincount(result.templates_of(rows), minlength=len(result.templates))
    uv = np.zeros((result.probe.n_contacts, result.templates.uv.shape[1]), np.float32)
    for k in np.flatnonzero(counts):
        near = result.templates.contacts[k]
        uv[near[near >= 0]] += counts[k] / len(rows) * result.templates.uv[k][:, near >= 0].T
    return uv


def _shown(result: Result, uv: F32) -> I64:
    return _nearest(result.probe, int(np.ptp(uv, axis=1).argmax()))


@lru_cache(maxsize=4096)
def _nearest(probe: Probe, contact: int) -> I64:
    """Contacts of the same shank by their distance from one."""
    same_shank = probe.shanks == probe.shanks[contact]
    offset_um = probe.positions_um - probe.positions_um[contact]
    distance_um = np.where(same_shank, np.linalg.norm(offset_um, axis=1), np.inf)
    order = np.argsort(distance_um, kind="stable")[:N_SHOWN]
    return np.asarray(order[np.isfinite(distance_um[order])], np.int64)


def are_near(a: Waveform, b: Waveform) -> bool:
    """Say whether two waveforms can be of one neuron: one is shown where the other is largest.

    Parameters
    ----------
    a, b : Waveform
        The waveforms.

    Returns
    -------
    bool
        Whether it is worth comparing them.
    """
    return bool((a.contacts == b.contacts[0]).any() or (b.contacts == a.contacts[0]).any())


def similarity(a: Waveform, b: Waveform) -> float:
    """Compare two waveforms.

    Parameters
    ----------
    a, b : Waveform
        The waveforms.

    Returns
    -------
    float
        Largest normalised correlation over shifts of up to 8 samples, on the contacts on which either is shown.
    """
    contacts = np.union1d(a.contacts, b.contacts)
    one, other = a.uv[contacts], b.uv[contacts]
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    if norm <= 0:
        return 0.0
    n = one.shape[1]
    dots = (np.vdot(one[:, max(0, lag) : n + min(0, lag)], other[:, max(0, -lag) : n - max(0, lag)]) for lag in LAGS)
    return float(max(dots)) / norm
