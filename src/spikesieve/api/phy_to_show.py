"""Reads a folder that any sorter wrote for Phy, for the views. What is missing in it switches a view off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.api.kept_index import kept_index
from spikesieve.curation.actions import Membership
from spikesieve.curation.spike_index import SpikeIndex
from spikesieve.errors import InputError
from spikesieve.io.curations.kept import Kept, stamp
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.sortings.arrays import lost_spikes_notes
from spikesieve.io.sortings.phy import template_waveforms
from spikesieve.io.sortings.phy_files import optional_array, read_params_py, required_array
from spikesieve.model import I64, Probe, Recording, SortedTime, Templates
from spikesieve.model.external import UnitWaveforms
from spikesieve.views.result import Result, SpikeFeatures

PITCH_UM = 20.0
"""Distance of contacts whose places are not known."""
MOST_UNUSED = 2**12
"""Templates without spikes that are kept in memory, so that spikes need no other number of their template."""

IN_ORDER, WAVEFORMS = "in-order", "waveforms"
"""What is kept: that spike times are in order, and the waveforms of the templates."""
SHAPED_BY = (
    *("templates.npy", "template_ind.npy", "whitening_mat_inv.npy", "channel_positions.npy"),
    *("provenance.json", "kilosort4.log", "ops.npy"),
)
"""Files on which these waveforms depend."""


def read_phy_to_show(folder: Path, kept: Kept) -> Result:
    """Read a folder that any sorter wrote for Phy.

    Parameters
    ----------
    folder : Path
        The folder.
    kept : Kept
        Where it is kept what takes long to read.

    Returns
    -------
    Result
        Its units are the templates of the sorter, before anything was done in Phy.

    Raises
    ------
    InputError
        Spike times, units or the sampling rate are missing, or a file is damaged.
    """
    params = read_params_py(folder / "params.py")
    if not params.get("sample_rate"):
        raise InputError(f"{folder} has no sample_rate in params.py. Write it there.")
    hz, name = float(params["sample_rate"]), folder.resolve().name
    sample, order = _in_time_order(folder, kept)
    read_from = stamp(folder / f"{name}.npy" for name in ("spike_times", "spike_templates", "spike_clusters"))
    unit, index = _units(folder, order, kept, read_from)
    rows, template = _rows_of_templates(index, unit)
    missing: list[str] = []
    probe = _probe(folder, name, params, missing)
    waveforms = _waveforms(folder, rows, kept, read_from)
    templates, waveform_unit = _templates(folder, waveforms, index, rows, probe, missing)
    amplitude, amplitude_unit = _amplitude(folder, order, missing)
    position_um = _column(folder, "spike_positions", order)
    if position_um is None:
        missing.append("There is no spike_positions.npy: depth over time and places on the probe are not shown.")
    recording = _recording(folder, params, hz, missing)
    n_samples = 0 if recording is None else recording.n_samples
    return Result(
        name=name,
        kind="written for Phy",
        probe=probe,
        time=SortedTime(((0, max(n_samples, int(sample[-1] if len(sample) else 0) + 1)),), hz),
        sample=sample,
        template=template,
        templates=templates,
        waveform_unit=waveform_unit,
        units=Membership.of_index(index, int(index.numbers.max(initial=-1)) + 1),
        noise_sd_uv=np.full(probe.n_contacts, np.nan, np.float32),
        amplitude=amplitude,
        amplitude_unit=amplitude_unit,
        features=_features(folder, rows, order, len(required_array(folder, "spike_times").ravel()), missing),
        position_um=None if position_um is None else position_um[:, :2],
        recording=recording,
        missing=tuple(missing),
        file_row=order,
        read_from=read_from,
    )


def _in_time_order(folder: Path, kept: Kept) -> tuple[I64, I64 | None]:
    """Samples in order of time, and the row of each in the files. Spikes before sample 0 are left out.

    Where the files are in order already, samples are mapped and the rows None.
    """
    state = stamp([folder / "spike_times.npy"])
    times = required_array(folder, "spike_times").ravel()
    if times.dtype.kind == "f" and not np.array_equal(times, np.round(times)):
        raise InputError(f"spike_times.npy in {folder} has no whole samples. Spike times must be samples, not seconds.")
    sample = np.asarray(times.view(np.int64) if times.dtype == np.uint64 else times.astype(np.int64, copy=False))
    if kept.read(IN_ORDER, state) is not None:
        return sample, None
    if not len(sample) or (sample[0] >= 0 and (sample[1:] >= sample[:-1]).all()):
        kept.write(IN_ORDER, state, {})
        return sample, None
    order = np.argsort(sample, kind="stable")
    order = order[sample[order] >= 0]
    return sample[order], order


def _units(
    folder: Path, order: I64 | None, kept: Kept, read_from: Mapping[str, list[int]]
) -> tuple[NDArray[Any], SpikeIndex]:
    """Unit of each spike as it was sorted, and the spikes of each: the templates, where the folder has them."""
    found = optional_array(folder, "spike_templates")
    unit = np.asarray(required_array(folder, "spike_clusters") if found is None else found).ravel()
    n_spikes = len(required_array(folder, "spike_times").ravel())
    if len(unit) != n_spikes or (len(unit) and unit.dtype.kind not in "iu"):
        raise InputError(f"{folder} has {n_spikes} spike times, and units of shape {unit.shape} and type {unit.dtype}.")
    unit = unit if order is None else unit[order]
    return unit, kept_index(unit, kept, read_from)


def _rows_of_templates(index: SpikeIndex, unit: NDArray[Any]) -> tuple[I64, NDArray[Any]]:
    """Numbers of the templates that are kept in memory, and the row among them of each spike."""
    last = int(index.numbers.max(initial=-1))
    if index.numbers.min(initial=0) >= 0 and last < len(index.numbers) + MOST_UNUSED:
        return np.arange(last + 1), unit
    return index.numbers, np.searchsorted(index.numbers, unit).astype(np.int32)


def _column(folder: Path, name: str, order: I64 | None) -> NDArray[Any] | None:
    """An array with a row for each spike, in order of time; None if the folder has none that fits."""
    found, n = optional_array(folder, name), len(required_array(folder, "spike_times"))
    if found is None or len(found) < n:
        return None
    return np.asarray(found[:n] if order is None else found[order])


def _probe(folder: Path, name: str, params: dict[str, Any], missing: list[str]) -> Probe:
    positions, channels, shanks = (optional_array(folder, f"channel_{what}") for what in ("positions", "map", "shanks"))
    if positions is None:
        missing.append("There is no channel_positions.npy: contacts are shown in one column.")
        n = int(params.get("n_channels_dat", 1)) if channels is None else channels.size
        positions = np.stack([np.zeros(n), PITCH_UM * np.arange(n)], axis=1)
    rows = np.arange(len(positions))
    of_file = rows if channels is None else np.asarray(channels).ravel().astype(np.int64)
    of_shank = np.zeros(len(rows), np.int64) if shanks is None else np.asarray(shanks).ravel().astype(np.int64)
    try:
        return Probe(np.asarray(positions, np.float64), of_file, of_shank, name)
    except InputError as error:
        missing.append(f"Contacts are shown in one column: {error}")
        column = np.stack([np.zeros(len(rows)), PITCH_UM * rows], axis=1)
        return Probe(column, rows, np.zeros(len(rows), np.int64), name)


def _waveforms(folder: Path, numbers: I64, kept: Kept, read_from: Mapping[str, list[int]]) -> UnitWaveforms | None:
    """Waveforms of templates by their numbers, or those that were read and unwhitened the last time."""
    key = {"files": stamp(folder / name for name in SHAPED_BY), "units": read_from}
    found = kept.read(WAVEFORMS, key)
    if found is not None:
        return UnitWaveforms(found[0]["values"], found[1]["peak_index"], found[1]["scale"])
    made = template_waveforms(folder, numbers)
    if made is not None:
        kept.write(WAVEFORMS, key, {"values": made.values}, {"peak_index": made.peak_index, "scale": made.scale})
    return made


def _templates(
    folder: Path,
    waveforms: UnitWaveforms | None,
    index: SpikeIndex,
    numbers: I64,
    probe: Probe,
    missing: list[str],
) -> tuple[Templates, str]:
    """Waveforms of templates by their numbers, on all contacts."""
    every = np.broadcast_to(np.arange(probe.n_contacts), (len(numbers), probe.n_contacts))
    if waveforms is None or waveforms.values.shape[2] != probe.n_contacts:
        missing.append("There is no templates.npy that fits the probe: waveforms and similar units are not shown.")
        return Templates(np.zeros((len(numbers), 2, probe.n_contacts), np.float32), every, 0), "raw"
    n_templates = len(required_array(folder, "templates"))
    n_lost = int(np.diff(index.edges)[(index.numbers < 0) | (index.numbers >= n_templates)].sum())
    missing += lost_spikes_notes(n_lost, index.n_spikes, n_templates, folder.resolve().name)
    unit = {"raw numbers": "raw"}.get(waveforms.scale, waveforms.scale)
    return Templates(waveforms.values, every, int(waveforms.peak_index)), unit


def _amplitude(folder: Path, order: I64 | None, missing: list[str]) -> tuple[NDArray[Any] | None, str]:
    for name, unit in (("spike_amplitude_uv", "µV"), ("amplitudes", "as the sorter counts it")):
        found = _column(folder, name, order)
        if found is not None:
            return found.ravel(), unit
    missing.append("There is no amplitudes.npy: amplitude over time is not shown.")
    return None, ""


def _features(
    folder: Path, template_numbers: I64, order: I64 | None, n_spikes: int, missing: list[str]
) -> SpikeFeatures | None:
    """Features of the spikes, mapped; of some of them only, where the sorter stored no more."""
    scores, contacts = optional_array(folder, "pc_features"), optional_array(folder, "pc_feature_ind")
    if scores is None or contacts is None or scores.ndim != 3 or contacts.ndim != 2:
        missing.append("There are no pc_features.npy and pc_feature_ind.npy: features are not shown.")
        return None
    if int(template_numbers.max(initial=-1)) >= len(contacts) or contacts.shape[1] != scores.shape[2]:
        missing.append("pc_features.npy and pc_feature_ind.npy do not fit the units: features are not shown.")
        return None
    stored, spikes = order, optional_array(folder, "pc_feature_spike_ids")
    if spikes is not None or len(scores) < n_spikes:
        row = np.full(n_spikes, -1, np.int64)
        given = np.arange(len(scores)) if spikes is None else np.asarray(spikes).ravel().astype(np.int64)
        fits = (given >= 0) & (given < n_spikes) & (np.arange(len(given)) < len(scores))
        row[given[fits]] = np.flatnonzero(fits)
        stored = row if order is None else row[order]
    if stored is not None and (stored < 0).any():
        missing.append(f"Features are stored of {int((stored >= 0).sum()):,} of {len(stored):,} spikes only.")
    of_templates = np.asarray(contacts)[template_numbers].astype(np.int64)
    return SpikeFeatures(scores.transpose(0, 2, 1), of_templates, stored)


def _recording(folder: Path, params: dict[str, Any], hz: float, missing: list[str]) -> Recording | None:
    """The raw files, in raw numbers; None where they are not there."""
    given = params.get("dat_path") or []
    paths = [folder / path for path in ([given] if isinstance(given, str) else given)]
    n_channels, dtype = int(params.get("n_channels_dat", 0)), np.dtype(params.get("dtype", "int16"))
    if not paths or not n_channels or not all(path.is_file() for path in paths):
        missing.append("The raw file is not where params.py says: single spikes are not shown.")
        return None
    header_bytes = int(params.get("offset", 0))
    lengths = [(path.stat().st_size - header_bytes) // (n_channels * dtype.itemsize) for path in paths]
    starts = tuple(np.cumsum([0, *lengths]).tolist())
    files = RawFiles(tuple(map(str, paths)), starts, n_channels, dtype.str, header_bytes)
    return Recording(files, starts[-1], n_channels, hz, file_starts=starts[:-1], has_gain=False, name=folder.name)
