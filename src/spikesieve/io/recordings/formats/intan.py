"""Intan: .rhd and .rhs files, alone or split by time; or info.rhd with a file for each signal or each channel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.recordings.formats.base import Format, Found, Opened, Stream, damage_as_sentence, files_below
from spikesieve.io.recordings.formats.intan_header import MAGIC, IntanHeader, read_intan_header
from spikesieve.io.recordings.gaps import find_parts, find_parts_by_halves, with_parts
from spikesieve.io.recordings.numbers import Numbers, recording_of
from spikesieve.model import I64, ReadSamples, Recording

GAIN_UV = 0.195
"""Of every amplifier channel of Intan."""
INFO_NAMES = ("info.rhd", "info.rhs")
SPLIT_NAME = re.compile(r"(?P<base>.*?)_?\d{6}_\d{6}")  # name_YYMMDD_HHMMSS


@dataclass(frozen=True, eq=False)
class BlockSamples:
    """Amplifier samples of a file in the traditional format; a `ReadSamples` that can be pickled.

    Each block holds the numbers of its samples, then channel after channel, then other inputs.

    Attributes
    ----------
    path : str
        The file.
    header_bytes : int
        Where the first block begins.
    block_bytes : int
        Length of a block.
    block_samples : int
        Samples of a block.
    n_channels : int
        Amplifier channels.
    """

    path: str
    header_bytes: int
    block_bytes: int
    block_samples: int
    n_channels: int

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels) uint16."""
        first, end = start // self.block_samples, -(-stop // self.block_samples)
        begin = 4 * self.block_samples
        data = self._blocks(first, end)[:, begin : begin + 2 * self.block_samples * self.n_channels]
        blocks = np.ascontiguousarray(data).view("<u2").reshape(-1, self.n_channels, self.block_samples)
        samples = blocks.transpose(0, 2, 1).reshape(-1, self.n_channels)
        return samples[start - first * self.block_samples :][: stop - start]

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. The file and its layout."""
        layout = (self.header_bytes, self.block_bytes, self.block_samples, self.n_channels)
        return (file_identity(self.path), *layout)

    def numbers(self, start: int, stop: int) -> I64:
        """Read the numbers of samples.

        Parameters
        ----------
        start, stop : int
            First sample and end.

        Returns
        -------
        ndarray of int64, shape (stop - start,)
            As the system counted them; negative before a trigger.
        """
        first, end = start // self.block_samples, -(-stop // self.block_samples)
        data = self._blocks(first, end)[:, : 4 * self.block_samples]
        numbers = np.ascontiguousarray(data).view("<i4").ravel()
        return numbers[start - first * self.block_samples :][: stop - start].astype(np.int64)

    def _blocks(self, first: int, end: int) -> NDArray[np.uint8]:
        n_bytes = (end - first) * self.block_bytes
        try:
            data = np.fromfile(self.path, np.uint8, n_bytes, offset=self.header_bytes + first * self.block_bytes)
        except OSError as error:
            raise InputError(f"{self.path} can no longer be read: {error.strerror}. Check the drive.") from error
        if len(data) < n_bytes:
            raise InputError(f"{self.path} has become shorter since it was opened. Start again when it is complete.")
        return data.reshape(end - first, self.block_bytes)


@dataclass(frozen=True, eq=False)
class ChannelFiles:
    """Samples with a file for each channel; a `ReadSamples` that can be pickled.

    Attributes
    ----------
    paths : tuple of str
        The file of each channel, int16.
    """

    paths: tuple[str, ...]

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels) int16."""
        samples = np.empty((len(self.paths), stop - start), "<i2")
        for path, row in zip(self.paths, samples, strict=True):
            values = np.fromfile(path, "<i2", stop - start, offset=2 * start)
            if len(values) < len(row):
                raise InputError(f"{path} has become shorter since it was opened. Start again when it is complete.")
            row[:] = values
        return np.ascontiguousarray(samples.T)

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. All files."""
        return tuple(map(file_identity, self.paths))


def find(path: Path) -> Found | None:
    """Look for recordings of Intan.

    Parameters
    ----------
    path : Path
        A .rhd, .rhs or amplifier.dat file, or a folder with them in it or below.

    Returns
    -------
    Found or None
        A stream for each recording. Files that were split by time follow one another.
    """
    if path.is_file() and path.suffix == ".dat":
        headers = [path.parent / name for name in INFO_NAMES if (path.parent / name).is_file()]
    else:
        headers = files_below(path, "*.rh[ds]")
    headers = [header for header in headers if _kind(header) is not None]
    if not headers:
        return None
    groups: dict[tuple[Path, str], list[Path]] = {}
    for header in headers:
        groups.setdefault((header.parent, _base(header)), []).append(header)
    top = path if path.is_dir() else path.parent
    streams = tuple(
        Stream(_stream_name(folder, base, top), partial(_open_all, tuple(files)))
        for (folder, base), files in groups.items()
    )
    return Found(f"{headers[0].name} begins as a header of Intan ({_kind(headers[0])})", streams)


def _base(path: Path) -> str:
    """Name of a recording: that of its file, without the date and time that tell its parts apart."""
    named = SPLIT_NAME.fullmatch(path.stem)
    return named["base"] if named else path.stem


def _stream_name(folder: Path, base: str, top: Path) -> str:
    inner = folder.relative_to(top).as_posix()
    names = [part for part in (inner, base) if part not in (".", "", "info")]
    return "/".join(names) or "amplifier"


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return MAGIC.get(file.read(4))
    except OSError:
        return None


def _open_all(headers: tuple[Path, ...]) -> tuple[Opened, ...]:
    return tuple(_open(header) for header in headers)


def _open(path: Path) -> Opened:
    with damage_as_sentence(path, "a file of Intan"):
        header = read_intan_header(path)
        if not header.names or not header.sampling_hz > 0:
            raise ValueError("it has no amplifier channel or no sampling rate")
    if path.name not in INFO_NAMES:
        return _traditional(path, header)
    signal = path.parent / "amplifier.dat"
    return _one_file(path, signal, header) if signal.is_file() else _file_for_each_channel(path, header)


def _traditional(path: Path, header: IntanHeader) -> Opened:
    n_blocks, rest = divmod(path.stat().st_size - header.n_bytes, header.block_bytes)
    if n_blocks == 0:
        raise InputError(f"{path} has a header but no block of samples. Copy it again.")
    samples = BlockSamples(
        str(path.absolute()), header.n_bytes, header.block_bytes, header.block_samples, header.n_amplifiers
    )
    n_samples = n_blocks * header.block_samples
    recording = _recording(path, samples, n_samples, header)
    recording = _with_numbers(recording, find_parts_by_halves(samples.numbers, n_samples), samples.numbers, path)
    notes = (f"{path} ends within a block, as after a crash: its last {rest} bytes are not read.",) if rest else ()
    return Opened(recording, None, notes)


def _one_file(path: Path, signal: Path, header: IntanHeader) -> Opened:
    n_samples, rest = divmod(signal.stat().st_size, 2 * header.n_amplifiers)
    if rest or n_samples == 0:
        raise InputError(
            f"{signal} has {signal.stat().st_size} bytes, not a whole number of samples of the {header.n_amplifiers} "
            f"channels of {path.name}: it was cut short, or the two do not belong together. Copy both again."
        )
    samples = RawFiles((str(signal.absolute()),), (0, n_samples), header.n_amplifiers, "<i2")
    return _with_time_file(_recording(signal, samples, n_samples, header), path)


def _file_for_each_channel(path: Path, header: IntanHeader) -> Opened:
    files = [path.parent / f"amp-{name}.dat" for name in header.names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{path} names channels without a file: {', '.join(missing[:5])}. Copy the whole folder again."
        )
    sizes = {file.stat().st_size for file in files}
    if len(sizes) > 1 or min(sizes) < 2:
        raise InputError(
            f"The files of the channels beside {path} have {len(sizes)} sizes, or are empty. Copy them again."
        )
    samples = ChannelFiles(tuple(str(file.absolute()) for file in files))
    return _with_time_file(_recording(path, samples, min(sizes) // 2, header), path)


def _recording(path: Path, samples: ReadSamples, n_samples: int, header: IntanHeader) -> Recording:
    is_unsigned = isinstance(samples, BlockSamples)
    return recording_of(
        samples,
        (n_samples, header.n_amplifiers),
        header.sampling_hz,
        Numbers(np.dtype("<u2" if is_unsigned else "<i2"), GAIN_UV),
        path,
        name=path.name if is_unsigned else path.parent.name,
        paths=tuple(samples.paths) if isinstance(samples, ChannelFiles) else (str(path),),
        channel_names=header.names,
    )


def _with_time_file(recording: Recording, path: Path) -> Opened:
    """Gaps and clock from time.dat, the number of each sample."""
    file = path.parent / "time.dat"
    if not file.is_file() or file.stat().st_size < 4 * recording.n_samples:
        note = f"{file} is missing or too short, so gaps in the recording cannot be seen."
        return Opened(recording, None, (note,))
    numbers = np.memmap(file, "<i4", "r", shape=(recording.n_samples,))
    read = partial(_slice, numbers)
    return Opened(_with_numbers(recording, find_parts(numbers), read, path))


def _slice(numbers: NDArray[np.int32], start: int, stop: int) -> I64:
    return np.asarray(numbers[start:stop], np.int64)


def _with_numbers(recording: Recording, starts: I64, read: Callable[[int, int], I64], path: Path) -> Recording:
    times_s = [int(read(start, start + 1)[0]) / recording.sampling_hz for start in starts.tolist()]
    return with_parts(recording, starts, times_s, f"Intan {path.parent.absolute()} {_base(path)}")


INTAN = Format("intan", "Intan", find, "a .rhd or .rhs file")
