"""Open Ephys binary: structure.oebin names the streams, and each has a continuous.dat.

Layout: https://open-ephys.github.io/gui-docs/User-Manual/Recording-data/Binary-format.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.recordings.formats.base import (
    MIN_SAMPLING_HZ,
    Format,
    Found,
    Opened,
    Stream,
    damage_as_sentence,
    files_below,
)
from spikesieve.io.recordings.formats.open_ephys_probe import read_settings_probe
from spikesieve.io.recordings.gaps import find_parts, with_parts, with_times_of_samples
from spikesieve.io.recordings.numbers import Numbers, recording_of
from spikesieve.model import F64, I64, Recording
from spikesieve.model.text import counted

INDEX, DATA = "structure.oebin", "continuous.dat"
ANALOG = re.compile(r"ADC|^AI\d+$")
"""Names of analog inputs, AI of NI-DAQmx."""
OTHER_INPUTS = re.compile(rf"{ANALOG.pattern}|AUX|SYNC")
UV_PER_UNIT = {"uV": 1.0, "µV": 1.0, "mV": 1e3, "V": 1e6}


@dataclass(frozen=True, eq=False)
class _Piece:
    """One stream of one recording folder."""

    folder: Path  # recording1
    entry: Mapping[str, Any]  # what structure.oebin says of the stream

    @property
    def stream_folder(self) -> Path:
        return self.folder / "continuous" / str(self.entry["folder_name"])

    @property
    def key(self) -> tuple[str, str, str]:
        """Record node, experiment and stream. Before version 0.5 there was one node, without a folder."""
        experiment, node = self.folder.parent, self.folder.parent.parent
        return node.name if node.name.startswith("Record") else "", experiment.name, self.stream_folder.name

    @property
    def is_sortable(self) -> bool:
        is_slow = float(self.entry["sample_rate"]) < MIN_SAMPLING_HZ
        return not is_slow and "LFP" not in self.stream_folder.name and bool(len(_electrodes(self.entry)))


def find(path: Path) -> Found | None:
    """Look for recordings of Open Ephys in its binary format.

    Parameters
    ----------
    path : Path
        The whole tree, a folder in it, a structure.oebin or a continuous.dat.

    Returns
    -------
    Found or None
        A stream for each stream of each experiment; recordings of an experiment follow one another.

    Raises
    ------
    InputError
        If a structure.oebin is damaged.
    """
    if path.is_file() and path.name not in (INDEX, DATA):
        return None
    inside = path.parent if path.name == DATA else path
    indices = files_below(path, INDEX) or [
        folder / INDEX for folder in inside.absolute().parents[:2] if (folder / INDEX).is_file()
    ]
    if not indices:
        return None
    pieces = [piece for index in indices for piece in _pieces(index)]
    if path.name == DATA or (inside / DATA).is_file():
        pieces = [piece for piece in pieces if piece.stream_folder.absolute() == inside.absolute()]
    if not pieces:
        return None
    streams = _streams(pieces)
    return Found(f"{indices[0].parent.name}/{INDEX} names {counted(len(streams), 'stream')}", streams)


def _pieces(index: Path) -> Iterator[_Piece]:
    with damage_as_sentence(index, "a structure.oebin of Open Ephys"):
        for entry in json.loads(index.read_text(encoding="utf-8-sig"))["continuous"]:
            if not len(_gains_uv(entry)) or not float(entry["sample_rate"]) > 0:
                raise ValueError(f"{entry['folder_name']} has no channels or no sampling rate")
            yield _Piece(index.parent, entry)


def _streams(pieces: Sequence[_Piece]) -> tuple[Stream, ...]:
    groups: dict[tuple[str, str, str], list[_Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.key, []).append(piece)
    told_apart = [len({key[i] for key in groups}) > 1 for i in (0, 1)] + [True]
    return tuple(
        Stream(
            "/".join(part for part, is_needed in zip(key, told_apart, strict=True) if is_needed and part),
            partial(_open_all, tuple(group)),
            group[0].is_sortable,
            recorded_with="/".join(key[:2]),
        )
        for key, group in groups.items()
    )


def _open_all(pieces: tuple[_Piece, ...]) -> tuple[Opened, ...]:
    return tuple(_open(piece) for piece in pieces)


def _open(piece: _Piece) -> Opened:
    with damage_as_sentence(piece.folder / INDEX, "a structure.oebin of Open Ephys"):
        gain_uv, sampling_hz = _gains_uv(piece.entry), float(piece.entry["sample_rate"])
    path = piece.stream_folder / DATA
    n_channels = len(gain_uv)
    n_samples = _n_samples(path, n_channels)
    numbers, clock_notes = _sample_numbers(piece.stream_folder, n_samples)
    if numbers is not None and len(numbers) < n_samples:
        clock_notes += (
            f"{path} has {n_samples} samples but only {counted(len(numbers), 'sample number')}, as after a crash. "
            "Only samples with a number are read.",
        )
        n_samples = len(numbers)
    recording = recording_of(
        RawFiles((str(path.absolute()),), (0, n_samples), n_channels, "<i2"),
        (n_samples, n_channels),
        sampling_hz,
        Numbers(np.dtype("<i2"), gain_uv),
        path,
        name=f"{piece.folder.name}/{piece.stream_folder.name}",
        channel_names=tuple(str(channel.get("channel_name", "")) for channel in piece.entry["channels"]),
    )
    if numbers is not None:
        recording, notes = _with_clock(recording, numbers[:n_samples], piece)
        clock_notes += notes
    electrodes = _electrodes(piece.entry)
    settings = read_settings_probe(piece.folder.parent, piece.stream_folder.name, piece.entry["channels"], electrodes)
    if settings.delay_samples is not None:
        delays = np.zeros(n_channels)
        delays[electrodes] = settings.delay_samples
        recording = replace(recording, delay_samples=delays)
    return Opened(recording, settings.probe, (*clock_notes, *settings.notes))


def _n_samples(path: Path, n_channels: int) -> int:
    if not path.is_file():
        raise InputError(f"{path} is missing, but {INDEX} names it. Copy the whole recording again.")
    n_samples, rest = divmod(path.stat().st_size, 2 * n_channels)
    if rest or n_samples == 0:
        raise InputError(
            f"{path} has {path.stat().st_size} bytes, not a whole number of samples of {n_channels} channels: it was "
            f"cut short, or its {INDEX} is that of another recording. Copy both again."
        )
    return n_samples


def _is_electrode(channel: Mapping[str, Any]) -> bool:
    name, unit = str(channel.get("channel_name", "")), str(channel.get("units", ""))
    return unit in ("", "uV", "µV", "mV") and not OTHER_INPUTS.search(name)


def _electrodes(entry: Mapping[str, Any]) -> I64:
    """Columns with a voltage of an electrode: no analog inputs, accelerometers or sync."""
    return np.array([i for i, channel in enumerate(entry["channels"]) if _is_electrode(channel)], np.int64)


def _gains_uv(entry: Mapping[str, Any]) -> F64:
    """uV per raw number. Without a unit, bit_volts are uV for electrodes and V for analog inputs."""
    units = [str(channel.get("units", "")) for channel in entry["channels"]]
    per_unit = [
        UV_PER_UNIT.get(unit, 1.0) if unit or not ANALOG.search(str(channel.get("channel_name"))) else 1e6
        for unit, channel in zip(units, entry["channels"], strict=True)
    ]
    gains = np.array([float(channel["bit_volts"]) for channel in entry["channels"]]) * per_unit
    if not (np.isfinite(gains).all() and gains.all()):
        raise ValueError("a bit_volts is 0 or not a number")
    return gains


def _sample_numbers(folder: Path, n_samples: int) -> tuple[Any, tuple[str, ...]]:
    """Number of each sample. Before version 0.6 they are called timestamps."""
    for name in ("sample_numbers.npy", "timestamps.npy"):
        path = folder / name
        if path.is_file():
            with damage_as_sentence(path, "an array of sample numbers"):
                numbers = load_npy(path, is_mapped=True)
            if numbers.ndim == 1 and numbers.dtype.kind in "iu" and len(numbers):
                return numbers, ()
    return None, (f"{folder} has no sample numbers, so gaps in the recording cannot be seen.",)


def _with_clock(recording: Recording, numbers: Any, piece: _Piece) -> tuple[Recording, tuple[str, ...]]:
    starts = find_parts(numbers)
    counted_s = numbers[starts] / recording.sampling_hz
    session = f"Open Ephys {piece.folder.parent.absolute()}"
    names = ("timestamps.npy", "synchronized_timestamps.npy")
    for path in (piece.stream_folder / name for name in names if (piece.stream_folder / name).is_file()):
        if _are_sample_numbers(path):
            continue
        times_s = _synchronised(path, starts, recording)
        if times_s is not None:
            return with_times_of_samples(recording, starts, times_s, f"{session}, synchronised"), ()
        note = f"{path} has no usable times, so times are sample numbers divided by the sampling rate."
        return with_parts(recording, starts, counted_s.tolist(), session), (note,)
    return with_parts(recording, starts, counted_s.tolist(), session), ()


def _are_sample_numbers(path: Path) -> bool:
    """Whether a file of times is one of before version 0.6, which has sample numbers under this name."""
    with path.open("rb") as file, suppress(ValueError, EOFError):
        np.lib.format.read_magic(file)
        return np.lib.format.read_array_header_1_0(file)[2].kind in "iu"
    return False


def _synchronised(path: Path, starts: I64, recording: Recording) -> F64 | None:
    """Time of each sample in s, on disk; None if the times do not fit the samples."""
    ends = np.append(starts[1:], recording.n_samples) - 1
    lasting_s = (ends - starts) / recording.sampling_hz
    try:
        times: F64 = load_npy(path, is_mapped=True)
        first_s, last_s = np.asarray(times[starts], np.float64), np.asarray(times[ends], np.float64)
    except (OSError, ValueError, EOFError, IndexError):
        return None
    fits = np.abs(last_s - first_s - lasting_s) <= 0.01 * lasting_s + 2e-3
    return times if fits.all() and (first_s >= 0).all() and (np.diff(first_s) > 0).all() else None


OPEN_EPHYS = Format("openephys", "Open Ephys binary", find, "a structure.oebin")
