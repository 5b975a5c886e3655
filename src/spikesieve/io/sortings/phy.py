"""Any Phy folder as a side of a comparison: Kilosort 1 to 4, pykilosort, our own."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_pickle import Unreadable, read_plain_dict
from spikesieve.model import F32, F64
from spikesieve.sorted_by_others import (
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

WORST_CONDITION = 1e4
"""Whitening that blows errors up by more than this is not undone."""


def read_phy(folder: Path, sampling_hz: float | None = None) -> ExternalSorting:
    """The sorting in a Phy folder, as it was curated: `spike_clusters.npy` where it is.

    sampling_hz  used when params.py has none

    A cluster's waveform is the mean of its templates, weighted by its spikes of each, unwhitened where the folder says
    how. Raises InputError when files are missing, damaged or do not fit each other.
    """
    params = read_params_py(folder / "params.py")
    rate = params.get("sample_rate") or sampling_hz
    if not rate:
        raise InputError(f"{folder} has no sample_rate in params.py. Give the rate with --sampling-hz.")
    times = required(folder, "spike_times")
    templates_of_spikes = optional(folder, "spike_templates")
    clusters = optional(folder, "spike_clusters")
    clusters = clusters if clusters is not None else templates_of_spikes
    if clusters is None:
        raise InputError(
            f"{folder} has neither spike_clusters.npy nor spike_templates.npy, so its spikes have no units."
        )
    sizes = optional(folder, "spike_amplitude_uv")
    amplitudes = sizes if sizes is not None else optional(folder, "amplitudes")
    name = folder.resolve().name
    # Kilosort 2 writes columns, (n, 1); ravel makes rows of them.
    extra = [None if column is None else column.ravel() for column in (amplitudes, templates_of_spikes)]
    trains, (amplitude, template) = trains_in_time_order(_whole(times, folder), clusters.ravel(), name, *extra)
    positions = optional(folder, "channel_positions")
    channels = optional(folder, "channel_map")
    shanks = optional(folder, "channel_shanks")
    waveforms = _waveforms(folder, trains, template)
    return ExternalSorting(
        name=name,
        kind=_kind(folder),
        trains=trains,
        sampling_hz=float(rate),
        channels=None if channels is None else channels.ravel().astype(np.int64),
        positions_um=None if positions is None else positions.astype(np.float64),
        shanks=None if shanks is None else shanks.ravel().astype(np.int64),
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="µV" if sizes is not None else "as the sorter counts it",
        unit_depth_um=_depths(folder, trains, waveforms, positions),
        raw=_raw(folder, params),
        intermediates=_steps(folder, params, float(rate)),
    )


def read_params_py(path: Path) -> dict[str, Any]:
    """The plain assignments of a params.py, without running it; empty when there is none.

    Raises InputError when it is no Python.
    """
    if not path.is_file():
        return {}
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as Python ({error}). Write it again.") from error
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
            try:
                found[node.targets[0].id] = ast.literal_eval(value)
            except ValueError:
                continue  # an expression; what cannot be read without running it counts as not there
    return found


def optional(folder: Path, name: str) -> NDArray[Any] | None:
    """An array of the folder, memory-mapped, or None when it is not there; InputError when it is damaged."""
    path = folder / f"{name}.npy"
    if not path.is_file():
        return None
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read ({error}). Copy it again from its source.") from error
    return found


def required(folder: Path, name: str) -> NDArray[Any]:
    """An array that must be there; InputError when it is not."""
    found = optional(folder, name)
    if found is None:
        raise InputError(f"{folder} has no {name}.npy. Give a folder that a sorter wrote for Phy.")
    return found


def _whole(times: NDArray[Any], folder: Path) -> NDArray[np.integer]:
    """Samples as integers; some writers store whole numbers as floats."""
    times = np.asarray(times).ravel()
    if times.dtype.kind == "f" and np.array_equal(times, np.round(times)):
        return times.astype(np.int64)
    if times.dtype.kind not in "iu":
        raise InputError(
            f"spike_times.npy in {folder} holds no whole samples. Spike times must be samples, not seconds."
        )
    return times.astype(np.int64)


def _kind(folder: Path) -> str:
    if (folder / "provenance.json").is_file():
        return "spikesieve result"
    if (folder / "kilosort4.log").is_file() or (folder / "ops.npy").is_file():
        return "Kilosort4 result"
    return "Phy folder"


def _waveforms(folder: Path, trains: SpikeTrains, template_of_spike: NDArray[Any] | None) -> UnitWaveforms | None:
    templates = optional(folder, "templates")
    if templates is None:
        return None
    # phylib: sparse templates, -1 = unused. (templates_ind, plural, counts the channels and says nothing.)
    columns = optional(folder, "template_ind")
    positions = optional(folder, "channel_positions")
    if columns is not None and positions is not None:
        templates = _dense(templates, columns, len(positions))
    rows = trains.units[trains.unit] if template_of_spike is None else np.asarray(template_of_spike).astype(np.int64)
    if len(rows) and rows.max() >= len(templates):
        raise InputError(
            f"{folder} has spikes of template {rows.max()}, but templates.npy has {len(templates)} rows. "
            "The files are not of one result: write them again."
        )
    values = mean_templates(np.asarray(templates, dtype=np.float32), rows, trains)
    inverse = _unwhitening(folder, values.shape[2])
    if inverse is None:
        return UnitWaveforms(values, trough_index(values), "whitened")
    ours = (folder / "provenance.json").is_file()
    uv = (values.reshape(-1, values.shape[2]) @ inverse.astype(np.float32)).reshape(values.shape)
    return UnitWaveforms(uv, trough_index(uv), "µV" if ours else "raw numbers")


def mean_templates(templates: F32, template_of_spike: NDArray[Any], trains: SpikeTrains) -> F32:
    """(n_units, n_samples, n_contacts) float32: mean of each unit's templates, weighted by its spikes of each."""
    weights = np.zeros((len(trains.units), len(templates)), np.float32)
    np.add.at(weights, (trains.unit, template_of_spike), 1.0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return (weights @ templates.reshape(len(templates), -1)).reshape(len(weights), *templates.shape[1:])


def _dense(templates: NDArray[Any], columns: NDArray[Any], n_contacts: int) -> F32:
    dense = np.zeros((*templates.shape[:2], n_contacts), np.float32)
    for template, column, out in zip(templates, columns.astype(np.int64), dense, strict=True):
        used = column >= 0
        out[:, column[used]] = template[:, used]
    return dense


def _unwhitening(folder: Path, n_contacts: int) -> F64 | None:
    """The matrix that takes a whitened (sample, contact) array back, or None when there is none or it cannot."""
    inverse = optional(folder, "whitening_mat_inv")
    if inverse is None or inverse.shape != (n_contacts, n_contacts):
        return None
    matrix = inverse.astype(np.float64)
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > WORST_CONDITION:
        return None
    # Kilosort4 writes the matrix that is multiplied from the left; Phy and we mean from the right.
    return matrix.T if _kind(folder) == "Kilosort4 result" else matrix


def _depths(
    folder: Path, trains: SpikeTrains, waveforms: UnitWaveforms | None, positions: NDArray[Any] | None
) -> F64 | None:
    spikes = optional(folder, "spike_positions")
    if spikes is not None and len(spikes) == len(trains.sample):
        order = np.argsort(required(folder, "spike_times").ravel(), kind="stable")
        totals = np.bincount(trains.unit, spikes[order, 1], minlength=len(trains.units))
        return np.asarray(totals / np.maximum(trains.n_spikes, 1), dtype=np.float64)
    if waveforms is None or positions is None or waveforms.values.shape[2] != len(positions):
        return None
    return peak_depths(waveforms, positions.astype(np.float64))


def peak_depths(waveforms: UnitWaveforms, positions_um: F64) -> F64:
    """(n_units,) float64: y of the contact on which each unit is largest."""
    best = np.ptp(waveforms.values, axis=1).argmax(axis=1)
    return np.asarray(positions_um[best, 1], dtype=np.float64)


def _raw(folder: Path, params: dict[str, Any]) -> RawFileInfo | None:
    n_channels = params.get("n_channels_dat")
    if not isinstance(n_channels, int):
        return None
    given = params.get("dat_path") or []
    names = [given] if isinstance(given, str) else [str(name) for name in given]
    paths = tuple(str(Path(name) if Path(name).is_absolute() else folder / name) for name in names)
    return RawFileInfo(paths, n_channels, str(params.get("dtype", "int16")), int(params.get("offset", 0)))


def _steps(folder: Path, params: dict[str, Any], sampling_hz: float) -> SorterIntermediates:
    whitening = optional(folder, "whitening_mat")
    matrix = None if whitening is None else whitening.astype(np.float64)
    if matrix is not None and _kind(folder) == "spikesieve result":
        matrix = matrix.T  # there it is multiplied from the right
    return SorterIntermediates(
        traces=_traces(folder, params),
        whitening=matrix,
        drift=_drift(folder, sampling_hz),
        **{name: _square(folder, name) for name in ("ccb0", "ccbsort")},
        iorig=_order(folder),
    )


def _square(folder: Path, name: str) -> F64 | None:
    found = optional(folder, name)
    return None if found is None or found.ndim != 2 else found.astype(np.float64)


def _order(folder: Path) -> NDArray[np.int64] | None:
    found = optional(folder, "iorig")
    return None if found is None else found.ravel().astype(np.int64)


def _traces(folder: Path, params: dict[str, Any]) -> PreprocessedTraces | None:
    """temp_wh.dat of Kilosort, preprocessed.dat of ours, proc.dat of pykilosort: int16, the columns of the raw file."""
    n_channels = params.get("n_channels_dat")
    for name in ("preprocessed.dat", "temp_wh.dat"):
        if (folder / name).is_file() and isinstance(n_channels, int):
            channels = optional(folder, "channel_map")
            return int16_traces(folder / name, n_channels, None if channels is None else channels.ravel())
    return None


def int16_traces(path: Path, n_columns: int, columns: NDArray[Any] | None = None) -> PreprocessedTraces:
    """Traces in a flat int16 file of n_columns; `columns`: those to hand out."""
    n_samples = path.stat().st_size // (2 * n_columns)
    values = (
        np.memmap(path, np.int16, mode="r", shape=(n_samples, n_columns)) if n_samples else np.zeros((0, n_columns))
    )

    def read(start: int, stop: int) -> NDArray[np.generic]:
        part = values[start:stop]
        return np.asarray(part if columns is None else part[:, columns.astype(np.int64)])

    return PreprocessedTraces(read, n_samples)


def _drift(folder: Path, sampling_hz: float) -> DriftTraces | None:
    """Kilosort4's in ops.npy (batches x blocks), or pykilosort's and ibl-sorter's in drift.*.npy; one shank."""
    um, depth, times = (optional(folder, name) for name in ("drift.um", "drift_depths.um", "drift.times"))
    if um is not None and um.ndim == 2 and depth is not None and times is not None:
        return DriftTraces(times.astype(np.float64).ravel(), depth.astype(np.float64).ravel(), um.astype(np.float64))
    if not (folder / "ops.npy").is_file():
        return None
    ops = read_plain_dict(folder / "ops.npy")
    return drift_of_batches(ops.get("dshift"), ops.get("yblk"), float(ops.get("batch_size", 60_000)) / sampling_hz)


def drift_of_batches(dshift: object, yblk: object, batch_s: float) -> DriftTraces | None:
    """Drift from Kilosort's arrays, (n_batches, n_blocks) um and (n_blocks,) um; None when there are none.

    Kilosort stores the shift that takes the traces back. Turned over it is the movement itself, upwards positive.
    """
    if dshift is None or isinstance(dshift, Unreadable):
        return None
    um: F64 = np.asarray(dshift, dtype=np.float64)
    um = um.reshape(len(um), -1) if um.ndim else um.reshape(0, 0)
    if um.size == 0:
        return None
    depth: F64 = np.asarray([] if yblk is None else yblk, dtype=np.float64).ravel()
    if len(depth) != um.shape[1]:
        depth = np.arange(um.shape[1], dtype=np.float64)
    return DriftTraces(middles(len(um), batch_s), depth, -um)


def middles(n_batches: int, batch_s: float) -> F64:
    """The middle of each of n batches in a row, (n_batches,) float64 in s."""
    return np.asarray((np.arange(n_batches) + 0.5) * batch_s, dtype=np.float64)
