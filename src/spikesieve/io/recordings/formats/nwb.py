"""Neurodata Without Borders: each ElectricalSeries of an .nwb file. Needs h5py, and no other library.

Layout: https://nwb-schema.readthedocs.io, ElectricalSeries: volts = data * conversion * channel_conversion + offset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.probes.shanks import separate_shanks, shank_numbers
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.chunks import ChunkCache
from spikesieve.io.recordings.formats.base import (
    MIN_SAMPLING_HZ,
    Format,
    Found,
    Opened,
    Stream,
    damage_as_sentence,
    files_below,
)
from spikesieve.io.recordings.formats.hdf5 import import_h5py, is_hdf5, require_filters
from spikesieve.io.recordings.gaps import find_parts_of_times, with_parts, with_times_of_samples
from spikesieve.io.recordings.numbers import Numbers, is_readable, recording_of
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.model import F64, I64, Probe, Recording

ELECTRODES = "general/extracellular_ephys/electrodes"
DELAYS = "inter_sample_shift"
# Pieces that are decoded and kept are at least this long, because chunks may be short.
MIN_ROWS, CHUNKS_KEPT = 16_384, 8
# Steps of time from which the sampling rate is taken.
N_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class NwbSamples:
    """Samples of an ElectricalSeries; a `ReadSamples` that can be pickled.

    Attributes
    ----------
    path : str
        The file.
    dataset : str
        The data in it.
    bounds : tuple of int
        First sample of each piece that is read at once, then the number of all samples.
    n_channels : int
        Channels.
    itemsize : int
        Bytes of a number.
    cache : ChunkCache
        Pieces that were read last.
    """

    path: str
    dataset: str
    bounds: tuple[int, ...]
    n_channels: int
    itemsize: int
    cache: ChunkCache = field(default_factory=lambda: ChunkCache(CHUNKS_KEPT))

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels)."""
        return read_pieces(self._read_piece, self.bounds, start, stop)

    @property
    def held_bytes(self) -> int:
        """See `Cached.held_bytes`."""
        longest = max(end - first for first, end in pairwise(self.bounds))
        return self.cache.n_kept * longest * self.n_channels * self.itemsize

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. The file and the data in it."""
        return file_identity(self.path), self.dataset

    def _read_piece(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        return self.cache.get(
            (self.path, self.dataset, index), lambda: self._read_file(*self.bounds[index : index + 2])
        )[start:stop]

    def _read_file(self, start: int, stop: int) -> NDArray[np.generic]:
        try:
            with import_h5py(Path(self.path)).File(self.path, "r") as file:
                samples = np.asarray(file[self.dataset][start:stop])
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{self.path} cannot be read at sample {start}: {error}. Copy it again.") from error
        return samples.reshape(-1, self.n_channels)


def find(path: Path) -> Found | None:
    """Look for an NWB file with an ElectricalSeries.

    Parameters
    ----------
    path : Path
        An HDF5 file, or a folder with one .nwb file in it.

    Returns
    -------
    Found or None
        A stream for each ElectricalSeries.

    Raises
    ------
    InputError
        If h5py is not installed, or the file is damaged or has no ElectricalSeries.
    """
    if path.is_dir():
        files = files_below(path, "*.nwb")
        return find(files[0]) if len(files) == 1 else None
    if not is_hdf5(path) or (path.suffix != ".nwb" and not _is_nwb(path)):
        return None
    h5py = import_h5py(path)
    with damage_as_sentence(path, "an NWB file"), h5py.File(path, "r") as file:
        version = _text(file.attrs["nwb_version"])
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if _is_series(item) else None)
        streams = tuple(Stream(name, partial(_open, path, name), _is_sortable(file[name], name)) for name in names)
    if not streams:
        raise InputError(f"{path} is an NWB file without an ElectricalSeries, so it holds no recording to sort.")
    return Found(f"nwb_version is {version}, and it has {len(streams)} ElectricalSeries", streams)


def _is_nwb(path: Path) -> bool:
    """Whether a file of another name is one of NWB; False if that cannot be found out."""
    try:
        with import_module("h5py").File(path, "r") as file:
            return "nwb_version" in file.attrs
    except (ImportError, OSError):
        return False


def _is_series(item: Any) -> bool:
    return _text(item.attrs.get("neurodata_type", "")) == "ElectricalSeries"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _is_sortable(series: Any, name: str) -> bool:
    return "LFP" not in name.upper() and _sampling_hz(series) >= MIN_SAMPLING_HZ


def _sampling_hz(series: Any) -> float:
    if "starting_time" in series:
        return float(series["starting_time"].attrs["rate"])
    steps_s = np.diff(np.asarray(series["timestamps"][: N_STEPS + 1], np.float64))
    usual_s = np.median(steps_s)  # of one sample; longer ones are gaps
    return float(1 / steps_s[np.abs(steps_s / usual_s - 1) <= 0.5].mean())


def _open(path: Path, name: str) -> tuple[Opened, ...]:
    with damage_as_sentence(path, "an NWB file"), import_h5py(path).File(path, "r") as file:
        series = file[name]
        data = series["data"]
        n_samples, n_channels = int(data.shape[0]), int(data.shape[1]) if data.ndim == 2 else 1
        if not (n_samples and n_channels and data.ndim <= 2 and is_readable(data.dtype)):
            raise ValueError(f"{name} holds {data.dtype.name} of shape {data.shape}")
        require_filters(data, path)
        recording = recording_of(
            NwbSamples(str(path.absolute()), f"{name}/data", _bounds(data), n_channels, data.dtype.itemsize),
            (n_samples, n_channels),
            _sampling_hz(series),
            _numbers(series, n_channels),
            path,
            name=f"{path.name}/{name.rpartition('/')[2]}",
            delay_samples=_delays(file, series),
        )
        probe, notes = _probe(file, series, path.name)
        return (Opened(_with_clock(recording, series, path), probe, notes),)


def _bounds(data: Any) -> tuple[int, ...]:
    """Pieces that begin where chunks begin."""
    rows = int(data.chunks[0]) if data.chunks else MIN_ROWS
    rows *= -(-MIN_ROWS // rows)
    return (*range(0, int(data.shape[0]), rows), int(data.shape[0]))


def _numbers(series: Any, n_channels: int) -> Numbers:
    """Gains and offsets. A conversion of 1 V for each number of a converter was never set."""
    data = series["data"]
    dtype = np.dtype(data.dtype.name)
    conversion, offset_v = float(data.attrs.get("conversion", 1.0)), float(data.attrs.get("offset", 0.0))
    of_channels = np.asarray(series["channel_conversion"][:], np.float64) if "channel_conversion" in series else None
    if conversion == 1.0 and of_channels is None and dtype.kind != "f":
        return Numbers(dtype)
    volts = conversion * (np.ones(n_channels) if of_channels is None else of_channels)
    if volts.shape != (n_channels,) or not (np.isfinite(volts).all() and volts.all()):
        raise ValueError("a conversion is 0, not a number, or not one for each channel")
    return Numbers(dtype, volts * 1e6, -offset_v / volts + 0.0)


def _with_clock(recording: Recording, series: Any, path: Path) -> Recording:
    session = f"NWB {path.absolute()}"
    if "starting_time" in series:
        return with_parts(recording, (0,), (float(series["starting_time"][()]),), session)
    times_s = series["timestamps"]
    if len(times_s) != recording.n_samples:
        raise ValueError(f"{len(times_s)} timestamps of {recording.n_samples} samples")
    starts = find_parts_of_times(times_s, recording.sampling_hz)
    return with_times_of_samples(recording, starts, times_s, session)


def _electrodes(file: Any, series: Any) -> tuple[Any, I64]:
    """The table of electrodes, and the row of each channel in it; None without one."""
    region = series.get("electrodes")
    if region is None:
        return None, np.empty(0, np.int64)
    table = file[region.attrs["table"]] if "table" in region.attrs else file[ELECTRODES]
    return table, np.asarray(region[:], np.int64)


def _delays(file: Any, series: Any) -> F64:
    """Delays that neuroconv writes into the table of electrodes; a channel without one is not delayed."""
    table, rows = _electrodes(file, series)
    if table is None or DELAYS not in table:
        return np.array(0.0)
    return np.nan_to_num(np.asarray(table[DELAYS][:], np.float64)[rows])


def _probe(file: Any, series: Any, name: str) -> tuple[Probe | None, tuple[str, ...]]:
    """Contacts by rel_x and rel_y of the table of electrodes; x, y and z are places in the brain."""
    table, rows = _electrodes(file, series)
    if table is None:
        return None, ()
    if "rel_x" not in table or "rel_y" not in table:
        return None, ("Its table of electrodes has no rel_x and rel_y, the places of contacts on the probe.",)
    positions_um = np.stack([np.asarray(table[column][:], np.float64)[rows] for column in ("rel_x", "rel_y")], axis=1)
    if not np.isfinite(positions_um).all():
        return None, ("Its table of electrodes has contacts without rel_x and rel_y, their places on the probe.",)
    groups = [_text(group) for group in table["group_name"][:]] if "group_name" in table else None
    shanks = shank_numbers(["0" if groups is None else groups[row] for row in rows])
    return Probe(separate_shanks(positions_um, shanks), np.arange(len(rows)), shanks, name), ()


NWB = Format("nwb", "NWB", find, "an HDF5 file with nwb_version and an ElectricalSeries")
