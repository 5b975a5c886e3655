"""A folder that UnitMatch reads: the mean waveform of every unit in either half of the session.

Names and axes are those of its documentation (https://github.com/EnnyvanBeest/UnitMatch). UnitMatchPy 3.6.1 takes the
middle of the window for the peak, and the 23 samples around it for the waveform, whatever the sampling rate is; all
sessions that are matched must have windows of one length.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from spikesieve.errors import InputError
from spikesieve.io.exports.session import Session
from spikesieve.io.results.phy import save_array
from spikesieve.model import F32, F64, Label

# UnitMatch's window, with the peak in the middle.
HZ, N_SAMPLES, PEAK = 30_000.0, 82, 41
TYPES = {"good": "GOOD", "mua": "MUA", "noise": "NOISE"}


def write_unitmatch(folder: Path, session: Session) -> tuple[str, ...]:
    """Write RawWaveforms, channel_positions.npy and the labels.

    Parameters
    ----------
    folder : Path
        Existing folder.
    session : Session
        What is exported.

    Returns
    -------
    tuple of str
        Sentences on units that are left out.

    Raises
    ------
    InputError
        If the result has no templates of halves, or halves without spikes only.
    OSError
        If the disk is full.
    """
    sorting = session.sorting
    if sorting.waveforms is None:
        raise InputError(
            "This result was made by an earlier version, which did not keep the templates of either half of the "
            "session, and UnitMatch needs them. Sort again."
        )
    (folder / "RawWaveforms").mkdir()
    templates = sorting.templates
    for row, unit in enumerate(sorting.units):
        used = templates.contacts[row] >= 0
        halves = np.zeros((N_SAMPLES, sorting.probe.n_contacts, 2))
        measured = np.moveaxis(sorting.waveforms.half_uv[:, row][..., used], 0, -1)
        halves[:, templates.contacts[row][used]] = in_window(measured, templates.peak_index, sorting.sampling_hz)
        save_array(folder / "RawWaveforms" / f"Unit{unit.unit}_RawSpikes.npy", halves, np.float64)
    save_array(folder / "channel_positions.npy", sorting.probe.positions_um, np.float64)
    both = sorting.waveforms.half_spikes.min(axis=0, initial=1) > 0
    # UnitMatch compares the halves of good units.
    groups = [unit.label if seen else Label.MUA for unit, seen in zip(sorting.units, both, strict=True)]
    ids = sorting.unit_ids.tolist()
    _write_table(folder / "cluster_group.tsv", "group", ids, groups)
    _write_table(folder / "cluster_bc_unitType.tsv", "bc_unitType", ids, [TYPES[group] for group in groups])
    alone = sorting.unit_ids[~both].tolist()
    return (f"Units with waveforms in one half only are given as mua: {alone}.",) if alone else ()


def in_window(waveforms_uv: F32, peak_index: int, sampling_hz: float) -> F64:
    """Bring waveforms into UnitMatch's window.

    Parameters
    ----------
    waveforms_uv : ndarray of float32, shape (n_samples, ...)
        Waveforms.
    peak_index : int
        Sample at which the spike lies.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float64, shape (82, ...)
        At 30 kHz with the spike at sample 41, 0 beyond the ends of the waveforms.

    Examples
    --------
    >>> in_window(np.array([0, -5, 0], np.float32), 1, 30_000.0)[40:43]
    array([ 0., -5.,  0.])
    """
    at = peak_index + (np.arange(N_SAMPLES) - PEAK) * (sampling_hz / HZ)
    inside = (at >= 0) & (at <= len(waveforms_uv) - 1)
    window = np.zeros((N_SAMPLES, *waveforms_uv.shape[1:]))
    window[inside] = CubicSpline(np.arange(len(waveforms_uv)), waveforms_uv)(at[inside])
    return window


def _write_table(path: Path, name: str, units: list[int], values: Sequence[str]) -> None:
    rows = [f"cluster_id\t{name}", *(f"{unit}\t{value}" for unit, value in zip(units, values, strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
