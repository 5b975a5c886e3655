"""Arrays of Kilosort in common terms: mean waveforms of units, their depths, drift, preprocessed traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.io.plain_pickle import Unreadable
from spikesieve.model import F32, F64, I64
from spikesieve.model.external import DriftTraces, PreprocessedTraces, SpikeTrains, UnitWaveforms, trough_index

# A whitening matrix with a larger condition number is not inverted: errors would grow by this factor.
MAX_CONDITION = 1e4


def mean_templates(templates: F32, template_of_spike: NDArray[Any], trains: SpikeTrains) -> F32:
    """Average the templates of each unit, weighted by its number of spikes of each template.

    Spikes of a template that is not among `templates` have no weight (see `lost_templates_notes`).

    Parameters
    ----------
    templates : ndarray of float32, shape (n_templates, n_samples, n_contacts)
        The templates.
    template_of_spike : ndarray of int, shape (n_spikes,)
        Template of each spike.
    trains : SpikeTrains
        The spikes, in the same order.

    Returns
    -------
    ndarray of float32, shape (n_units, n_samples, n_contacts)
        Mean template of each unit; 0 for a unit none of whose spikes has a template.

    Examples
    --------
    >>> templates = np.array([0.0, 4.0], np.float32).reshape(2, 1, 1)
    >>> trains = SpikeTrains.from_spikes(np.array([10, 20, 30, 40]), np.array([7, 7, 7, 7]))
    >>> mean_templates(templates, np.array([0, 0, 0, 1]), trains).ravel()
    array([1.], dtype=float32)
    """
    weights = np.zeros((len(trains.units), len(templates)), np.float32)
    is_there = (template_of_spike >= 0) & (template_of_spike < len(templates))
    np.add.at(weights, (trains.unit[is_there], template_of_spike[is_there]), 1.0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return (weights @ templates.reshape(len(templates), -1)).reshape(len(weights), *templates.shape[1:])


def lost_templates_notes(template_of_spike: NDArray[Any], n_templates: int, name: str) -> tuple[str, ...]:
    """Say how many spikes have a template that the sorter did not write.

    Parameters
    ----------
    template_of_spike : ndarray of int, shape (n_spikes,)
        Template of each spike.
    n_templates : int
        Number of templates.
    name : str
        Name of the sorting.

    Returns
    -------
    tuple of str
        One sentence, or nothing.

    Examples
    --------
    >>> lost_templates_notes(np.array([0, 1, 7]), 2, "mine")
    ('mine: 1 of 3 spikes has a template that is not among the 2 of the files; it counts in no waveform.',)
    """
    n_lost = int(((template_of_spike < 0) | (template_of_spike >= n_templates)).sum())
    return lost_spikes_notes(n_lost, len(template_of_spike), n_templates, name)


def lost_spikes_notes(n_lost: int, n_spikes: int, n_templates: int, name: str) -> tuple[str, ...]:
    """Say how many spikes have a template that the sorter did not write.

    Parameters
    ----------
    n_lost, n_spikes : int
        Number of such spikes, and of all.
    n_templates : int
        Number of templates.
    name : str
        Name of the sorting.

    Returns
    -------
    tuple of str
        One sentence, or nothing.
    """
    if not n_lost:
        return ()
    verbs, they = ("has", "it counts") if n_lost == 1 else ("have", "they count")
    shares = f"{n_lost} of {n_spikes} spikes {verbs}"
    return (f"{name}: {shares} a template that is not among the {n_templates} of the files; {they} in no waveform.",)


def low_rank_waveforms(
    W: NDArray[Any],
    U: NDArray[Any],
    mu: NDArray[Any] | None,
    Wrot: NDArray[Any] | None,
    trains: SpikeTrains,
    template: Any,
) -> UnitWaveforms:
    """Mean waveforms of units from the low-rank templates of Kilosort2.

    Parameters
    ----------
    W : ndarray, shape (n_samples, n_templates, rank)
        Temporal components.
    U : ndarray, shape (n_contacts, n_templates, rank)
        Spatial components.
    mu : ndarray, shape (n_templates,), or None
        Amplitude of each template.
    Wrot : ndarray, shape (n_contacts, n_contacts), or None
        Whitening matrix.
    trains : SpikeTrains
        The spikes.
    template : ndarray of int, shape (n_spikes,)
        Template of each spike.

    Returns
    -------
    UnitWaveforms
        In raw numbers, or whitened where there is no invertible whitening matrix.
    """
    whitened = np.einsum("tkr,ckr->ktc", W, U, optimize=True).astype(np.float32)
    if mu is not None and len(mu) == len(whitened):
        whitened *= mu[:, None, None].astype(np.float32)
    values = mean_templates(whitened, np.asarray(template, dtype=np.int64), trains)
    if Wrot is None or Wrot.shape != (len(U), len(U)) or np.linalg.cond(Wrot) > MAX_CONDITION:
        return UnitWaveforms(values, trough_index(values), "whitened")
    inverse = np.linalg.inv(Wrot.astype(np.float64)).T.astype(np.float32)
    raw = (values.reshape(-1, len(U)) @ inverse).reshape(values.shape)
    return UnitWaveforms(raw, trough_index(raw), "raw numbers")


def peak_depths_um(waveforms: UnitWaveforms, positions_um: F64) -> F64:
    """Depth of the contact on which each unit is largest.

    Parameters
    ----------
    waveforms : UnitWaveforms
        Mean waveforms.
    positions_um : ndarray of float64, shape (n_contacts, 2)
        x and y of each contact in um.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        Depth (y) in um; NaN for a unit without a waveform.
    """
    size = np.ptp(waveforms.values, axis=1)
    return np.where(size.any(axis=1), positions_um[size.argmax(axis=1), 1], np.nan)


def int16_traces(path: Path, n_channels: int, channels: NDArray[Any] | None = None) -> PreprocessedTraces:
    """Open preprocessed traces in a flat int16 file.

    Parameters
    ----------
    path : Path
        The file, (sample, channel).
    n_channels : int
        Number of channels (columns of the file).
    channels : ndarray of int, optional
        Channels to read. Default: all.

    Returns
    -------
    PreprocessedTraces
        The traces, memory-mapped.
    """
    n_samples = path.stat().st_size // (2 * n_channels)
    shape = (n_samples, n_channels)
    values = np.memmap(path, np.int16, mode="r", shape=shape) if n_samples else np.zeros(shape)

    def read(start: int, stop: int) -> NDArray[np.generic]:
        block = values[start:stop]
        return np.asarray(block if channels is None else block[:, channels.astype(np.int64)])

    return PreprocessedTraces(read, n_samples)


def drift_of_batches(dshift: object, yblk: object, batch_s: float) -> DriftTraces | None:
    """Drift from Kilosort's estimates for each batch.

    Kilosort stores the shift that undoes the displacement, so the displacement is its negative.

    Parameters
    ----------
    dshift : array_like, shape (n_batches, n_blocks) or (n_batches,), or None
        Shift in um.
    yblk : array_like, shape (n_blocks,), or None
        Depth of each block in um.
    batch_s : float
        Length of a batch in s.

    Returns
    -------
    DriftTraces or None
        Displacement in um, upwards positive; None if there is none.

    Examples
    --------
    >>> drift = drift_of_batches([[1.0], [-2.0]], [100.0], 2.0)
    >>> drift.time_s.tolist(), drift.displacement_um.tolist()
    ([1.0, 3.0], [[-1.0], [2.0]])
    """
    if dshift is None or isinstance(dshift, Unreadable):
        return None
    shift_um: F64 = np.asarray(dshift, dtype=np.float64)
    shift_um = shift_um.reshape(len(shift_um), -1) if shift_um.ndim else shift_um.reshape(0, 0)
    if shift_um.size == 0:
        return None
    depth_um: F64 = np.asarray([] if yblk is None else yblk, dtype=np.float64).ravel()
    if len(depth_um) != shift_um.shape[1]:
        depth_um = np.arange(shift_um.shape[1], dtype=np.float64)
    return DriftTraces(batch_middles_s(len(shift_um), batch_s), depth_um, -shift_um)


def batch_middles_s(n_batches: int, batch_s: float) -> F64:
    """Return the middle of each batch.

    Parameters
    ----------
    n_batches : int
        Number of batches.
    batch_s : float
        Length of a batch in s.

    Returns
    -------
    ndarray of float64, shape (n_batches,)
        Times in s.
    """
    return np.asarray((np.arange(n_batches) + 0.5) * batch_s, dtype=np.float64)


def as_float64(values: NDArray[Any] | None) -> F64 | None:
    """Convert an array to float64; None stays None.

    Parameters
    ----------
    values : ndarray or None
        The array.

    Returns
    -------
    ndarray of float64 or None
        A copy in float64.
    """
    return None if values is None else values.astype(np.float64)


def as_int64(values: NDArray[Any] | None, first: int = 0) -> I64 | None:
    """Flatten an array of indices to int64, counted from 0; None stays None.

    Parameters
    ----------
    values : ndarray or None
        Indices.
    first : int, optional
        What the indices count from: 1 in MATLAB.

    Returns
    -------
    ndarray of int64 or None
        Indices from 0.
    """
    return None if values is None else values.ravel().astype(np.int64) - first
