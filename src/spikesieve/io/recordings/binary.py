"""Raw binary recordings: interleaved samples (sample, channel) in one file or several, read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.array_samples import ArraySamples, file_identity
from spikesieve.io.recordings.numbers import DTYPES, Numbers, is_readable, recording_of
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.io.recordings.plain_files import file_size_bytes
from spikesieve.model import F64, Recording

# No probe has more contacts: a longer second axis is time.
MAX_CHANNELS = 65_536

Paths = Sequence[Path | str] | Path | str


@dataclass(frozen=True)
class RawFiles:
    """Raw samples of several files, one after the other; a `ReadSamples` that can be pickled.

    Attributes
    ----------
    paths : tuple of str
        The files, in order of time.
    starts : tuple of int, length n_files + 1
        First sample of each file, then the number of all samples.
    n_channels : int
        Number of channels (columns of the file).
    dtype : str
        NumPy's name of the raw type, byte order included.
    header_bytes : int
        Bytes to skip at the start of each file.

    Notes
    -----
    The files are read, not memory-mapped. Mapped pages count as memory of the process, and the process dies if a mapped
    file gets shorter or its network drive is lost. Reading raises an error instead.
    """

    paths: tuple[str, ...]
    starts: tuple[int, ...]
    n_channels: int
    dtype: str
    header_bytes: int = 0

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Read samples of the whole recording.

        Parameters
        ----------
        start, stop : int
            First sample, and the sample after the last one.

        Returns
        -------
        ndarray of shape (stop - start, n_channels)
            Raw numbers in the type of the file.

        Raises
        ------
        InputError
            If a file can no longer be read or has become shorter.
        """
        return read_pieces(self._read_file, self.starts, start, stop)

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. Size and pieces of each file, and its layout."""
        return (*map(file_identity, self.paths), self.starts, self.n_channels, self.dtype, self.header_bytes)

    def _read_file(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        path = self.paths[index]
        n_values = (stop - start) * self.n_channels
        offset = self.header_bytes + start * self.n_channels * np.dtype(self.dtype).itemsize
        try:
            values = np.fromfile(path, self.dtype, count=n_values, offset=offset)
        except OSError as error:
            raise InputError(
                f"{path} can no longer be read: {error.strerror}. Check the drive and start again."
            ) from error
        if len(values) < n_values:
            raise InputError(
                f"{path} has become shorter since it was opened: {len(values)} of {n_values} values are left at "
                f"sample {start}. Wait until no program writes to it, then start again."
            )
        return values.reshape(-1, self.n_channels)


def read_recording(
    paths: Paths,
    n_channels: int,
    sampling_hz: float,
    dtype: str = "int16",
    gain_uv: float | F64 | None = None,
    header_bytes: int = 0,
) -> Recording:
    """Open raw binary files as one recording. Samples are read later.

    To sort only a part, pass the recording to `select_times`.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        One file, or several in order of time with the same channels, type and header. No filter and no spike crosses
        the border between two files.
    n_channels : int
        Number of channels (columns of the file), those without a contact included.
    sampling_hz : float
        Sampling rate in Hz.
    dtype : str, optional
        Type of the samples: "int16", "uint16" (32768 is 0 V), "int32" or "float32", little-endian.
    gain_uv : float or ndarray of float64, shape (n_channels,), optional
        uV per raw number, one for all or one for each channel; a negative gain inverts the signal. None: unknown,
        amplitudes stay in raw numbers.
    header_bytes : int, optional
        Bytes to skip at the start of each file.

    Returns
    -------
    Recording
        The recording.

    Raises
    ------
    InputError
        If a file is missing, empty, unreadable or not a whole number of samples, or if a number is impossible.
    """
    files = as_paths(paths)
    require_numbers(n_channels, sampling_hz, gain_uv, header_bytes)
    raw = _raw_dtype(dtype)
    lengths = [_n_samples(path, n_channels, raw, header_bytes) for path in files]
    starts = tuple(int(start) for start in np.concatenate([[0], np.cumsum(lengths)]))
    names = tuple(str(path) for path in files)
    # A program that changes its working directory, and workers that start elsewhere, still find the files.
    absolute = tuple(str(path.absolute()) for path in files)
    return recording_of(
        RawFiles(absolute, starts, n_channels, raw.str, header_bytes),
        (starts[-1], n_channels),
        sampling_hz,
        Numbers(raw, gain_uv),
        files[0],
        file_starts=starts[:-1],
        paths=names,
    )


def recording_from_array(
    array: NDArray[np.generic], sampling_hz: float, gain_uv: float | F64 | None = None
) -> Recording:
    """Make a recording from an array in memory.

    Parameters
    ----------
    array : ndarray of int16, uint16, int32 or float, shape (n_samples, n_channels)
        Raw numbers; 32768 is 0 V in uint16. Not copied, and where it is memory-mapped not read either.
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : float or ndarray of float64, shape (n_channels,), optional
        uV per raw number; give 1.0 for an array in uV. None: unknown, amplitudes stay in raw numbers.

    Returns
    -------
    Recording
        The recording.

    Raises
    ------
    InputError
        If the array has another shape or type or is empty, or if a number is impossible.

    Examples
    --------
    >>> recording = recording_from_array(np.zeros((60_000, 4), np.int16), sampling_hz=30_000.0, gain_uv=0.195)
    >>> recording.n_channels, recording.duration_s
    (4, 2.0)
    """
    if array.ndim != 2 or array.size == 0:
        raise InputError(
            f"The array has the shape {array.shape}. It needs (samples, channels), with at least one of each."
        )
    n_samples, n_channels = array.shape
    if n_channels > max(n_samples, MAX_CHANNELS):
        raise InputError(
            f"The array has the shape {array.shape}, which means {n_samples} samples of {n_channels} channels. "
            "It needs (samples, channels): give array.T."
        )
    if not is_readable(array.dtype):
        raise InputError(
            f"The array is of type {array.dtype.name}. It needs {', '.join(DTYPES)} or float64: use array.astype."
        )
    require_numbers(n_channels, sampling_hz, gain_uv, 0)
    numbers = Numbers(array.dtype, gain_uv)
    return recording_of(ArraySamples(array), (n_samples, n_channels), sampling_hz, numbers, Path("array"), paths=())


def as_paths(paths: Paths) -> tuple[Path, ...]:
    """Make a tuple of paths from one path or several.

    Parameters
    ----------
    paths : Path, str, or sequence of them
        One path or several.

    Returns
    -------
    tuple of Path
        The paths.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> [path.name for path in as_paths("run.bin")]
    ['run.bin']
    """
    found = (Path(paths),) if isinstance(paths, (str, Path)) else tuple(Path(path) for path in paths)
    if not found:
        raise InputError("No recording was given. Give at least one raw binary file.")
    return found


def require_numbers(n_channels: int, sampling_hz: float, gain_uv: float | F64 | None, header_bytes: int) -> None:
    """Check numbers that a user gave.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : float or ndarray of float64 or None
        uV per raw number.
    header_bytes : int
        Length of the header.

    Raises
    ------
    InputError
        If one is impossible.
    """
    if n_channels < 1:
        raise InputError(f"The number of channels is {n_channels}. Give a number of at least 1 with --channels.")
    if not (math.isfinite(sampling_hz) and sampling_hz > 0):
        raise InputError(
            f"The sampling rate is {sampling_hz} Hz. Give a rate above 0, such as 30000, with --sampling-hz."
        )
    if gain_uv is not None and not (np.isfinite(gain_uv) & (np.asarray(gain_uv) != 0)).all():
        raise InputError(
            f"The gain is {gain_uv} µV per raw number. Give a number other than 0 with --gain-uv, or leave it out."
        )
    if header_bytes < 0:
        raise InputError(f"The header is {header_bytes} bytes long. Give 0 or more with --header-bytes.")


def _raw_dtype(dtype: str) -> np.dtype[np.generic]:
    if dtype not in DTYPES:
        raise InputError(f"The raw type {dtype!r} is unknown. Give one of {', '.join(DTYPES)} with --dtype.")
    return np.dtype(DTYPES[dtype])


def _n_samples(path: Path, n_channels: int, dtype: np.dtype[np.generic], header_bytes: int) -> int:
    """Number of samples in one file; raises InputError if it is not a whole number."""
    data_bytes = file_size_bytes(path) - header_bytes
    if data_bytes <= 0:
        raise InputError(
            f"{path} has {data_bytes + header_bytes} bytes and a header of {header_bytes} bytes, so it holds no "
            "samples. Check --header-bytes, or copy the file again."
        )
    n_samples, rest = divmod(data_bytes, n_channels * dtype.itemsize)
    if rest:
        raise InputError(
            f"{path} has {data_bytes} bytes after its header, not a multiple of {n_channels} channels x "
            f"{dtype.itemsize} bytes ({dtype.name}): {rest} bytes are left over. "
            f"{_fitting_counts(data_bytes, n_channels, dtype.itemsize)} Check --channels, --dtype and --header-bytes. "
            "If the file was cut short, copy it again or remove the bytes left over."
        )
    return n_samples


def _fitting_counts(data_bytes: int, n_channels: int, itemsize: int) -> str:
    """A sentence with the five nearest numbers of channels that fit the size of the file."""
    near = range(max(1, n_channels - 64), n_channels + 65)
    fitting = [n for n in near if data_bytes % (n * itemsize) == 0]
    nearest = sorted(sorted(fitting, key=lambda n: abs(n - n_channels))[:5])
    if not nearest:
        return "No number of channels near it fits."
    return f"Numbers of channels near it that fit: {', '.join(map(str, nearest))}."
