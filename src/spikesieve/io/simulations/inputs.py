"""What a simulation can be given from files: displacements, intervals, the noise and the units of real recordings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.model import F64, Probe, Recording, Sorting
from spikesieve.simulation.drift import Displacement
from spikesieve.simulation.footprints import measured_footprint
from spikesieve.simulation.measured_noise import MeasuredNoise, measure_noise
from spikesieve.simulation.scene import HybridUnit

# Noise is measured in so many stretches of STRETCH_S, spread over the recording, or in as many as make MOST_VALUES.
N_STRETCHES, STRETCH_S, MOST_VALUES = 20, 2.0, 60e6
# Of a sorted unit, contacts with less than this share of the largest peak to peak are mostly noise.
LEAST_SHARE = 0.08


def read_displacement(path: Path | str) -> Displacement:
    """A displacement to impose: from .npz, or from a text file with columns of seconds and um.

    The .npz has `displacement_time_s` (n_times,) and `displacement_um`: (n_times,), (n_times, n_depths) or
    (n_shanks, n_times, n_depths); with several depths also `displacement_depth_um` (n_depths,). Those are the names in
    truth.npz, which can be given as well. Raises InputError when the file is missing or not of that form.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                time_s, moved = arrays["displacement_time_s"], arrays["displacement_um"]
                depth = arrays["displacement_depth_um"] if "displacement_depth_um" in arrays else np.zeros(1)
        else:
            table = np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None, ndmin=2)
            time_s, moved, depth = table[:, 0], table[:, 1], np.zeros(1)
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise InputError(f"{path} cannot be read as a displacement ({error}). {_DISPLACEMENT}") from error
    moved = moved.reshape(1, -1, 1) if moved.ndim == 1 else moved.reshape(-1, *moved.shape[-2:])
    fits = time_s.ndim == 1 and depth.ndim == 1 and moved.shape[1:] == (time_s.size, depth.size) and moved.size > 0
    if not fits or not all(np.isfinite(values).all() for values in (time_s, depth, moved)):
        raise InputError(
            f"{path} has displacements of shape {moved.shape} for {time_s.size} times and {depth.size} depths, or "
            f"values that are not numbers. {_DISPLACEMENT}"
        )
    if (np.diff(time_s) <= 0).any() or (np.diff(depth) <= 0).any():
        raise InputError(f"The times or depths in {path} do not ascend. {_DISPLACEMENT}")
    return Displacement(time_s.astype(np.float64), depth.astype(np.float64), moved.astype(np.float32))


_DISPLACEMENT = (
    "Give an .npz with displacement_time_s and displacement_um (and displacement_depth_um), or a text file with "
    "columns of seconds and um, upwards positive."
)


def read_intervals(path: Path | str) -> tuple[F64, ...]:
    """Interspike intervals in seconds: .npy or text (one list for all units), or .npz (an array a unit).

    Raises InputError when the file is missing or holds anything but positive numbers.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                found = [arrays[name] for name in arrays.files]
        else:
            found = [np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)]
        intervals = tuple(np.ravel(values).astype(np.float64) for values in found)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as intervals ({error}). Give seconds, as .npy, .npz or text."
        ) from error
    if not intervals or any(values.size == 0 or not (values > 0).all() for values in intervals):
        raise InputError(f"{path} must hold positive intervals in seconds. Remove what is 0, negative or not a number.")
    return intervals


def open_sorted(folder: Path | str) -> tuple[Recording, Sorting]:
    """A result folder of ours and the recording it was made from.

    Raises InputError when it is no such folder, or the recording is gone or has no known gain.
    """
    facts, sorting = read_provenance(folder), read_sorting(folder)
    names = _params_py(Path(folder) / "params.py")
    paths = names["dat_path"] if isinstance(names["dat_path"], list) else [names["dat_path"]]
    if not all(paths):
        raise InputError(f"The result {folder} was not made from raw files, so that nothing can be added to them.")
    gain_uv = float(facts["recording"]["gain_uv"]) if facts["recording"]["gain_is_known"] else None
    recording = read_recording(
        paths,
        int(names["n_channels_dat"]),
        float(names["sample_rate"]),
        dtype=str(names["dtype"]),
        gain_uv=gain_uv,
        header_bytes=int(names["offset"]),
    )
    return _with_gain(recording), sorting


def known_units(sorting: Sorting) -> tuple[HybridUnit, ...]:
    """The good units of a sorting as footprints around their place. Raises InputError when there is none."""
    found = []
    for unit in sorting.units:
        if unit.label != "good":
            continue
        uv, contacts = sorting.templates.uv[unit.unit], sorting.templates.contacts[unit.unit]
        size = np.where(contacts >= 0, np.ptp(uv, axis=0), 0)
        used = size >= LEAST_SHARE * size.max()
        best = int(contacts[size.argmax()])
        places_um = sorting.probe.positions_um[contacts[used]]
        position_um = sorting.probe.positions_um[best]
        footprint = measured_footprint(
            f"unit {unit.unit}",
            places_um - position_um,
            uv[:, used].T.astype(np.float64),
            sorting.templates.peak_index,
            sorting.sampling_hz,
        )
        found.append(HybridUnit(footprint, position_um, int(sorting.probe.shanks[best])))
    if not found:
        raise InputError("The sorting has no good units to put elsewhere. Sort a longer or better recording.")
    return tuple(found)


def read_noise(path: Path | str, probe: Probe, sampling_hz: float, gain_uv: float) -> MeasuredNoise:
    """The noise of a recording: of a result folder's, or of a raw file.

    path                  the folder, or the raw file
    probe                 the probe; of a raw file without .meta also its columns
    sampling_hz, gain_uv  of a raw file without .meta

    Raises InputError when it cannot be read, is too short, or was recorded at another rate.
    """
    path = Path(path)
    if path.is_dir():
        recording, sorting = open_sorted(path)
        channels = sorting.probe.channels
    else:
        recording, channels = _open_raw(path, probe, sampling_hz, gain_uv)
    if abs(recording.sampling_hz / sampling_hz - 1) > 1e-3:
        raise InputError(
            f"The noise of {path} was recorded at {recording.sampling_hz:g} Hz, and the simulation has "
            f"{sampling_hz:g}. Set sampling_hz to the recording's."
        )
    step = round(STRETCH_S * sampling_hz)
    n = int(np.clip(MOST_VALUES / (step * len(channels)), 2, N_STRETCHES))
    n = max(1, min(n, recording.n_samples // step))
    starts = np.linspace(0, max(0, recording.n_samples - step), n).astype(int)
    stops = np.minimum(starts + step, recording.n_samples)
    stretches = [recording.read_uv(int(a), int(b), channels) for a, b in zip(starts, stops, strict=True)]
    return measure_noise(stretches, sampling_hz)


def _open_raw(path: Path, probe: Probe, sampling_hz: float, gain_uv: float) -> tuple[Recording, NDArray[np.int64]]:
    if path.with_suffix(".meta").exists():
        recording, its_probe, _ = open_input(path, RawOptions())
        return _with_gain(recording), its_probe.channels
    n_channels = int(probe.channels.max()) + 1
    return read_recording(path, n_channels, sampling_hz, gain_uv=gain_uv), probe.channels


def _with_gain(recording: Recording) -> Recording:
    if not recording.has_gain:
        raise InputError(f"The gain of {recording.name} is not known, so that it has no uV. Sort it with --gain-uv.")
    return recording


def _params_py(path: Path) -> dict[str, Any]:
    try:
        lines = ast.parse(path.read_text(encoding="ascii")).body
        assigned = [line for line in lines if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)]
        return {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in assigned}
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path} cannot be read ({error}). Copy the result folder again, or sort again.") from error
