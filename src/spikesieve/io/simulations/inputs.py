"""Inputs of a simulation from files: displacement, interspike intervals, noise and units of real recordings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy, load_npz
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.model import F64, Probe, Recording, Sorting
from spikesieve.simulation.drift import Displacement
from spikesieve.simulation.footprints import measured_footprint
from spikesieve.simulation.measured_noise import MeasuredNoise, measure_noise
from spikesieve.simulation.scene import HybridUnit

# Noise is measured in this many blocks, evenly spaced over the recording; fewer if they had more values than this.
N_BLOCKS, BLOCK_S, MAX_VALUES = 20, 2.0, 60e6
# Contacts of a sorted unit with less than this share of its largest peak-to-peak amplitude are mostly noise.
MIN_SHARE = 0.08
# Relative difference of two sampling rates that are still the same rate.
SAME_RATE = 1e-3


def read_displacement(path: Path | str) -> Displacement:
    """Read a displacement to impose on the tissue.

    Parameters
    ----------
    path : Path or str
        A text file with columns of seconds and um, or an .npz with `displacement_time_s` (n_times,) and
        `displacement_um`: (n_times,), (n_times, n_depths) or (n_shanks, n_times, n_depths), with several depths also
        `displacement_depth_um` (n_depths,). truth.npz of a simulation has these names.

    Returns
    -------
    Displacement
        The displacement, upwards positive.

    Raises
    ------
    InputError
        If the file is missing, has other shapes, or values that are not numbers.
    """
    path = Path(path)
    try:
        time_s, depth_um, um = _load_displacement(path)
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise InputError(f"{path} cannot be read as a displacement ({error}). {_DISPLACEMENT}") from error
    um = um.reshape(1, -1, 1) if um.ndim == 1 else um.reshape(-1, *um.shape[-2:])
    fits = time_s.ndim == 1 and depth_um.ndim == 1 and um.shape[1:] == (time_s.size, depth_um.size) and um.size > 0
    if not fits or not all(np.isfinite(values).all() for values in (time_s, depth_um, um)):
        raise InputError(
            f"{path} has displacements of shape {um.shape} for {time_s.size} times and {depth_um.size} depths, or "
            f"values that are not numbers. {_DISPLACEMENT}"
        )
    if (np.diff(time_s) <= 0).any() or (np.diff(depth_um) <= 0).any():
        raise InputError(f"The times or depths in {path} do not ascend. {_DISPLACEMENT}")
    return Displacement(time_s.astype(np.float64), depth_um.astype(np.float64), um.astype(np.float32))


_DISPLACEMENT = (
    "Give an .npz with displacement_time_s and displacement_um (and displacement_depth_um), or a text file with "
    "columns of seconds and µm, upwards positive."
)


def _load_displacement(path: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Times, depths and displacement as the file has them."""
    if path.suffix != ".npz":
        table = np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None, ndmin=2)
        return table[:, 0], np.zeros(1), table[:, 1]
    arrays = load_npz(path)
    return arrays["displacement_time_s"], arrays.get("displacement_depth_um", np.zeros(1)), arrays["displacement_um"]


def read_intervals(path: Path | str) -> tuple[F64, ...]:
    """Read interspike intervals.

    Parameters
    ----------
    path : Path or str
        Intervals in s: .npy or text (one list for all units), or .npz (one array per unit).

    Returns
    -------
    tuple of ndarray of float64
        Intervals in s, one array per list.

    Raises
    ------
    InputError
        If the file is missing or contains anything but positive numbers.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            found = list(load_npz(path).values())
        else:
            found = [load_npy(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)]
        intervals = tuple(np.ravel(values).astype(np.float64) for values in found)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as intervals ({error}). Give seconds, as .npy, .npz or text."
        ) from error
    if not intervals or any(values.size == 0 or not (values > 0).all() for values in intervals):
        raise InputError(
            f"{path} must contain positive intervals in seconds. Remove values that are 0, negative or not a number."
        )
    return intervals


def open_sorted(folder: Path | str) -> tuple[Recording, Sorting]:
    """Open a result folder and the recording it was made from.

    Parameters
    ----------
    folder : Path or str
        The result folder.

    Returns
    -------
    recording : Recording
        The recording.
    sorting : Sorting
        The sorting.

    Raises
    ------
    InputError
        If the folder is not a result of spikesieve, or the recording is gone or has no known gain.
    """
    facts, sorting = read_provenance(folder), read_sorting(folder)
    params = _read_own_params_py(Path(folder) / "params.py")
    paths = params["dat_path"] if isinstance(params["dat_path"], list) else [params["dat_path"]]
    if not all(paths):
        raise InputError(f"The result {folder} was not made from raw files. Give a result of a recording on disk.")
    gain_uv = np.asarray(facts["recording"]["gain_uv"], np.float64) if facts["recording"]["gain_is_known"] else None
    recording = read_recording(
        [Path(folder) / path for path in paths],
        int(params["n_channels_dat"]),
        float(params["sample_rate"]),
        dtype=str(params["dtype"]),
        gain_uv=gain_uv,
        header_bytes=int(params["offset"]),
    )
    return _require_gain(recording), sorting


def known_units(sorting: Sorting) -> tuple[HybridUnit, ...]:
    """Turn the good units of a sorting into footprints around their largest contact.

    Parameters
    ----------
    sorting : Sorting
        The sorting.

    Returns
    -------
    tuple of HybridUnit
        One entry per good unit.

    Raises
    ------
    InputError
        If there is no good unit.
    """
    found = []
    for row, unit in enumerate(sorting.units):
        if unit.label != "good":
            continue
        uv, contacts = sorting.templates.uv[row], sorting.templates.contacts[row]
        size = np.where(contacts >= 0, np.ptp(uv, axis=0), 0)
        used = size >= MIN_SHARE * size.max()
        best = int(contacts[size.argmax()])
        position_um = sorting.probe.positions_um[best]
        footprint = measured_footprint(
            f"unit {unit.unit}",
            sorting.probe.positions_um[contacts[used]] - position_um,
            uv[:, used].T.astype(np.float64),
            sorting.templates.peak_index,
            sorting.sampling_hz,
        )
        found.append(HybridUnit(footprint, position_um, int(sorting.probe.shanks[best])))
    if not found:
        raise InputError("The sorting has no good units to simulate. Sort a longer or better recording.")
    return tuple(found)


def read_noise(path: Path | str, probe: Probe, sampling_hz: float, gain_uv: float) -> MeasuredNoise:
    """Measure the noise of a real recording.

    Parameters
    ----------
    path : Path or str
        A result folder, for the noise of its recording, or a raw file.
    probe : Probe
        The probe of a raw file without a .meta file.
    sampling_hz : float
        Sampling rate of the simulation, and of a raw file without a .meta file, in Hz.
    gain_uv : float
        uV per raw number of a raw file without a .meta file.

    Returns
    -------
    MeasuredNoise
        The noise.

    Raises
    ------
    InputError
        If the recording cannot be read, is too short, or has another sampling rate.
    """
    path = Path(path)
    if path.is_dir():
        recording, sorting = open_sorted(path)
        channels = sorting.probe.channels
    else:
        recording, channels = _open_raw(path, probe, sampling_hz, gain_uv)
    if abs(recording.sampling_hz / sampling_hz - 1) > SAME_RATE:
        raise InputError(
            f"The noise of {path} was recorded at {recording.sampling_hz:g} Hz, but the simulation has "
            f"{sampling_hz:g} Hz. Set sampling_hz to the rate of the recording."
        )
    block_samples = round(BLOCK_S * sampling_hz)
    n_blocks = int(np.clip(MAX_VALUES / (block_samples * len(channels)), 2, N_BLOCKS))
    n_blocks = max(1, min(n_blocks, recording.n_samples // block_samples))
    starts = np.linspace(0, max(0, recording.n_samples - block_samples), n_blocks).astype(int)
    stops = np.minimum(starts + block_samples, recording.n_samples)
    blocks = [recording.read_uv(int(start), int(stop), channels) for start, stop in zip(starts, stops, strict=True)]
    return measure_noise(blocks, sampling_hz)


def _open_raw(path: Path, probe: Probe, sampling_hz: float, gain_uv: float) -> tuple[Recording, NDArray[np.int64]]:
    if path.with_suffix(".meta").exists():
        recording, recorded_probe, _ = open_input(path, RawOptions())
        return _require_gain(recording), recorded_probe.channels
    n_channels = int(probe.channels.max()) + 1
    return read_recording(path, n_channels, sampling_hz, gain_uv=gain_uv), probe.channels


def _require_gain(recording: Recording) -> Recording:
    if not recording.has_gain:
        raise InputError(f"The gain of {recording.name} is unknown, so it has no µV. Sort it with --gain-uv.")
    return recording


def _read_own_params_py(path: Path) -> dict[str, Any]:
    try:
        lines = ast.parse(path.read_text(encoding="ascii")).body
        assigned = [line for line in lines if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)]
        return {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in assigned}
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path} cannot be read ({error}). Copy the result folder again, or sort again.") from error
