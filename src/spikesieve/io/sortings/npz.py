"""Sortings from an npz file: spikes by any program, or the truth of a simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npz
from spikesieve.io.sortings.phy_files import read_params_py
from spikesieve.model import F64
from spikesieve.model.external import (
    DriftTraces,
    ExternalSorting,
    RawFileInfo,
    SorterIntermediates,
    UnitWaveforms,
    trains_in_time_order,
    trough_index,
)

SPIKES, TRUTH = ("spike_times", "spike_clusters"), ("sample", "unit")

Arrays = dict[str, NDArray[Any]]


def read_npz(path: Path, sampling_hz: float | None = None) -> ExternalSorting:
    """Read the spikes in an npz file.

    Parameters
    ----------
    path : Path
        An npz file with spike_times (samples), spike_clusters and sampling_hz, or the truth.npz of a simulation. As a
        truth, `partial` says whether the recording has neurons that it does not list.
    sampling_hz : float, optional
        Sampling rate in Hz, used if the file has none.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If the file is damaged or lacks an array.
    """
    try:
        arrays = load_npz(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as npz ({error}). Write it again with numpy.savez.") from error
    names = next((pair for pair in (SPIKES, TRUTH) if set(pair) <= set(arrays)), None)
    if names is None:
        raise InputError(
            f"{path} has {', '.join(arrays) or 'no arrays'}. A sorting needs spike_times (samples), spike_clusters and "
            "sampling_hz."
        )
    rate_hz = float(arrays["sampling_hz"]) if "sampling_hz" in arrays else sampling_hz
    if not rate_hz:
        raise InputError(f"{path} has no sampling_hz. Add it to the file, or give --sampling-hz.")
    if names == TRUTH:
        return _from_truth(path.resolve(), arrays, rate_hz)
    return _from_spikes(path.resolve(), arrays, rate_hz)


def _from_spikes(path: Path, arrays: Arrays, sampling_hz: float) -> ExternalSorting:
    sample, unit = (arrays[name] for name in SPIKES)
    columns = (_amplitude(arrays, len(sample)),)
    trains, (amplitude,), notes = trains_in_time_order(sample, _as_integers(unit), path.stem, *columns)
    return ExternalSorting(
        name=path.stem,
        kind="npz of spikes",
        trains=trains,
        sampling_hz=sampling_hz,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="as the file counts it",
        raw=_raw_files(path),
        intermediates=SorterIntermediates(drift=_drift(arrays)),
        notes=notes,
        lists_all_neurons=_lists_all_neurons(arrays),
    )


def _from_truth(path: Path, arrays: Arrays, sampling_hz: float) -> ExternalSorting:
    sample, unit = (arrays[name] for name in TRUTH)
    name = f"truth of {path.parent.name}"
    amplitude: NDArray[Any] | None
    columns = (_amplitude(arrays, len(sample)),)
    trains, (amplitude,), notes = trains_in_time_order(sample, _as_integers(unit), name, *columns)
    ptp_uv = arrays.get("ptp_uv")
    in_uv = amplitude is not None and ptp_uv is not None
    if amplitude is not None and ptp_uv is not None:
        amplitude = amplitude * ptp_uv[trains.units[trains.unit]]
    return ExternalSorting(
        name=name,
        kind="truth of a simulation",
        trains=trains,
        sampling_hz=sampling_hz,
        waveforms=_waveforms(arrays, trains.units),
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="µV" if in_uv else "as the file counts it",
        unit_depth_um=_depths_um(arrays, trains.units),
        raw=_raw_files(path),
        intermediates=SorterIntermediates(drift=_drift(arrays)),
        notes=notes,
        lists_all_neurons=_lists_all_neurons(arrays) is not False,
    )


def _lists_all_neurons(arrays: Arrays) -> bool | None:
    return not bool(arrays["partial"]) if "partial" in arrays else None


def _as_integers(unit: NDArray[Any]) -> NDArray[Any]:
    """Unit numbers as integers; some programs store whole numbers as floats."""
    is_whole = unit.dtype.kind == "f" and np.array_equal(unit, np.round(unit))
    return unit.astype(np.int64) if is_whole else unit


def _amplitude(arrays: Arrays, n_spikes: int) -> NDArray[Any] | None:
    amplitude = arrays.get("amplitude")
    return None if amplitude is None or len(amplitude) != n_spikes else amplitude


def _drift(arrays: Arrays) -> DriftTraces | None:
    """The displacement in the truth of a simulation."""
    names = ("displacement_time_s", "displacement_depth_um", "displacement_um")
    if not set(names) <= set(arrays) or arrays["displacement_um"].ndim != 3:
        return None
    time_s, depth_um, um = (arrays[name].astype(np.float64) for name in names)
    return DriftTraces(time_s, np.tile(depth_um, len(um)), um.transpose(1, 0, 2).reshape(len(time_s), -1))


def _waveforms(arrays: Arrays, units: NDArray[np.int64]) -> UnitWaveforms | None:
    if "templates_uv" not in arrays or arrays["templates_uv"].ndim != 3:
        return None
    values = arrays["templates_uv"][units].astype(np.float32)
    peak_index = int(arrays["peak_index"]) if "peak_index" in arrays else trough_index(values)
    return UnitWaveforms(values, peak_index, "µV")


def _depths_um(arrays: Arrays, units: NDArray[np.int64]) -> F64 | None:
    if "position_um" in arrays:
        return np.asarray(arrays["position_um"][units, 1].astype(np.float64))
    return np.asarray(arrays["y"][units].astype(np.float64)) if "y" in arrays else None


def _raw_files(path: Path) -> RawFileInfo | None:
    """The raw file that a params.py beside the npz describes."""
    params = read_params_py(path.parent / "params.py")
    n_channels = params.get("n_channels_dat")
    return RawFileInfo((), n_channels, str(params.get("dtype", "int16"))) if isinstance(n_channels, int) else None
