"""The names, units and axes of the International Brain Laboratory (ALF, the ALyx Files of the ONE standard)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from spikesieve.io.exports.session import Session
from spikesieve.io.results.motion_files import write_motion
from spikesieve.io.results.phy import fill_unused, save_array
from spikesieve.model import F32

VOLTS = 1e-6


def write_alf(folder: Path, session: Session) -> None:
    """Write spikes.*, clusters.*, templates.*, channels.* and drift.* in IBL's units: s, V, um.

    Row k of `clusters.*` and of `templates.*` is the unit that `spikes.clusters` calls k.

    Parameters
    ----------
    folder : Path
        Existing folder.
    session : Session
        What is exported.

    Raises
    ------
    OSError
        If the disk is full.
    """
    _write_spikes(folder, session)
    _write_units(folder, session)
    probe = session.sorting.probe
    save_array(folder / "channels.localCoordinates.npy", probe.positions_um, np.float64)
    save_array(folder / "channels.rawInd.npy", probe.channels, np.int64)
    save_array(folder / "channels.shanks.npy", probe.shanks, np.int64)
    if session.sorting.motion is not None:
        write_motion(folder, session.sorting.motion)


def _write_spikes(folder: Path, session: Session) -> None:
    spikes = session.sorting.spikes
    save_array(folder / "spikes.times.npy", session.spike_s, np.float64)
    save_array(folder / "spikes.samples.npy", spikes.sample, np.int64)
    for name in ("clusters", "templates"):
        save_array(folder / f"spikes.{name}.npy", spikes.unit, np.int32)
    save_array(folder / "spikes.amps.npy", spikes.amplitude_uv * VOLTS, np.float64)
    save_array(folder / "spikes.depths.npy", spikes.position_um[:, 1], np.float64)


def _write_units(folder: Path, session: Session) -> None:
    sorting, units = session.sorting, session.sorting.units
    volts, contacts = _waveforms_v(session), fill_unused(sorting.templates.contacts, sorting.probe.n_contacts)
    for name in ("clusters", "templates"):
        save_array(folder / f"{name}.waveforms.npy", volts, np.float32)
        save_array(folder / f"{name}.waveformsChannels.npy", contacts, np.int64)
    best = np.array([unit.chan_best for unit in units], np.int64)
    largest = volts[np.arange(len(units)), :, (contacts == best[:, None]).argmax(axis=1)]
    trough_to_peak_ms = (largest.argmax(axis=1) - largest.argmin(axis=1)) / sorting.sampling_hz * 1e3
    save_array(folder / "clusters.channels.npy", best, np.int64)
    save_array(folder / "clusters.depths.npy", np.array([unit.y_um for unit in units]), np.float64)
    save_array(folder / "clusters.amps.npy", np.array([unit.amplitude_uv for unit in units]) * VOLTS, np.float64)
    save_array(folder / "clusters.peakToTrough.npy", trough_to_peak_ms, np.float64)
    with (folder / "clusters.metrics.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["cluster_id", "unit", *(column.name for column in session.columns)])
        columns = [column.values for column in session.columns]
        rows = zip(range(len(units)), sorting.unit_ids.tolist(), *columns, strict=True)
        writer.writerows(["" if value is None else value for value in row] for row in rows)


def _waveforms_v(session: Session) -> F32:
    return np.asarray(session.sorting.templates.uv * VOLTS, np.float32)
