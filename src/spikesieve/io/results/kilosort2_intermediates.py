"""The intermediate results of the method kilosort2 in one HDF5 file, written and read as a sorting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError, OutputError
from spikesieve.io.sortings.arrays import drift_of_batches, low_rank_waveforms, peak_depths_um
from spikesieve.model.external import ExternalSorting, SorterIntermediates, trains_in_time_order

FILE_NAME = "kilosort2.h5"
# Arrays with at least this many values are compressed.
MIN_COMPRESSED_SIZE = 1_000_000
NEEDED = ("st3", "fs", "W", "U", "mu", "Wrot", "chanMap", "xc", "yc")


def require_h5py() -> Any:
    """Import h5py.

    Returns
    -------
    module
        The module h5py.

    Raises
    ------
    OutputError
        If it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise OutputError(
            "Saving the intermediate results needs h5py, which is not installed. "
            'Install it with: pip install "spikesieve[matlab]".'
        ) from error
    return h5py


def write_intermediates(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one dataset per array, in NumPy's order of axes. Large arrays are compressed.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    arrays : mapping of str to ndarray
        Arrays by name.

    Raises
    ------
    OutputError
        If h5py is not installed or the file cannot be written.
    """
    h5py = require_h5py()
    try:
        with h5py.File(path, "w", track_order=True) as file:
            for name, values in arrays.items():
                large = values.size >= MIN_COMPRESSED_SIZE
                file.create_dataset(name, data=values, compression="gzip" if large else None, shuffle=large)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}). Check the folder and the free space.") from error


def read_intermediates(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays that `write_intermediates` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        Arrays by name.

    Raises
    ------
    InputError
        If h5py is not installed, or the file is damaged or lacks an array.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path} is an HDF5 file, and reading it needs h5py, which is not installed. "
            'Install it with: pip install "spikesieve[matlab]".'
        ) from error
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: np.asarray(dataset[()]) for name, dataset in file.items() if hasattr(dataset, "shape")}
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be read as HDF5 ({error}). Sort again to make a new one.") from error
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}: it was not written by spikesieve. Give {FILE_NAME}.")
    return arrays


def _intermediates(arrays: Mapping[str, NDArray[Any]]) -> SorterIntermediates:
    batch_s = float(arrays["NT"]) / float(arrays["fs"]) if "NT" in arrays else 1.0
    starts = arrays.get("batch_start")
    return SorterIntermediates(
        whitening=arrays["Wrot"].astype(np.float64),
        drift=drift_of_batches(arrays.get("dshift"), arrays.get("yblk"), batch_s),
        ccb0=arrays.get("ccb0"),
        ccbsort=arrays.get("ccbsort"),
        iorig=arrays.get("iorig"),
        batch_time_s=None if starts is None else starts / float(arrays["fs"]) + batch_s / 2,
    )


def add_saved_intermediates(sorting: ExternalSorting, folder: Path) -> ExternalSorting:
    """Add the intermediate results on batches that are saved in a result folder.

    Parameters
    ----------
    sorting : ExternalSorting
        The sorting in the folder.
    folder : Path
        The result folder.

    Returns
    -------
    ExternalSorting
        With the intermediate results; unchanged if none are saved, with a note if the file is damaged.
    """
    if not (folder / FILE_NAME).is_file():
        return sorting
    try:
        found = _intermediates(read_intermediates(folder / FILE_NAME))
    except InputError as error:
        note = f"The intermediate results of {sorting.name} are left out. {error}"
        return replace(sorting, notes=(*sorting.notes, note))
    batches = {name: getattr(found, name) for name in ("ccb0", "ccbsort", "iorig", "batch_time_s")}
    return replace(sorting, intermediates=replace(sorting.intermediates, **batches))


def read_intermediates_sorting(path: Path) -> ExternalSorting:
    """Read the sorting that the intermediate results describe.

    Parameters
    ----------
    path : Path
        The file that `write_intermediates` wrote.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If h5py is not installed, or the file is damaged, lacks an array, or arrays have another shape.
    """
    arrays = read_intermediates(path)
    st3 = arrays["st3"]
    if st3.ndim != 2 or st3.shape[1] != 5:
        raise InputError(
            f"st3 in {path} has the shape {st3.shape}; 5 columns are needed. Sort again to make a new file."
        )
    unit = st3[:, 1].astype(np.int64)
    name = path.resolve().parent.name
    sample = st3[:, 0].astype(np.int64)
    trains, (amplitude, template), notes = trains_in_time_order(sample, unit, name, st3[:, 2], unit)
    positions_um = np.column_stack([arrays["xc"], arrays["yc"]]).astype(np.float64)
    waveforms = low_rank_waveforms(arrays["W"], arrays["U"], arrays["mu"], arrays["Wrot"], trains, template)
    return ExternalSorting(
        name=name,
        kind="intermediate results of spikesieve's kilosort2",
        trains=trains,
        sampling_hz=float(arrays["fs"]),
        channels=arrays["chanMap"].astype(np.int64),
        positions_um=positions_um,
        shanks=arrays["kcoords"].astype(np.int64) if "kcoords" in arrays else None,
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="noise SD",
        unit_depth_um=peak_depths_um(waveforms, positions_um),
        intermediates=_intermediates(arrays),
        notes=notes,
    )
