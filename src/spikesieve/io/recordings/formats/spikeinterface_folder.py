"""Folders that SpikeInterface saves with format="binary": plain files, binary.json, and the probe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy
from spikesieve.io.probes.files import read_json
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.recordings.formats.base import Format, Found, Opened, Stream, damage_as_sentence
from spikesieve.io.recordings.gaps import find_parts_of_times, with_parts, with_times_of_samples
from spikesieve.io.recordings.numbers import is_readable, recording_of
from spikesieve.io.recordings.spikeinterface import DELAYS, numbers_of
from spikesieve.io.recordings.spikeinterface_chain import PHASE_SHIFT
from spikesieve.model import F64, Probe, Recording
from spikesieve.model.text import counted

INDEX, CLASS = "binary.json", "BinaryRecordingExtractor"
PROVENANCE = ("provenance.json", "provenance.pkl", "provenance.pickle")
PROBES = ("probegroup.json", "probe.json")  # the second one until version 0.104


def find(path: Path) -> Found | None:
    """Look for a folder of SpikeInterface.

    Parameters
    ----------
    path : Path
        The folder, its binary.json, or one of its traces.

    Returns
    -------
    Found or None
        One stream. Its segments follow one another.

    Raises
    ------
    InputError
        If binary.json is damaged.
    """
    index = (path if path.is_dir() else path.parent) / INDEX
    if not index.is_file():
        return None
    with damage_as_sentence(index, "a binary.json of SpikeInterface"):
        content = json.loads(index.read_text(encoding="utf-8"))
        if not str(content["class"]).endswith(CLASS):
            return None
        names = [Path(name).name for name in content["kwargs"]["file_paths"]]
    if path.is_file() and path.name not in (INDEX, *names):
        return None
    stream = Stream("traces", partial(_open_all, index, content))
    return Found(f"{INDEX} names {counted(len(names), 'file')} of {CLASS}", (stream,))


def probe_by_column(probe: Probe) -> Probe:
    """Make columns of the channels of a saved probe: SpikeInterface saves channels in the order of their numbers.

    Parameters
    ----------
    probe : Probe
        With the numbers of the recording from which the channels were taken.

    Returns
    -------
    Probe
        The contact with the lowest number is in column 0.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.array([14, 9]), np.zeros(2, np.int64))
    >>> probe_by_column(probe).channels.tolist()
    [1, 0]
    """
    return replace(probe, channels=np.unique(probe.channels, return_inverse=True)[1].astype(np.int64))


def with_times(recording: Recording, start_s: float | None, times_s: Any, session: str) -> Recording:
    """Give a segment of SpikeInterface its clock.

    Parameters
    ----------
    recording : Recording
        The segment.
    start_s : float or None
        Time of its first sample in s; None or NaN: unknown.
    times_s : array_like of float, shape (n_samples,), or None
        Time of each sample in s, which wins over `start_s`.
    session : str
        See `Clock.session`.

    Returns
    -------
    Recording
        The recording; its segments end where times jump.
    """
    if times_s is not None:
        starts = find_parts_of_times(times_s, recording.sampling_hz)
        return with_times_of_samples(recording, starts, times_s, session)
    if start_s is None or not np.isfinite(start_s):
        return recording
    return with_parts(recording, (0,), (float(start_s),), session)


def _open_all(index: Path, content: Mapping[str, Any]) -> tuple[Opened, ...]:
    folder = index.parent
    with damage_as_sentence(index, "a binary.json of SpikeInterface"):
        options = content["kwargs"]
        n_channels = int(options.get("num_channels") or options["num_chan"])
        if options.get("time_axis", 0) != 0:
            raise ValueError("time_axis is 1, so that channels follow one another: save it again with time_axis=0")
        dtype, hz, header = np.dtype(options["dtype"]), float(options["sampling_frequency"]), options["file_offset"]
        if not is_readable(dtype):
            raise ValueError(f"dtype {dtype.name}")
        gain, offset = (_of_channels(folder, options, name, n_channels) for name in ("gain_to_uV", "offset_to_uV"))
        files = [folder / name for name in options["file_paths"]]
        starts_s = options.get("t_starts") or [None] * len(files)
    numbers = numbers_of(dtype, gain, offset, str(folder))
    name = next((folder / name for name in PROBES if (folder / name).is_file()), None)
    probe = None if name is None else probe_by_column(read_json(name))
    is_filtered = bool((content.get("annotations") or {}).get("is_filtered"))
    opened = []
    for number, (path, start_s) in enumerate(zip(files, starts_s, strict=True)):
        n_samples = _n_samples(path, n_channels * dtype.itemsize, int(header or 0))
        samples = RawFiles((str(path.absolute()),), (0, n_samples), n_channels, dtype.str, int(header or 0))
        known = {"name": folder.name, "delay_samples": _delays(folder), "is_filtered": is_filtered}
        recording = recording_of(samples, (n_samples, n_channels), hz, numbers, path, **known)
        times_s = _times(folder, options, number)
        opened.append(Opened(with_times(recording, start_s, times_s, str(folder.absolute())), probe))
    return tuple(opened)


def _of_channels(folder: Path, options: Mapping[str, Any], name: str, n_channels: int) -> F64 | None:
    found = options.get(name)
    saved = folder / "properties" / f"{name}.npy"
    if found is None and saved.is_file():
        found = load_npy(saved)
    return None if found is None else np.broadcast_to(np.asarray(found, np.float64), (n_channels,)).copy()


def _delays(folder: Path) -> F64:
    """When each channel is sampled, if that is known and the folder was not made by a `phase_shift`."""
    saved = folder / "properties" / f"{DELAYS}.npy"
    made_from = b"".join((folder / name).read_bytes() for name in PROVENANCE if (folder / name).is_file())
    if not saved.is_file() or PHASE_SHIFT.encode() in made_from:
        return np.array(0.0)
    delays: F64 = np.nan_to_num(np.load(saved, allow_pickle=False).astype(np.float64))
    return delays


def _times(folder: Path, options: Mapping[str, Any], number: int) -> Any:
    """Time of each sample of a segment in s, or None. Until version 0.104 it is an array of NumPy."""
    path = folder / f"times_cached_seg{number}.npy"
    if path.is_file():
        return load_npy(path, is_mapped=True)
    names = options.get("file_timestamps_paths")
    return np.memmap(folder / names[number], "<f8", "r") if names else None


def _n_samples(path: Path, sample_bytes: int, header_bytes: int) -> int:
    if not path.is_file():
        raise InputError(f"{path} is missing, but {INDEX} names it. Copy the whole folder again.")
    n_samples, rest = divmod(path.stat().st_size - header_bytes, sample_bytes)
    if rest or n_samples <= 0:
        raise InputError(
            f"{path} has {path.stat().st_size} bytes, not a whole number of samples of {sample_bytes} bytes, as "
            f"{INDEX} says: it was cut short. Copy it again."
        )
    return n_samples


SPIKEINTERFACE = Format("spikeinterface", "a SpikeInterface folder", find, "a binary.json")
