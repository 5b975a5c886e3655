"""Read anything that can be compared: a path or an object becomes an `ExternalSorting`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.results.kilosort2_intermediates import add_saved_intermediates, read_intermediates_sorting
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.io.sortings.npz import read_npz
from spikesieve.io.sortings.phy import read_phy
from spikesieve.io.sortings.pykilosort import find_intermediate_folder, read_pykilosort
from spikesieve.io.sortings.rez_mat import read_rez
from spikesieve.io.sortings.spikeinterface import (
    SAVED_FILES,
    from_sorting_object,
    is_sorting_object,
    read_saved_sorting,
)
from spikesieve.model import Sorting
from spikesieve.model.external import (
    DriftTraces,
    ExternalSorting,
    SorterIntermediates,
    UnitWaveforms,
    trains_in_time_order,
)

FORMATS = (
    "It can be a result of spikesieve, a Phy folder, a rez.mat, a pykilosort intermediate folder, a SpikeInterface "
    "sorting, or an npz with spike_times, spike_clusters and sampling_hz."
)


def read_any_sorting(source: object, sampling_hz: float | None = None) -> ExternalSorting:
    """Read a sorting by any program.

    Parameters
    ----------
    source : Path, str, Sorting, spikeinterface.BaseSorting or ExternalSorting
        A file or folder, or a sorting in memory.
    sampling_hz : float, optional
        Sampling rate in Hz, used if the source has none.

    Returns
    -------
    ExternalSorting
        The sorting, with at least one spike.

    Raises
    ------
    InputError
        If the source is no sorting, is damaged, or has no spikes.
    """
    if isinstance(source, ExternalSorting):
        sorting = source
    elif isinstance(source, Sorting):
        sorting = _from_sorting(source, source.probe.name)
    elif isinstance(source, str | Path):
        try:
            sorting = _read_path(Path(source), sampling_hz)
        except (OSError, ValueError, IndexError, TypeError) as error:
            # Arrays of unexpected shape or type make the readers fail in these ways.
            raise InputError(
                f"{source} cannot be read as a sorting ({error}). A file is damaged or of another kind: write it again."
            ) from error
    elif is_sorting_object(source):
        sorting = from_sorting_object(source)
    else:
        raise InputError(f"A {type(source).__name__} cannot be compared. {FORMATS}")
    if sorting.n_spikes == 0:
        raise InputError(f"{sorting.name} ({sorting.kind}) has no spikes to compare. Give a sorting that has spikes.")
    _require_same_contacts(sorting)
    return sorting


def _require_same_contacts(sorting: ExternalSorting) -> None:
    """Raise InputError if templates, channels and positions differ in their number of contacts."""
    sizes = {
        "templates": None if sorting.waveforms is None else sorting.waveforms.values.shape[2],
        "channel numbers": None if sorting.channels is None else len(sorting.channels),
        "positions": None if sorting.positions_um is None else len(sorting.positions_um),
    }
    known = {what: n for what, n in sizes.items() if n is not None}
    if len(set(known.values())) > 1:
        found = ", ".join(f"{what} of {n} contacts" for what, n in known.items())
        raise InputError(f"{sorting.name} has {found}. They must be of the same contacts: write the files again.")


def _read_path(path: Path, sampling_hz: float | None) -> ExternalSorting:
    if not path.exists():
        raise InputError(f"{path} does not exist. Check the name. {FORMATS}")
    if path.suffix == ".npz":
        return read_npz(path, sampling_hz)
    if path.suffix == ".mat":
        return read_rez(path)
    if path.suffix == ".h5":
        return read_intermediates_sorting(path)
    if path.suffix in (".json", ".zarr") or any((path / name).is_file() for name in SAVED_FILES):
        return read_saved_sorting(path)
    if (path / "provenance.json").is_file() and (path / "units.csv").is_file():
        return add_saved_intermediates(_read_result_folder(path), path)
    if (path / "spike_times.npy").is_file():
        return read_phy(path, sampling_hz)
    intermediate_folder = find_intermediate_folder(path) if path.is_dir() else None
    if intermediate_folder is not None:
        return read_pykilosort(intermediate_folder, sampling_hz)
    if (path / "rez.mat").is_file():
        return read_rez(path / "rez.mat")
    raise InputError(f"{path} contains no sorting that can be read. {FORMATS}")


def _from_sorting(sorting: Sorting, name: str) -> ExternalSorting:
    """A sorting of spikesieve in memory."""
    spikes, units = sorting.spikes, sorting.units
    trains, (amplitude,), _ = trains_in_time_order(spikes.sample, spikes.unit, name, spikes.amplitude_uv)
    values = sorting.templates.dense_uv(sorting.probe.n_contacts)[trains.units]
    return ExternalSorting(
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
        segments=sorting.segments,
        intermediates=SorterIntermediates(
            whitening=sorting.whitening.astype(np.float64),
            drift=None if sorting.motion is None else DriftTraces.from_motion(sorting.motion),
        ),
    )


def _read_result_folder(folder: Path) -> ExternalSorting:
    """A result folder of spikesieve: as it was sorted, or with the clusters made in Phy since."""
    in_phy = read_phy(folder)
    gain_uv = read_provenance(folder).get("recording", {}).get("gain_uv")
    # Gains that differ between channels are a list; a comparison reads its traces with one gain only.
    one_gain_uv = float(gain_uv) if gain_uv and not isinstance(gain_uv, list) else None
    raw = in_phy.raw and replace(in_phy.raw, gain_uv=one_gain_uv)
    as_sorted = _from_sorting(read_sorting(folder), in_phy.name)
    intermediates = replace(in_phy.intermediates, drift=as_sorted.intermediates.drift)
    is_unchanged = np.array_equal(as_sorted.trains.unit, in_phy.trains.unit) and np.array_equal(
        as_sorted.trains.units, in_phy.trains.units
    )
    # The numbers of spikes differ if placeholders for Phy follow the spikes of an almost empty result.
    if is_unchanged or len(as_sorted.trains.sample) != len(in_phy.trains.sample):
        return replace(as_sorted, raw=raw, intermediates=intermediates)
    note = f"{in_phy.name} was changed in Phy after it was sorted; the changed units are compared."
    notes, segments = (*in_phy.notes, note), as_sorted.segments
    return replace(in_phy, raw=raw, intermediates=intermediates, notes=notes, segments=segments)
