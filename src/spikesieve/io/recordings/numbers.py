"""What raw numbers mean: their types, the number of 0 V, gains and limits; and the recording that they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.model import F64, ReadSamples, Recording

# Raw files are little-endian on every machine.
DTYPES = {"int16": "<i2", "uint16": "<u2", "int32": "<i4", "float32": "<f4"}


@dataclass(frozen=True, eq=False)
class Numbers:
    """How raw numbers become uV: (raw - offset_raw) * gain_uv.

    Attributes
    ----------
    dtype : dtype
        Their type.
    gain_uv : ndarray of float64, shape (n_channels,), float or None
        uV per raw number; None: unknown.
    offset_raw : ndarray of float64, shape (n_channels,), float or None
        Raw number of 0 V; None: that of the type.
    not_voltage : tuple of int
        Channels that hold no voltage, or none whose gain is known.
    """

    dtype: np.dtype[Any]
    gain_uv: F64 | float | None = None
    offset_raw: F64 | float | None = None
    not_voltage: tuple[int, ...] = ()


def recording_of(
    read: ReadSamples, shape: tuple[int, int], sampling_hz: float, numbers: Numbers, path: Path, **others: Any
) -> Recording:
    """Make a recording of the samples of a file.

    Parameters
    ----------
    read : ReadSamples
        Its samples.
    shape : (int, int)
        Number of samples, and of channels.
    sampling_hz : float
        Sampling rate in Hz.
    numbers : Numbers
        What its numbers mean.
    path : Path
        The file, which gives the recording its name.
    **others
        Other attributes of the recording, or such as differ from those of a file.

    Returns
    -------
    Recording
        The recording. Its converter has the limits of the type, and without a gain amplitudes stay in raw numbers.

    Examples
    --------
    >>> samples = np.zeros((10, 4), np.uint16)
    >>> read = lambda start, stop: samples[start:stop]
    >>> recording = recording_of(read, samples.shape, 30_000.0, Numbers(samples.dtype), Path("run.bin"))
    >>> recording.name, recording.has_gain, float(recording.offset_raw[0]), recording.range_raw
    ('run.bin', False, 32768.0, (0.0, 65535.0))
    """
    gain_uv = 1.0 if numbers.gain_uv is None else numbers.gain_uv
    zero = offset_raw(numbers.dtype) if numbers.offset_raw is None else numbers.offset_raw
    known = {
        "gain_uv": np.asarray(gain_uv, np.float64),
        "offset_raw": np.asarray(zero, np.float64),
        "range_raw": range_raw(numbers.dtype),
        "has_gain": numbers.gain_uv is not None,
        "name": path.name,
        "paths": (str(path),),
        "not_voltage": numbers.not_voltage,
    }
    return Recording(read, *shape, float(sampling_hz), **known | others)


def is_readable(dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers of a type can be sorted.

    Parameters
    ----------
    dtype : dtype
        Their type.

    Returns
    -------
    bool
        True for floats and the types in `DTYPES`.

    Examples
    --------
    >>> is_readable(np.dtype("float64")), is_readable(np.dtype("uint8"))
    (True, False)
    """
    return dtype.kind == "f" or dtype.name in DTYPES


def offset_raw(dtype: np.dtype[np.generic]) -> float:
    """Return the raw number that means 0 V.

    Parameters
    ----------
    dtype : dtype
        Type of the raw numbers.

    Returns
    -------
    float
        32768 for unsigned types, else 0.

    Examples
    --------
    >>> offset_raw(np.dtype("uint16"))
    32768.0
    """
    return 32768.0 if dtype.kind == "u" else 0.0


def range_raw(dtype: np.dtype[np.generic]) -> tuple[float, float] | None:
    """Return the smallest and the largest raw number.

    Parameters
    ----------
    dtype : dtype
        Type of the raw numbers.

    Returns
    -------
    (float, float) or None
        Smallest and largest number of an integer type; None for floats.
    """
    if dtype.kind == "f":
        return None
    limits = np.iinfo(dtype.name)
    return float(limits.min), float(limits.max)
