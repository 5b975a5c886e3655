"""Sortings from any Phy folder: by Kilosort 1 to 4, pykilosort or spikesieve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_pickle import read_plain_dict
from spikesieve.io.sortings.arrays import (
    MAX_CONDITION,
    drift_of_batches,
    int16_traces,
    lost_templates_notes,
    mean_templates,
    peak_depths_um,
)
from spikesieve.io.sortings.phy_files import optional_array, read_params_py, required_array
from spikesieve.model import F32, F64, I64
from spikesieve.model.external import (
    DriftTraces,
    ExternalSorting,
    PreprocessedTraces,
    RawFileInfo,
    SorterIntermediates,
    SpikeTrains,
    UnitWaveforms,
    trains_in_time_order,
    trough_index,
)


def read_phy(folder: Path, sampling_hz: float | None = None) -> ExternalSorting:
    """Read the sorting in a Phy folder, with the changes made in Phy (`spike_clusters.npy`) if there are any.

    The waveform of a cluster is the mean of its templates, weighted by its number of spikes of each, unwhitened if the
    folder says how.

    Parameters
    ----------
    folder : Path
        The folder.
    sampling_hz : float, optional
        Sampling rate in Hz, used if params.py has none.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If files are missing, damaged or do not belong together.
    """
    params = read_params_py(folder / "params.py")
    rate_hz = params.get("sample_rate") or sampling_hz
    if not rate_hz:
        raise InputError(f"{folder} has no sample_rate in params.py. Give the rate with --sampling-hz.")
    spikes = _spikes(folder)
    trains, amplitude = spikes.trains, spikes.amplitude
    positions_um = optional_array(folder, "channel_positions")
    channels = optional_array(folder, "channel_map")
    shanks = optional_array(folder, "channel_shanks")
    waveforms, lost = mean_waveforms(folder, trains, spikes.template)
    return ExternalSorting(
        name=folder.resolve().name,
        kind=_kind(folder),
        trains=trains,
        sampling_hz=float(rate_hz),
        channels=None if channels is None else channels.ravel().astype(np.int64),
        positions_um=None if positions_um is None else positions_um.astype(np.float64),
        shanks=None if shanks is None else shanks.ravel().astype(np.int64),
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="µV" if (folder / "spike_amplitude_uv.npy").is_file() else "as the sorter counts it",
        unit_depth_um=_unit_depths_um(spikes, waveforms, positions_um),
        raw=_raw_files(folder, params),
        intermediates=_intermediates(folder, params, float(rate_hz)),
        notes=(*spikes.notes, *lost),
    )


@dataclass(frozen=True, eq=False)
class _Spikes:
    """The spikes of a folder in order of time, and what the folder says of each."""

    trains: SpikeTrains
    amplitude: NDArray[Any] | None
    template: NDArray[Any] | None
    position_um: NDArray[Any] | None
    notes: tuple[str, ...]


def _spikes(folder: Path) -> _Spikes:
    times = required_array(folder, "spike_times")
    templates = optional_array(folder, "spike_templates")
    clusters = optional_array(folder, "spike_clusters")
    clusters = clusters if clusters is not None else templates
    if clusters is None:
        raise InputError(
            f"{folder} has neither spike_clusters.npy nor spike_templates.npy, so its spikes have no units. "
            "Give a folder that a sorter wrote for Phy."
        )
    amplitudes_uv = optional_array(folder, "spike_amplitude_uv")
    amplitudes = amplitudes_uv if amplitudes_uv is not None else optional_array(folder, "amplitudes")
    # Kilosort 2 writes columns of shape (n, 1).
    columns = [None if column is None else column.ravel() for column in (amplitudes, templates)]
    positions = optional_array(folder, "spike_positions")
    if positions is not None and len(positions) != times.size:
        positions = None
    trains, found, notes = trains_in_time_order(
        _whole_samples(times, folder), clusters.ravel(), folder.resolve().name, *columns, positions
    )
    amplitude, template, position_um = found
    return _Spikes(trains, amplitude, template, position_um, notes)


def _whole_samples(times: NDArray[Any], folder: Path) -> NDArray[np.integer]:
    """Samples as integers; some programs store whole numbers as floats."""
    times = np.asarray(times).ravel()
    if times.dtype.kind == "f" and np.array_equal(times, np.round(times)):
        return times.astype(np.int64)
    if times.dtype.kind not in "iu":
        raise InputError(f"spike_times.npy in {folder} has no whole samples. Spike times must be samples, not seconds.")
    return times.astype(np.int64)


def _kind(folder: Path) -> str:
    if (folder / "provenance.json").is_file():
        return "spikesieve result"
    if (folder / "kilosort4.log").is_file() or (folder / "ops.npy").is_file():
        return "Kilosort4 result"
    return "Phy folder"


def mean_waveforms(
    folder: Path, trains: SpikeTrains, template_of_spike: NDArray[Any] | None
) -> tuple[UnitWaveforms | None, tuple[str, ...]]:
    """Compute the mean waveforms of units from the templates of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    trains : SpikeTrains
        The units.
    template_of_spike : ndarray of int, shape (n_spikes,), or None
        Template of each spike. None: units are templates.

    Returns
    -------
    waveforms : UnitWaveforms or None
        None if the folder has no templates.
    notes : tuple of str
        A note on spikes without a template.
    """
    templates = _templates_of(folder)
    if templates is None:
        return None, ()
    rows = trains.units[trains.unit] if template_of_spike is None else np.asarray(template_of_spike).astype(np.int64)
    lost = lost_templates_notes(rows, len(templates), folder.resolve().name)
    values = mean_templates(np.asarray(templates, dtype=np.float32), rows, trains)
    return _unwhitened(folder, values), lost


def template_waveforms(folder: Path, numbers: I64) -> UnitWaveforms | None:
    """Read the waveforms of templates.

    Parameters
    ----------
    folder : Path
        The folder.
    numbers : ndarray of int64, shape (n,)
        Their numbers, ascending.

    Returns
    -------
    UnitWaveforms or None
        Zeros for a number that the files do not have, mapped if they are all that the file has; None if the folder
        has no templates.
    """
    templates = _templates_of(folder)
    if templates is None:
        return None
    there = (numbers >= 0) & (numbers < len(templates))
    if there.all() and np.array_equal(numbers, np.arange(len(templates))):
        return _unwhitened(folder, np.asarray(templates, np.float32))
    values = np.zeros((len(numbers), *templates.shape[1:]), np.float32)
    values[there] = templates[numbers[there]]
    return _unwhitened(folder, values)


def _templates_of(folder: Path) -> NDArray[Any] | None:
    """Templates on all contacts, mapped where they are so in the file."""
    templates = optional_array(folder, "templates")
    # phylib: sparse templates, -1 = unused. (templates_ind, plural, only numbers the channels.)
    contacts = optional_array(folder, "template_ind")
    positions_um = optional_array(folder, "channel_positions")
    if templates is None or contacts is None or positions_um is None:
        return templates
    return _dense_templates(templates, contacts, len(positions_um))


def _unwhitened(folder: Path, values: F32) -> UnitWaveforms:
    inverse = _unwhitening(folder, values.shape[2])
    if inverse is None:
        return UnitWaveforms(values, trough_index(values), "whitened")
    is_ours = (folder / "provenance.json").is_file()
    unwhitened = (values.reshape(-1, values.shape[2]) @ inverse.astype(np.float32)).reshape(values.shape)
    return UnitWaveforms(unwhitened, trough_index(unwhitened), "µV" if is_ours else "raw numbers")


def _dense_templates(templates: NDArray[Any], contacts: NDArray[Any], n_contacts: int) -> F32:
    """Templates on all contacts, from those on a few contacts each; contact -1 is unused."""
    dense = np.zeros((*templates.shape[:2], n_contacts), np.float32)
    for template, near, out in zip(templates, contacts.astype(np.int64), dense, strict=True):
        used = near >= 0
        out[:, near[used]] = template[:, used]
    return dense


def _unwhitening(folder: Path, n_contacts: int) -> F64 | None:
    """Matrix that unwhitens a (sample, contact) array from the right; None if there is no usable one."""
    inverse = optional_array(folder, "whitening_mat_inv")
    if inverse is None or inverse.shape != (n_contacts, n_contacts):
        return None
    matrix = inverse.astype(np.float64)
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > MAX_CONDITION:
        return None
    # Kilosort4 writes the matrix for multiplication from the left; Phy and spikesieve use the one from the right.
    return matrix.T if _kind(folder) == "Kilosort4 result" else matrix


def _unit_depths_um(spikes: _Spikes, waveforms: UnitWaveforms | None, positions_um: NDArray[Any] | None) -> F64 | None:
    """Mean depth of the spikes of each unit if the folder has it, else depth of the largest contact."""
    trains = spikes.trains
    if spikes.position_um is not None:
        totals = np.bincount(trains.unit, spikes.position_um[:, 1], minlength=len(trains.units))
        return np.asarray(totals / np.maximum(trains.n_spikes, 1), dtype=np.float64)
    if waveforms is None or positions_um is None or waveforms.values.shape[2] != len(positions_um):
        return None
    return peak_depths_um(waveforms, positions_um.astype(np.float64))


def _raw_files(folder: Path, params: dict[str, Any]) -> RawFileInfo | None:
    n_channels = params.get("n_channels_dat")
    if not isinstance(n_channels, int):
        return None
    given = params.get("dat_path") or []
    names = [given] if isinstance(given, str) else [str(name) for name in given]
    paths = tuple(str(Path(name) if Path(name).is_absolute() else folder / name) for name in names)
    return RawFileInfo(paths, n_channels, str(params.get("dtype", "int16")), int(params.get("offset", 0)))


def _intermediates(folder: Path, params: dict[str, Any], sampling_hz: float) -> SorterIntermediates:
    whitening = optional_array(folder, "whitening_mat")
    matrix = None if whitening is None else whitening.astype(np.float64)
    if matrix is not None and _kind(folder) == "spikesieve result":
        matrix = matrix.T  # written for multiplication from the right
    return SorterIntermediates(
        traces=_traces(folder, params),
        whitening=matrix,
        drift=_drift(folder, sampling_hz),
        **{name: _matrix(folder, name) for name in ("ccb0", "ccbsort")},
        iorig=_batch_order(folder),
    )


def _matrix(folder: Path, name: str) -> F64 | None:
    found = optional_array(folder, name)
    return None if found is None or found.ndim != 2 else found.astype(np.float64)


def _batch_order(folder: Path) -> NDArray[np.int64] | None:
    found = optional_array(folder, "iorig")
    return None if found is None else found.ravel().astype(np.int64)


def _traces(folder: Path, params: dict[str, Any]) -> PreprocessedTraces | None:
    """preprocessed.dat of spikesieve or temp_wh.dat of Kilosort: int16, with the channels of the raw file."""
    n_channels = params.get("n_channels_dat")
    for name in ("preprocessed.dat", "temp_wh.dat"):
        if (folder / name).is_file() and isinstance(n_channels, int):
            channels = optional_array(folder, "channel_map")
            return int16_traces(folder / name, n_channels, None if channels is None else channels.ravel())
    return None


def _drift(folder: Path, sampling_hz: float) -> DriftTraces | None:
    """Drift in drift.*.npy (pykilosort, ibl-sorter; one shank) or in Kilosort4's ops.npy."""
    um, depth, times = (optional_array(folder, name) for name in ("drift.um", "drift_depths.um", "drift.times"))
    if um is not None and um.ndim == 2 and depth is not None and times is not None:
        return DriftTraces(times.astype(np.float64).ravel(), depth.astype(np.float64).ravel(), um.astype(np.float64))
    if not (folder / "ops.npy").is_file():
        return None
    ops = read_plain_dict(folder / "ops.npy")
    return drift_of_batches(ops.get("dshift"), ops.get("yblk"), float(ops.get("batch_size", 60_000)) / sampling_hz)
