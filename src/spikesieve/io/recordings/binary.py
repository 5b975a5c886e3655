"""Raw binary recordings: interleaved samples (sample, channel), one file or several in a row, read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model import Recording

# Raw files are little-endian, whatever the machine that reads them.
DTYPES = {"int16": "<i2", "uint16": "<u2", "int32": "<i4", "float32": "<f4"}

# A file array with more columns than this and fewer rows is (channel, sample): no probe has so many contacts.
MOST_CHANNELS = 65_536

Paths = Sequence[Path | str] | Path | str


@dataclass(frozen=True)
class RawFiles:
    """Raw samples of several files in a row; a `ReadSamples` that is pickled as names and numbers only.

    The files are read, not memory-mapped: mapped pages count as resident memory of the process, and a mapped file that
    is cut short or lies on a lost network drive kills the process, where reading raises an error that can be explained.

    paths         one file each
    starts        first sample of each file, and the number of all samples: (n_files + 1,)
    n_channels    columns
    dtype         NumPy's name of the raw type, byte order included
    header_bytes  bytes to skip at the start of each file
    """

    paths: tuple[str, ...]
    starts: tuple[int, ...]
    n_channels: int
    dtype: str
    header_bytes: int = 0

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Samples start..stop-1 of the whole recording: (stop - start, n_channels) in the file's own type.

        Raises InputError when a file can no longer be read or has become shorter.
        """
        pieces = [
            self._read_file(index, max(start, first) - first, min(stop, end) - first)
            for index, (first, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True))
            if first < stop and start < end
        ]
        if not pieces:
            return np.empty((0, self.n_channels), self.dtype)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _read_file(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        path = self.paths[index]
        n_values = (stop - start) * self.n_channels
        offset = self.header_bytes + start * self.n_channels * np.dtype(self.dtype).itemsize
        try:
            values = np.fromfile(path, self.dtype, count=n_values, offset=offset)
        except OSError as error:
            raise InputError(
                f"{path} cannot be read any more: {error.strerror}. Check the drive and start again."
            ) from error
        if len(values) < n_values:
            raise InputError(
                f"{path} has become shorter since it was opened: {len(values)} of {n_values} values were left at "
                f"sample {start}. Wait until nothing writes to it, then start again."
            )
        return values.reshape(-1, self.n_channels)


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Raw samples that are already in memory (or mapped by the caller): a `ReadSamples`.

    samples  (n_samples, n_channels) raw numbers
    """

    samples: NDArray[np.generic]

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Samples start..stop-1: (stop - start, n_channels), a view."""
        return self.samples[start:stop]


def read_recording(
    paths: Paths,
    n_channels: int,
    sampling_hz: float,
    dtype: str = "int16",
    gain_uv: float | None = None,
    header_bytes: int = 0,
) -> Recording:
    """A recording from raw binary files; several files in a row are one recording with borders that nothing crosses.

    paths         one file, or several in order of time; all have the same channels, type and header
    n_channels    columns of the file, those without a contact included
    sampling_hz   sampling rate in Hz
    dtype         int16, uint16 (32768 means 0 V), int32 or float32, little-endian
    gain_uv       uV per raw number (negative turns the signal over); None: unknown, amplitudes stay in raw numbers
    header_bytes  bytes to skip at the start of each file

    Nothing is read yet. To sort only a part, pass the result to `spikesieve.io.recordings.segments.select_times`.
    Raises InputError for a missing, empty, unreadable or truncated file and for numbers that cannot be.
    """
    names = as_paths(paths)
    _check_numbers(n_channels, sampling_hz, gain_uv, header_bytes)
    raw = _raw_dtype(dtype)
    lengths = [_n_samples(path, n_channels, raw, header_bytes) for path in names]
    starts = tuple(int(s) for s in np.concatenate([[0], np.cumsum(lengths)]))
    texts = tuple(str(path) for path in names)
    return Recording(
        read=RawFiles(texts, starts, n_channels, raw.str, header_bytes),
        n_samples=starts[-1],
        n_channels=n_channels,
        sampling_hz=float(sampling_hz),
        gain_uv=1.0 if gain_uv is None else float(gain_uv),
        zero_raw=_zero_raw(raw),
        range_raw=_range_raw(raw),
        file_starts=starts[:-1],
        has_gain=gain_uv is not None,
        name=names[0].name,
        paths=texts,
    )


def recording_from_array(array: NDArray[np.generic], sampling_hz: float, gain_uv: float | None = None) -> Recording:
    """A recording from an array in memory.

    array        (n_samples, n_channels) int16, uint16 (32768 means 0 V), int32 or any float; not copied
    sampling_hz  sampling rate in Hz
    gain_uv      uV per raw number; None: unknown, amplitudes stay in raw numbers. Give 1.0 for an array in uV.

    Raises InputError for another shape or type, an empty array, and numbers that cannot be.
    """
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"The array has shape {array.shape}. It needs (samples, channels), with at least one of each.")
    n_samples, n_channels = array.shape
    if n_channels > max(n_samples, MOST_CHANNELS):
        raise InputError(
            f"The array has shape {array.shape}, so {n_samples} samples of {n_channels} channels. "
            "It needs (samples, channels): give array.T."
        )
    if array.dtype.kind != "f" and array.dtype.name not in DTYPES:
        raise InputError(
            f"The array holds {array.dtype.name}. It needs {', '.join(DTYPES)} or float64: use array.astype."
        )
    _check_numbers(n_channels, sampling_hz, gain_uv, 0)
    return Recording(
        read=ArraySamples(array),
        n_samples=n_samples,
        n_channels=n_channels,
        sampling_hz=float(sampling_hz),
        gain_uv=1.0 if gain_uv is None else float(gain_uv),
        zero_raw=_zero_raw(array.dtype),
        range_raw=_range_raw(array.dtype),
        has_gain=gain_uv is not None,
        name="array",
    )


def as_paths(paths: Paths) -> tuple[Path, ...]:
    """One path or several as a tuple; raises InputError when there is none."""
    found = (Path(paths),) if isinstance(paths, (str, Path)) else tuple(Path(path) for path in paths)
    if not found:
        raise InputError("No recording was given. Name at least one raw binary file.")
    return found


def _check_numbers(n_channels: int, sampling_hz: float, gain_uv: float | None, header_bytes: int) -> None:
    if n_channels < 1:
        raise InputError(
            f"The number of channels is {n_channels}. Give the columns of the file, at least 1, with --channels."
        )
    if not (math.isfinite(sampling_hz) and sampling_hz > 0):
        raise InputError(
            f"The sampling rate is {sampling_hz} Hz. Give a number above 0, such as 30000, with --sampling-hz."
        )
    if gain_uv is not None and not (math.isfinite(gain_uv) and gain_uv != 0):
        raise InputError(
            f"The gain is {gain_uv} uV per raw number. Give a number other than 0 with --gain-uv, or leave it out."
        )
    if header_bytes < 0:
        raise InputError(f"The header is {header_bytes} bytes long. Give 0 or more with --header-bytes.")


def _raw_dtype(dtype: str) -> np.dtype[np.generic]:
    if dtype not in DTYPES:
        raise InputError(f"The raw type {dtype!r} is unknown. Give one of {', '.join(DTYPES)} with --dtype.")
    return np.dtype(DTYPES[dtype])


def _zero_raw(dtype: np.dtype[np.generic]) -> float:
    return 32768.0 if dtype.kind == "u" else 0.0


def _range_raw(dtype: np.dtype[np.generic]) -> tuple[float, float] | None:
    if dtype.kind == "f":
        return None
    limits = np.iinfo(dtype.name)
    return float(limits.min), float(limits.max)


def _n_samples(path: Path, n_channels: int, dtype: np.dtype[np.generic], header_bytes: int) -> int:
    """Samples in one file; raises InputError when it cannot hold a recording of this shape."""
    data_bytes = file_size_bytes(path) - header_bytes
    if data_bytes <= 0:
        raise InputError(
            f"{path} has {data_bytes + header_bytes} bytes, no more than its header of {header_bytes} bytes. "
            "Check --header-bytes, or copy the file again."
        )
    n_samples, rest = divmod(data_bytes, n_channels * dtype.itemsize)
    if rest:
        raise InputError(
            f"{path} holds {data_bytes} bytes after its header, not a multiple of {n_channels} channels x "
            f"{dtype.itemsize} bytes ({dtype.name}): {rest} bytes are left over. "
            f"{_fitting_counts(data_bytes, n_channels, dtype.itemsize)} Check --channels, --dtype and --header-bytes; "
            "if the file was cut short, copy it again or cut these bytes off."
        )
    return n_samples


def _fitting_counts(data_bytes: int, n_channels: int, itemsize: int) -> str:
    """A sentence with the five channel counts nearest to the given one of which the file is a multiple."""
    near = range(max(1, n_channels - 64), n_channels + 65)
    fitting = [n for n in near if data_bytes % (n * itemsize) == 0]
    nearest = sorted(sorted(fitting, key=lambda n: abs(n - n_channels))[:5])
    return f"Channel counts near it that fit: {', '.join(map(str, nearest))}." if nearest else "No count near it fits."


def file_size_bytes(path: Path) -> int:
    """Size of a raw file; raises InputError when it is missing, no plain file, compressed, empty or not readable."""
    if path.suffix == ".cbin":
        raise InputError(f"{path} is compressed (mtscomp). Decompress it to a .bin file first.")
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a directory or a device, not a file. Give the raw binary file itself.")
        with path.open("rb") as file:
            size: int = file.seek(0, 2)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Check its name and folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions and the drive.") from error
    if size == 0:
        raise InputError(f"{path} is empty. Copy the recording again.")
    return size
