"""A simulated recording on disk: raw file, probe file, truth as NumPy arrays and as a Phy folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.io import savemat

from spikesieve.engine.executor import Progress, silent
from spikesieve.errors import InputError
from spikesieve.io.finished_folder import FolderKind, finished_folder
from spikesieve.io.plain_arrays import load_npz
from spikesieve.io.probes.files import write_probe_json
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.simulations.truth_phy import write_truth_phy
from spikesieve.model import Probe
from spikesieve.simulation import Simulation, Truth, iter_blocks

Layout = Literal["spikesieve", "emouse"]
RECORDING: dict[Layout, str] = {"spikesieve": "recording.bin", "emouse": "sim_binary.imec.ap.bin"}
PHY_FOLDER, FACTS = "phy", "truth.json"
SIMULATION = FolderKind("simulation", None)
"""The folder of a simulation. It is never replaced."""
SCALARS = ("sampling_hz", "n_samples", "peak_index")
ARRAYS = tuple(field.name for field in fields(Truth) if field.name not in SCALARS)

# Written into truth.json beside truth.npz.
MEANING = {
    "partial": "whether the recording has neurons that are not listed here: those of the recording of a hybrid",
    "sampling_hz": "samples per second",
    "n_samples": "length of the recording",
    "peak_index": "sample of the templates at which the spike's time lies",
    "sample": "sample of each spike: the trough on the largest contact (the peak, if the spike is positive)",
    "unit": "unit of each spike, a row of the arrays below",
    "amplitude": "how many times its unit's template each spike is",
    "moved_um": "how far from rest the unit of each spike was then; its place is position_um[unit] + (0, moved_um, 0)",
    "position_um": "x, y and distance from the plane of the probe of each unit, at rest",
    "shank": "shank of each unit",
    "ptp_uv": "peak to peak of each unit's template at rest on its largest contact",
    "kind": "kind of cell of each unit, or the name of its footprint",
    "templates_uv": "(unit, sample, contact) waveforms at rest",
    "moved_contacts": "(unit, near) contacts of moved_templates_uv; -1: unused",
    "moved_places_um": "(unit, place) how far from rest the unit is in moved_templates_uv",
    "moved_templates_uv": "(unit, place, sample, near) waveforms on the unit's way",
    "displacement_time_s": "(time) of displacement_um",
    "displacement_depth_um": "(depth) of displacement_um, at rest",
    "displacement_um": "(shank, time, depth) how far tissue has moved, upwards positive; one shank: all move alike",
    "dead": "contacts that are flat",
    "artifact_sample": "samples at which an artifact or a pulse of stimulation starts on all channels",
}


@dataclass(frozen=True)
class SimulationFiles:
    """Paths of a simulated recording, and how to read it.

    Attributes
    ----------
    recording_path : Path
        Raw file: int16, (sample, channel), no header.
    probe_path : Path
        probeinterface JSON.
    truth_path : Path
        truth.npz; truth.json beside it describes its arrays.
    phy_path : Path
        params.py of the truth as a Phy folder.
    n_channels : int
        Number of channels (columns of the file).
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : float
        uV per raw number.
    """

    recording_path: Path
    probe_path: Path
    truth_path: Path
    phy_path: Path
    n_channels: int
    sampling_hz: float
    gain_uv: float


def write_simulation(
    folder: Path | str, simulation: Simulation, layout: Layout = "spikesieve", progress: Progress = silent
) -> SimulationFiles:
    """Write the recording, probe.json, truth.npz, truth.json and the folder phy.

    Memory grows with the number of spikes, not with the length of the recording.

    Parameters
    ----------
    folder : Path or str
        Output folder, which must not exist. It appears when it is complete.
    simulation : Simulation
        What to write. The raw file has all channels up to the largest one of the probe.
    layout : {"spikesieve", "emouse"}, optional
        "emouse" names the recording as Kilosort2's simulator does and adds its channel map and truth.
    progress : Progress, optional
        Called with the number of samples written.

    Returns
    -------
    SimulationFiles
        Paths of the files.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written, or if the disk is full.
    """
    files = simulation_files(Path(folder), simulation, layout)
    with finished_folder(folder, SIMULATION, overwrite=False) as new:
        for name, write in _writers(files, simulation, layout, progress).items():
            write(new / name)
    return files


def simulation_files(folder: Path, simulation: Simulation, layout: Layout = "spikesieve") -> SimulationFiles:
    """Name the files of a simulation.

    Parameters
    ----------
    folder : Path
        Its folder.
    simulation : Simulation
        The simulation.
    layout : {"spikesieve", "emouse"}, optional
        Names of the files.

    Returns
    -------
    SimulationFiles
        Paths of the files, whether they exist or not.
    """
    return SimulationFiles(
        recording_path=folder / RECORDING[layout],
        probe_path=folder / "probe.json",
        truth_path=folder / "truth.npz",
        phy_path=folder / PHY_FOLDER / "params.py",
        n_channels=simulation.n_channels,
        sampling_hz=simulation.params.sampling_hz,
        gain_uv=simulation.params.gain_uv,
    )


def holds_simulation(folder: Path, simulation: Simulation, layout: Layout = "spikesieve") -> bool:
    """Look whether a folder holds a simulation.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist.
    simulation : Simulation
        The simulation.
    layout : {"spikesieve", "emouse"}, optional
        Names of the files.

    Returns
    -------
    bool
        Whether the folder says that it was made from the same parameters.
    """
    facts = folder / FACTS
    return facts.is_file() and facts.read_text(encoding="utf-8") == _facts_text(simulation, layout)


def read_truth(path: Path | str) -> Truth:
    """Read the truth that `write_simulation` wrote.

    Parameters
    ----------
    path : Path or str
        truth.npz.

    Returns
    -------
    Truth
        The truth.

    Raises
    ------
    InputError
        If the file is missing or not the truth of a simulation.
    """
    try:
        arrays = load_npz(Path(path))
        return Truth(
            sampling_hz=float(arrays["sampling_hz"]),
            n_samples=int(arrays["n_samples"]),
            peak_index=int(arrays["peak_index"]),
            **{name: arrays[name] for name in ARRAYS},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as the truth of a simulation: {error}. Give the truth.npz that a simulation wrote."
        ) from error


def _writers(
    files: SimulationFiles, simulation: Simulation, layout: Layout, progress: Progress
) -> dict[str, Callable[[Path], None]]:
    """The function that writes each file or folder, by name, in order."""
    truth, probe = simulation.truth, simulation.probe
    writers: dict[str, Callable[[Path], None]] = {
        RECORDING[layout]: partial(_write_blocks, simulation=simulation, progress=progress),
        "probe.json": partial(write_probe_json, probe=probe),
        "truth.npz": partial(_write_truth, simulation=simulation),
        FACTS: partial(_write_facts, simulation=simulation, layout=layout),
        PHY_FOLDER: partial(_write_phy, simulation=simulation, recording_name=files.recording_path.name),
    }
    if layout == "emouse":
        name = f"chanMap_3B_{probe.n_contacts}sites.mat"
        writers[name] = partial(_write_channel_map, probe=probe, sampling_hz=truth.sampling_hz)
        writers["eMouseGroundTruth.mat"] = partial(_write_emouse_truth, truth=truth)
        columns = {"chanMap": probe.channels, "xc": probe.positions_um[:, 0], "yc": probe.positions_um[:, 1]}
        for column, values in columns.items():
            writers[f"{column}.npy"] = partial(np.save, arr=values)
    return writers


def _write_blocks(path: Path, simulation: Simulation, progress: Progress) -> None:
    n_samples, n_written = simulation.truth.n_samples, 0
    with path.open("xb") as file:
        for block in iter_blocks(simulation):
            progress("simulate", n_written, n_samples)
            file.write(block.astype("<i2", copy=False).tobytes())
            n_written += len(block)
    progress("simulate", n_samples, n_samples)


def _write_truth(path: Path, simulation: Simulation) -> None:
    arrays: dict[str, Any] = {name: getattr(simulation.truth, name) for name in (*SCALARS, *ARRAYS)}
    # A real recording below the simulated units has neurons of its own.
    is_partial = simulation.scene.inputs.recording is not None
    np.savez_compressed(path, partial=is_partial, **arrays)


def _write_facts(path: Path, simulation: Simulation, layout: Layout) -> None:
    path.write_text(_facts_text(simulation, layout), encoding="utf-8", newline="\n")


def _facts_text(simulation: Simulation, layout: Layout) -> str:
    return json.dumps(_facts(simulation, layout), indent=2) + "\n"


def _facts(simulation: Simulation, layout: Layout) -> dict[str, Any]:
    truth = simulation.truth
    return {
        "recording": {
            "file": RECORDING[layout],
            "dtype": "int16",
            "order": "sample, channel",
            "n_channels": simulation.n_channels,
            "n_samples": truth.n_samples,
            "sampling_hz": truth.sampling_hz,
            "gain_uv": simulation.params.gain_uv,
        },
        "n_units": len(simulation.units),
        "n_background_units": len(simulation.background),
        "n_spikes": len(truth.sample),
        "parameters": simulation.params.model_dump(),
        "truth.npz": MEANING,
    }


def _write_phy(path: Path, simulation: Simulation, recording_name: str) -> None:
    path.mkdir()
    params = simulation.params
    raw = path.parent / recording_name  # Phy finds it from its folder, so that both can be moved
    recording = read_recording(raw, simulation.n_channels, params.sampling_hz, gain_uv=params.gain_uv)
    write_truth_phy(path, simulation.truth, simulation.probe, recording)


def _write_channel_map(path: Path, probe: Probe, sampling_hz: float) -> None:
    """Kilosort2's channel map: column vectors, channels counted from 1."""
    columns = {
        "chanMap": probe.channels + 1.0,
        "chanMap0ind": probe.channels.astype(float),
        "connected": np.ones(probe.n_contacts, np.bool_),
        "xcoords": probe.positions_um[:, 0],
        "ycoords": probe.positions_um[:, 1],
        "kcoords": probe.shanks + 1.0,
    }
    savemat(path, {**{name: column[:, None] for name, column in columns.items()}, "fs": sampling_hz})


def _write_emouse_truth(path: Path, truth: Truth) -> None:
    """eMouse's truth: samples and units counted from 1."""
    savemat(path, {"gtRes": (truth.sample + 1.0)[:, None], "gtClu": (truth.unit + 1.0)[:, None]})
