"""Recordings from objects that are cut like arrays: HDF5 datasets, Zarr arrays, wrappers around a reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.recordings.numbers import DTYPES, Numbers, is_readable, recording_of
from spikesieve.io.recordings.spikeinterface_chain import OneAtATime
from spikesieve.model import Recording


@dataclass(frozen=True, eq=False)
class ArrayLikeSamples:
    """Raw samples of an object that is cut like an array; a `ReadSamples`.

    Attributes
    ----------
    source : object
        Has `shape` (samples, channels), `dtype`, and gives rows by a slice.
    lock : OneAtATime
        Lets one thread read at a time.
    """

    source: Any
    lock: OneAtATime

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels)."""
        with self.lock:
            return np.asarray(self.source[start:stop, :])


def recording_of_array_like(
    source: Any, n_channels: int, sampling_hz: float, gain_uv: float | None = None
) -> Recording:
    """Make a recording of an object that is cut like an array. Samples are read later.

    Parameters
    ----------
    source : object
        Has `shape` (samples, channels), `dtype`, and gives rows by a slice.
    n_channels : int
        Number of channels that it must have.
    sampling_hz : float
        Sampling rate in Hz.
    gain_uv : float, optional
        uV per raw number.

    Returns
    -------
    Recording
        The recording.

    Raises
    ------
    InputError
        If the object has another shape or type.

    Examples
    --------
    >>> recording_of_array_like(np.zeros((300, 4), np.int16), 4, 30_000.0).n_samples
    300
    """
    shape = tuple(getattr(source, "shape", ()))
    if len(shape) != 2 or shape[1] != n_channels:
        raise InputError(
            f"The object with the samples has the shape {shape}. It needs (samples, {n_channels}): check the number of "
            "channels, or turn it round."
        )
    if isinstance(source, np.ndarray):
        return recording_from_array(source, sampling_hz, gain_uv)
    dtype = np.dtype(source.dtype)
    if not is_readable(dtype):
        raise InputError(f"The samples are of type {dtype.name}. They need {', '.join(DTYPES)} or float64.")
    samples = ArrayLikeSamples(source, OneAtATime(True))
    whole = int(shape[0]), int(shape[1])
    return recording_of(samples, whole, sampling_hz, Numbers(dtype, gain_uv), Path("array"), paths=())
