"""Kilosort4's io: probes, ops, and preprocessed copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError, OutputError
from spikesieve.io.probes.kilosort4 import kilosort4_probe, write_kilosort4_json
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.plain_files import find_plain_file
from spikesieve.io.recordings.spikeinterface import from_spikeinterface
from spikesieve.io.results.kilosort4_files import write_ops_npy
from spikesieve.kilosort.filtered import FilteredFile, filtered_of
from spikesieve.kilosort.saved import load_ops as load_ops

AnyPath = str | PathLike[str]
OF_CONTACTS = ("chanMap", "xc", "yc", "kcoords")


def load_probe(probe_path: AnyPath) -> dict[str, Any]:
    """Read a probe file.

    Parameters
    ----------
    probe_path : path
        Kilosort4's `.json`, Kilosort2's `.mat`, `.prb`, or a file of probeinterface; or a name that
        `spikesieve.read_probe` takes, such as "neuropixels1:384".

    Returns
    -------
    dict
        "chanMap" int32 from 0, "xc", "yc" and "kcoords" float32, "n_chan" int.

    Raises
    ------
    InputError
        The file is missing or no probe.

    Examples
    --------
    >>> load_probe("linear:2:25")["yc"]
    array([ 0., 25.], dtype=float32)
    """
    return kilosort4_probe(read_probe(probe_path if isinstance(probe_path, str) else Path(probe_path)))


def save_probe(probe_dict: Mapping[str, Any], filepath: AnyPath) -> None:
    """Write a probe as JSON.

    Parameters
    ----------
    probe_dict : dict
        The probe, as `load_probe` returns it.
    filepath : path
        A file that ends in .json; replaced if it exists.

    Raises
    ------
    InputError
        The file has another ending.
    OutputError
        The file cannot be written.
    """
    path = Path(filepath)
    if path.suffix != ".json":
        raise InputError(f"The probe file {path} must end in .json.")
    write_kilosort4_json(path, dict(probe_dict))


def remove_bad_channels(probe: Mapping[str, Any], bad_channels: Sequence[int]) -> dict[str, Any]:
    """Leave channels out of a probe.

    Parameters
    ----------
    probe : dict
        The probe.
    bad_channels : sequence of int
        Channels of the file.

    Returns
    -------
    dict
        The probe without them.

    Examples
    --------
    >>> remove_bad_channels(load_probe("linear:3:25"), [1])["chanMap"]
    array([0, 2], dtype=int32)
    """
    return _contacts(probe, ~np.isin(probe["chanMap"], bad_channels))


def select_shank(probe: Mapping[str, Any], shank_idx: float) -> dict[str, Any]:
    """Keep one shank of a probe.

    Parameters
    ----------
    probe : dict
        The probe.
    shank_idx : float
        Its value of "kcoords".

    Returns
    -------
    dict
        The probe with the contacts of this shank.
    """
    return _contacts(probe, np.asarray(probe["kcoords"]) == shank_idx)


def find_binary(data_dir: AnyPath) -> Path:
    """Find the only raw file of a folder.

    Parameters
    ----------
    data_dir : path
        The folder.

    Returns
    -------
    Path
        The file that ends in .bin, .bat, .dat or .raw.

    Raises
    ------
    InputError
        There is none, or more than one.
    """
    return find_plain_file(Path(data_dir))


def save_ops(ops: Mapping[str, Any], results_dir: AnyPath | None = None) -> None:
    """Write ops.npy.

    Parameters
    ----------
    ops : dict
        As `run_kilosort` returns it.
    results_dir : path, optional
        Where to. Default: that of the sort.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    plain = {name: np.asarray(value) if name in ops.get("is_tensor", ()) else value for name, value in ops.items()}
    write_ops_npy(Path(results_dir or ops["results_dir"]) / "ops.npy", plain)


def bfile_from_ops(
    ops: Mapping[str, Any] | None = None,
    ops_path: AnyPath | None = None,
    filename: AnyPath | Sequence[AnyPath] | None = None,
    device: Any = None,
) -> FilteredFile:
    """Open the recording of an earlier sort, for `data_tools` and `save_preprocessing`.

    Parameters
    ----------
    ops : dict, optional
        As `run_kilosort` returns it.
    ops_path : path, optional
        ops.npy, where `ops` is not given.
    filename : path or list of paths, optional
        Where the raw files are now. Default: where they were.
    device : object, optional
        Not used: there are no devices.

    Returns
    -------
    FilteredFile
        The recording.

    Raises
    ------
    InputError
        Neither `ops` nor `ops_path` is given, or the files are gone.
    """
    if ops is None and ops_path is None:
        raise InputError("Give ops or ops_path.")
    return filtered_of(load_ops(ops_path) if ops is None and ops_path is not None else ops or {}, filename)


def save_preprocessing(
    filename: AnyPath,
    ops: Mapping[str, Any],
    bfile: FilteredFile | None = None,
    bfile_path: AnyPath | None = None,
    verbose: bool = False,
) -> None:
    """Write the whitened traces of a recording that was sorted: int16, 200 steps a noise SD, not corrected for drift.

    Parameters
    ----------
    filename : path
        The new file, with the samples and channels of the raw file.
    ops : dict
        As `run_kilosort` returns it.
    bfile : FilteredFile, optional
        The recording, from `bfile_from_ops`.
    bfile_path : path, optional
        The raw file. Default: the one that was sorted.
    verbose : bool, optional
        Not used.

    Raises
    ------
    InputError
        The raw file is gone.
    OutputError
        The file cannot be written.
    """
    file = bfile if bfile is not None else filtered_of(ops, bfile_path)
    try:
        file.write_whitened(Path(filename))
    except OSError as error:
        raise OutputError(f"{filename} cannot be written: {error.strerror or error}.") from error


class RecordingExtractorAsArray:
    """A recording of SpikeInterface as `file_object` of `run_kilosort`. Nothing is copied.

    Parameters
    ----------
    recording_extractor : object
        A `spikeinterface.BaseRecording`, with any number of segments. Its gains, sampling rate and borders of segments
        are used.
    """

    def __init__(self, recording_extractor: Any) -> None:
        self.recording = recording_extractor
        self.n_samples = sum(
            int(recording_extractor.get_num_samples(segment_index=i))
            for i in range(recording_extractor.get_num_segments())
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Samples of all segments, and channels."""
        return self.n_samples, int(self.recording.get_num_channels())

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples."""
        found: np.dtype[Any] = np.dtype(self.recording.get_dtype())
        return found

    def __getitem__(self, index: tuple[Any, ...] | slice) -> NDArray[np.generic]:
        rows, columns = index if isinstance(index, tuple) else (index, slice(None))
        start, stop, step = rows.indices(self.n_samples)
        return from_spikeinterface(self.recording).read(start, stop)[::step, columns]


def _contacts(probe: Mapping[str, Any], keep: NDArray[np.bool_]) -> dict[str, Any]:
    kept = {name: np.asarray(probe[name])[keep] for name in OF_CONTACTS if name in probe}
    return {**probe, **kept, "n_chan": int(keep.sum())}
