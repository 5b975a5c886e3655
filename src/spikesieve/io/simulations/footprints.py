"""Measured footprints (waveforms of one unit around its position) from `.npz`, or from `.mat` files of eMouse.

eMouse is the simulator of Kilosort2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.matlab_files import load_mat
from spikesieve.io.plain_arrays import load_npz
from spikesieve.model import F64
from spikesieve.simulation.footprints import Footprint, measured_footprint

# Sampling rate of eMouse's files, and of files without a rate.
DEFAULT_HZ = 30_000.0
# A waveform has at least this many samples, and a footprint this many points.
MIN_SAMPLES, MIN_POINTS = 16, 2

FORMATS = (
    "An .npz needs xy (points, 2) in µm, waves (points, samples), offsets (units + 1) and peak_index, or xy "
    "(points, 2) and waves (units, points, samples); a .mat needs waveforms of sites whose x and y are in it."
)


def read_footprints(path: Path | str) -> tuple[Footprint, ...]:
    """Read footprints from a file, or from all .npz and .mat files of a folder in order of their names.

    Parameters
    ----------
    path : Path or str
        A file or folder. An .npz has xy (points, 2) in um and waves (points, samples) with offsets (units + 1), or
        waves (units, points, samples).

    Returns
    -------
    tuple of Footprint
        Footprints, each centred on its point with the largest peak-to-peak amplitude. Amplitudes are kept.

    Raises
    ------
    InputError
        If the file does not exist, cannot be read, or contains no footprints.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"The footprints {path} do not exist. Check the name.")
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in (".npz", ".mat"))
    found = tuple(footprint for file in files for footprint in _from_file(file))
    if not found:
        raise InputError(f"{path} contains no footprints. {FORMATS}")
    return found


def _from_file(path: Path) -> list[Footprint]:
    try:
        if path.suffix == ".mat":
            parts = list(_mat_units(load_mat(path, simplify_cells=True)))
        else:
            parts = list(_npz_units(load_npz(path)))
    except (OSError, NotImplementedError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as footprints ({error}). {FORMATS}") from error
    return [_footprint(path, number, *part) for number, part in enumerate(parts)]


def _footprint(
    path: Path, number: int, positions_um: F64, waveforms_uv: F64, peak_index: int | None, sampling_hz: float
) -> Footprint:
    is_valid = waveforms_uv.ndim == 2 and positions_um.shape == (len(waveforms_uv), 2)
    is_valid = is_valid and len(positions_um) >= MIN_POINTS and waveforms_uv.shape[1] >= MIN_SAMPLES
    if not is_valid or not (np.isfinite(positions_um).all() and np.isfinite(waveforms_uv).all()):
        raise InputError(
            f"Unit {number} of {path} has positions of shape {positions_um.shape} and waveforms of shape "
            f"{waveforms_uv.shape}, or values that are not numbers. {FORMATS}"
        )
    largest = int(np.ptp(waveforms_uv, axis=1).argmax())
    peak = int(np.abs(waveforms_uv[largest]).argmax()) if peak_index is None else peak_index
    name = f"{path.stem}:{number}"[-32:]
    return measured_footprint(name, positions_um - positions_um[largest], waveforms_uv, peak, sampling_hz)


Part = tuple[F64, F64, int | None, float]


def _npz_units(arrays: Mapping[str, NDArray[Any]]) -> Iterator[Part]:
    xy, waves = arrays["xy"].astype(np.float64), arrays["waves"].astype(np.float64)
    peak = int(arrays["peak_index"]) if "peak_index" in arrays else None
    sampling_hz = next((float(arrays[name]) for name in ("sampling_hz", "fs") if name in arrays), DEFAULT_HZ)
    if "offsets" in arrays:
        offsets = arrays["offsets"].astype(np.int64)
        for start, stop in pairwise(offsets):
            yield xy[start:stop], waves[start:stop], peak, sampling_hz
    else:
        for unit in waves:
            yield xy, unit, peak, sampling_hz


def _mat_units(content: Any) -> Iterator[Part]:
    """Units of a MATLAB file, found by shape: waveforms have one axis for the sites and one for time.

    The two files of eMouse differ in nesting and names, so names only distinguish x from y.
    """
    if isinstance(content, list | tuple) or (isinstance(content, np.ndarray) and content.dtype == object):
        for entry in content:
            yield from _mat_units(entry)
    if not isinstance(content, Mapping):
        return
    numbers = {name: value for name, value in content.items() if _is_numbers(value) and not name.startswith("__")}
    positions_um = _positions_um(numbers)
    if positions_um is not None:
        for value in numbers.values():
            if value.ndim in (2, 3) and value is not positions_um and max(value.shape) >= MIN_SAMPLES:
                yield from _by_shape(positions_um, value)
    for value in content.values():
        yield from _mat_units(value)


def _is_numbers(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu"


def _positions_um(numbers: Mapping[str, NDArray[Any]]) -> F64 | None:
    """Positions (n_sites, 2) from an array of pairs, or from an x and a y vector."""
    for value in numbers.values():
        if value.ndim == 2 and 2 in value.shape and max(value.shape) > MIN_POINTS:
            pairs = value if value.shape[1] == 2 else value.T
            return np.asarray(pairs, dtype=np.float64)
    vectors = {name.lower(): value for name, value in numbers.items() if value.ndim == 1 and value.size >= MIN_POINTS}
    for name, x in vectors.items():
        y = vectors.get(name.replace("x", "y", 1))
        if name.count("x") and y is not None and y.size == x.size:
            return np.stack([x, y], axis=1).astype(np.float64)
    return None


def _by_shape(positions_um: F64, waves: NDArray[Any]) -> Iterator[Part]:
    sites = [axis for axis, size in enumerate(waves.shape) if size == len(positions_um)]
    if not sites:
        return
    by_site = np.moveaxis(waves.astype(np.float64), sites[0], 0)
    if by_site.ndim == 2:
        by_site = by_site[None] if by_site.shape[1] >= MIN_SAMPLES else by_site[:0, None]
    else:
        # The longer of the other two axes is time: a file has fewer units than a waveform has samples.
        by_site = np.moveaxis(by_site, 2 if by_site.shape[1] >= by_site.shape[2] else 1, 0)
    for unit in by_site:
        yield positions_um, unit, None, DEFAULT_HZ
