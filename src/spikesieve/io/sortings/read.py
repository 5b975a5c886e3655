"""One door for all that can be compared: a path or an object becomes a `Side`."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.comparison.side import (
    Drift,
    RawFile,
    Side,
    Steps,
    UnitWaveforms,
    drift_of_motion,
    in_order,
    trough_index,
)
from spikesieve.errors import InputError
from spikesieve.io.results.kilosort2_intermediates import read_intermediates_side, with_steps_beside
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.io.sortings.phy import read_params_py, read_phy
from spikesieve.io.sortings.pykilosort import find_context, read_pykilosort
from spikesieve.io.sortings.rez_mat import read_rez
from spikesieve.io.sortings.spikeinterface import SAVED_AS, from_sorting_object, is_sorting_object, read_saved_sorting
from spikesieve.model import Sorting

WHAT_IT_CAN_BE = (
    "It can be a result of spikesieve, a Phy folder, a rez.mat, a pykilosort intermediate folder, a SpikeInterface "
    "sorting, or an npz with spike_times, spike_clusters and sampling_hz."
)


def read_side(source: object, sampling_hz: float | None = None) -> Side:
    """Whatever was sorted, as a side of a comparison.

    source       a path, a `Sorting`, a SpikeInterface sorting, or a `Side`
    sampling_hz  used when the source does not tell its rate

    Raises InputError when it is none of these, is damaged, or has no spikes.
    """
    if isinstance(source, Side):
        side = source
    elif isinstance(source, Sorting):
        side = from_sorting(source, source.probe.name)
    elif isinstance(source, str | Path):
        try:
            side = _read_path(Path(source), sampling_hz)
        except (OSError, ValueError, IndexError, TypeError) as error:
            # What a reader stumbles over when arrays have another shape or type than they should.
            raise InputError(
                f"{source} cannot be read as a sorting ({error}). A file in it is damaged or of another kind: write it "
                "again."
            ) from error
    elif is_sorting_object(source):
        side = from_sorting_object(source)
    else:
        raise InputError(f"A {type(source).__name__} cannot be compared. {WHAT_IT_CAN_BE}")
    if side.n_spikes == 0:
        raise InputError(
            f"{side.name} ({side.kind}) has no spikes, so there is nothing to compare. Give a sorting that has."
        )
    _require_one_probe(side)
    return side


def _require_one_probe(side: Side) -> None:
    """Templates, channels and positions are of the same contacts."""
    waveforms = None if side.waveforms is None else side.waveforms.values.shape[2]
    channels = None if side.channels is None else len(side.channels)
    positions = None if side.positions_um is None else len(side.positions_um)
    sizes = {"templates": waveforms, "channel numbers": channels, "positions": positions}
    known = {what: n for what, n in sizes.items() if n is not None}
    if len(set(known.values())) > 1:
        found = ", ".join(f"{what} of {n} contacts" for what, n in known.items())
        raise InputError(f"{side.name} has {found}. They must be of the same contacts: write the files again.")


def _read_path(path: Path, sampling_hz: float | None) -> Side:
    if not path.exists():
        raise InputError(f"{path} does not exist. Check the name. {WHAT_IT_CAN_BE}")
    if path.suffix == ".npz":
        return _read_npz(path, sampling_hz)
    if path.suffix == ".mat":
        return read_rez(path)
    if path.suffix == ".h5":
        return read_intermediates_side(path)
    if path.suffix in (".json", ".zarr") or any((path / name).is_file() for name in SAVED_AS):
        return read_saved_sorting(path)
    if (path / "provenance.json").is_file() and (path / "units.csv").is_file():
        return with_steps_beside(_read_ours(path), path)
    if (path / "spike_times.npy").is_file():
        return read_phy(path, sampling_hz)
    context = find_context(path) if path.is_dir() else None
    if context is not None:
        return read_pykilosort(context, sampling_hz)
    if (path / "rez.mat").is_file():
        return read_rez(path / "rez.mat")
    raise InputError(f"{path} holds no sorting that can be read. {WHAT_IT_CAN_BE}")


def from_sorting(sorting: Sorting, name: str) -> Side:
    """A sorting in memory."""
    spikes, units = sorting.spikes, sorting.units
    trains, (amplitude,) = in_order(spikes.sample, spikes.unit, name, spikes.amplitude_uv)
    values = sorting.templates.dense_uv(sorting.probe.n_contacts)[trains.units]
    return Side(
        name=name,
        kind="spikesieve result",
        trains=trains,
        sampling_hz=sorting.sampling_hz,
        channels=sorting.probe.channels,
        positions_um=sorting.probe.positions_um,
        shanks=sorting.probe.shanks,
        waveforms=UnitWaveforms(values, sorting.templates.peak_index, "µV"),
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="µV",
        unit_depth_um=np.array([units[unit].depth_um for unit in trains.units]),
        unit_snr=np.array([units[unit].snr for unit in trains.units]),
        steps=Steps(
            whitening=sorting.whitening.astype(np.float64),
            drift=None if sorting.motion is None else drift_of_motion(sorting.motion),
        ),
    )


def _read_ours(folder: Path) -> Side:
    """A result folder of ours: waveforms and units as sorted; the spikes as they were curated in Phy, if they were."""
    as_phy = read_phy(folder)
    gain_uv = read_provenance(folder).get("recording", {}).get("gain_uv")
    # Gains that differ between channels are a list; a comparison reads its traces with one gain only.
    one_gain_uv = float(gain_uv) if gain_uv and not isinstance(gain_uv, list) else None
    raw = as_phy.raw and replace(as_phy.raw, gain_uv=one_gain_uv)
    sorted_as = from_sorting(read_sorting(folder), as_phy.name)
    as_phy = replace(as_phy, steps=replace(as_phy.steps, drift=sorted_as.steps.drift))
    same = np.array_equal(sorted_as.trains.unit, as_phy.trains.unit) and np.array_equal(
        sorted_as.trains.units, as_phy.trains.units
    )
    if same:
        return replace(sorted_as, raw=raw, steps=as_phy.steps)
    if len(sorted_as.trains.sample) != len(as_phy.trains.sample):
        # The spikes that a folder of almost no spikes is filled up with for Phy.
        return replace(sorted_as, raw=raw, steps=as_phy.steps)
    note = f"{as_phy.name} was changed in Phy after it was sorted; the changed units are compared."
    return replace(as_phy, raw=raw, notes=(note,))


def _read_npz(path: Path, sampling_hz: float | None) -> Side:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as npz ({error}). Write it again with numpy.savez.") from error
    names = next((pair for pair in SPIKE_NAMES if set(pair) <= set(arrays)), None)
    if names is None:
        raise InputError(
            f"{path} holds {', '.join(arrays) or 'nothing'}. A sorting needs spike_times (samples), spike_clusters and "
            "sampling_hz."
        )
    rate = float(arrays["sampling_hz"]) if "sampling_hz" in arrays else sampling_hz
    if not rate:
        raise InputError(f"{path} has no sampling_hz. Add it to the file, or give --sampling-hz.")
    return _from_arrays(path.resolve(), arrays, names, rate)


SPIKE_NAMES = (("spike_times", "spike_clusters"), ("sample", "unit"))
"""The second: `truth.npz` of a simulation."""


def _from_arrays(path: Path, arrays: dict[str, NDArray[Any]], names: tuple[str, str], rate: float) -> Side:
    sample, unit = (arrays[name] for name in names)
    if unit.dtype.kind == "f" and np.array_equal(unit, np.round(unit)):
        unit = unit.astype(np.int64)
    is_truth = names[0] == "sample"
    name = f"truth of {path.parent.name}" if is_truth else path.stem
    amplitude = arrays["amplitude"] if "amplitude" in arrays and len(arrays["amplitude"]) == len(sample) else None
    trains, (amplitude,) = in_order(sample, unit, name, amplitude)
    waveforms, depth = _truth_units(arrays, trains.units) if is_truth else (None, None)
    ptp = arrays.get("ptp_uv")
    sized = amplitude is not None and ptp is not None and is_truth
    if sized and amplitude is not None and ptp is not None:
        amplitude = amplitude * ptp[trains.units[trains.unit]]
    return Side(
        name=name,
        kind="truth of a simulation" if is_truth else "npz of spikes",
        trains=trains,
        sampling_hz=rate,
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="µV" if sized else "as the file counts it",
        unit_depth_um=depth,
        raw=_raw_beside(path),
        steps=Steps(drift=_truth_drift(arrays)),
    )


def _truth_drift(arrays: dict[str, NDArray[Any]]) -> Drift | None:
    """The displacement in the truth of a simulation of ours."""
    names = ("displacement_time_s", "displacement_depth_um", "displacement_um")
    if not set(names) <= set(arrays) or arrays["displacement_um"].ndim != 3:
        return None
    time_s, depth_um, um = (arrays[name].astype(np.float64) for name in names)
    return Drift(time_s, np.tile(depth_um, len(um)), um.transpose(1, 0, 2).reshape(len(time_s), -1))


def _truth_units(arrays: dict[str, NDArray[Any]], units: NDArray[np.int64]) -> tuple[UnitWaveforms | None, Any]:
    waveforms = None
    if "templates_uv" in arrays and arrays["templates_uv"].ndim == 3:
        values = arrays["templates_uv"][units].astype(np.float32)
        peak = int(arrays["peak_index"]) if "peak_index" in arrays else trough_index(values)
        waveforms = UnitWaveforms(values, peak, "µV")
    if "position_um" in arrays:
        return waveforms, arrays["position_um"][units, 1].astype(np.float64)
    return waveforms, arrays["y"][units].astype(np.float64) if "y" in arrays else None


def _raw_beside(path: Path) -> RawFile | None:
    """What a params.py beside an npz says of the recording."""
    params = read_params_py(path.parent / "params.py")
    n_channels = params.get("n_channels_dat")
    return RawFile((), n_channels, str(params.get("dtype", "int16"))) if isinstance(n_channels, int) else None
