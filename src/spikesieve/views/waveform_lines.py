"""Spikes whose waveform crosses a line, drawn over the waveforms of a contact."""

from __future__ import annotations

import numpy as np

from spikesieve.curation.waveforms import mean_features
from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I32, Bool, Sorting
from spikesieve.views.result import Result

SPIKES_AT_ONCE = 50_000


def waveforms_on(result: Result, rows: I32, contact: int, sample: F64) -> F32:
    """Compute the waveforms of single spikes on a contact from their features.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.
    contact : int
        The contact.
    sample : ndarray of float64, shape (n_times,)
        Times in samples from the spike; linear between whole ones.

    Returns
    -------
    ndarray of float32, shape (n, n_times)
        In the unit of the waveforms; NaN for spikes that have no features on this contact.

    Raises
    ------
    InputError
        The result does not hold what is needed.

    Notes
    -----
    A spike's waveform is the mean of its unit, as it was sorted, and what its features differ from theirs, without
    whitening. Spikes of others that overlap it are not in it.
    """
    if result.sorting is None:
        raise InputError("Only a result of spikesieve knows the waveforms of all spikes. Draw the lasso in a scatter.")
    found = np.full((len(rows), len(sample)), np.nan, np.float32)
    template = result.template[rows]
    for part in np.unique(template).tolist():
        own = np.flatnonzero(template == part)
        for start in range(0, len(own), SPIKES_AT_ONCE):
            block = own[start : start + SPIKES_AT_ONCE]
            found[block] = _of_part(result, result.sorting, part, rows[block], contact, sample)
    return found


def _of_part(result: Result, sorting: Sorting, part: int, rows: I32, contact: int, sample: F64) -> F64:
    """Waveforms of spikes that were sorted into one unit."""
    used = sorting.feature_contacts[part] >= 0
    contacts = sorting.feature_contacts[part][used]
    if contact not in contacts:
        return np.full((len(rows), len(sample)), np.nan)
    every = result.units.rows[sorting.units[part].unit]
    difference = np.asarray(sorting.spikes.features[rows] - mean_features(sorting.spikes.features, every))[:, used]
    local = sorting.whitening[np.ix_(contacts, contacts)].astype(np.float64)
    back = np.linalg.pinv(local)[int(np.flatnonzero(contacts == contact)[0])]
    times = np.arange(sorting.pcs.shape[1], dtype=np.float64) - sorting.templates.peak_index
    shapes = np.array([np.interp(sample, times, pc) for pc in sorting.pcs.astype(np.float64)])
    near = np.flatnonzero(sorting.templates.contacts[part] == contact)
    mean_uv = sorting.templates.uv[part][:, near].sum(axis=1)
    return np.asarray(np.interp(sample, times, mean_uv) + np.einsum("ncp,c->np", difference, back) @ shapes)


def crossing(result: Result, rows: I32, contact: int, corners: F64) -> Bool:
    """Find the spikes whose waveform crosses a line.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.
    contact : int
        The contact over whose waveforms it is drawn.
    corners : ndarray of float64, shape (n_corners, 2)
        At least two corners in order: ms from the spike, and the unit of the waveforms.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for spikes that have no features on this contact.

    Notes
    -----
    Between two samples a waveform is straight, as it is drawn. It crosses the line if it is on one side of it at one of
    the corners of either, and on the other side at another.
    """
    last = result.templates.uv.shape[1] - 1 - result.templates.peak_index
    sample = np.clip(corners[:, 0] * 1e-3 * result.time.sampling_hz, -result.templates.peak_index, last)
    path, height = _with_samples(sample, corners[:, 1])
    above = waveforms_on(result, rows, contact, path) - height
    return np.asarray((above.min(axis=1) <= 0) & (above.max(axis=1) >= 0))


def _with_samples(sample: F64, height: F64) -> tuple[F64, F64]:
    """The corners of a line, and its points at the whole samples between them."""
    paths, heights = [sample[:1]], [height[:1]]
    for a, b, low, high in zip(sample[:-1], sample[1:], height[:-1], height[1:], strict=True):
        whole = np.arange(np.ceil(min(a, b)), np.floor(max(a, b)) + 1)
        between = whole[(whole > min(a, b)) & (whole < max(a, b))][:: 1 if b >= a else -1]
        share = (between - a) / (b - a) if a != b else between
        paths += [between, np.array([b])]
        heights += [low + share * (high - low), np.array([high])]
    return np.concatenate(paths), np.concatenate(heights)
