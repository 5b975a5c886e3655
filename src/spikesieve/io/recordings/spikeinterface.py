"""SpikeInterface recordings, or anything with their reading methods, as ours: read lazily, never copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.numbers import DTYPES, Numbers, is_readable, recording_of
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.model import F64, Recording

NEEDED_METHODS = ("get_num_segments", "get_num_samples", "get_traces", "get_sampling_frequency")
"""An object with these can be read."""


@dataclass(frozen=True, eq=False)
class SpikeInterfaceSamples:
    """Raw samples of an object with SpikeInterface's reading methods; a `ReadSamples`.

    It pickles where the object does.

    Attributes
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.
    starts : tuple of int, length n_segments + 1
        First sample of each of its segments, and the number of all samples.
    n_channels : int
        Its channels.
    dtype : str
        NumPy's name of its type.
    """

    source: Any
    starts: tuple[int, ...]
    n_channels: int
    dtype: str

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1 of all segments in a row: (stop - start, n_channels), not scaled to uV."""
        return read_pieces(self._read_segment, self.starts, start, stop)

    def identity(self) -> tuple[object, ...] | None:
        """See `Identifiable.identity`. Recordings in memory and objects of other libraries have none.

        It is SpikeInterface's own description of the recording, with path, size and time of change of its files.
        """
        if not (hasattr(self.source, "check_serializability") and self.source.check_serializability("json")):
            return None
        recipe = self.source.to_dict(include_annotations=False, include_properties=False, recursive=True)
        files = tuple(file for path in _paths_in(recipe) for file in _file_identities(path))
        try:
            text = json.dumps(recipe, sort_keys=True, default=_for_json)
        except TypeError:
            return None
        # A recipe without a file may stand for anything, such as data on a server.
        return (text, *files) if files else None

    def _read_segment(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        return np.asarray(self.source.get_traces(segment_index=index, start_frame=start, end_frame=stop))


def is_spikeinterface_recording(source: object) -> bool:
    """Tell whether an object can be read like a SpikeInterface recording.

    Parameters
    ----------
    source : object
        Anything.

    Returns
    -------
    bool
        Whether it has SpikeInterface's reading methods.

    Examples
    --------
    >>> is_spikeinterface_recording(np.zeros((10, 2)))
    False
    """
    counts_channels = hasattr(source, "get_num_channels") or hasattr(source, "get_channel_ids")
    return counts_channels and all(hasattr(source, name) for name in NEEDED_METHODS)


def from_spikeinterface(source: Any) -> Recording:
    """Make a recording from an object with SpikeInterface's reading methods. Nothing is read or copied.

    Its segments follow one another; spike times count on from one to the next, and no filter crosses their borders.

    Parameters
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.

    Returns
    -------
    Recording
        With the gains and offsets of the source, where it has them.

    Raises
    ------
    InputError
        For an empty recording, samples of a type that cannot be sorted, and gains of 0.
    """
    name = str(getattr(source, "name", None) or type(source).__name__)
    lengths = [int(source.get_num_samples(segment_index=index)) for index in range(int(source.get_num_segments()))]
    counted = source.get_num_channels() if hasattr(source, "get_num_channels") else len(source.get_channel_ids())
    n_channels = int(counted)
    if n_channels == 0 or sum(lengths) == 0:
        raise InputError(
            f"The recording {name!r} has {n_channels} channels and {sum(lengths)} samples. "
            "It needs at least one of each."
        )
    dtype = _dtype(source, name)
    starts = tuple(int(start) for start in np.concatenate([[0], np.cumsum(lengths)]))
    names = tuple(map(str, source.get_channel_ids())) if hasattr(source, "get_channel_ids") else ()
    return recording_of(
        SpikeInterfaceSamples(source, starts, n_channels, dtype.str),
        (starts[-1], n_channels),
        source.get_sampling_frequency(),
        _numbers(source, name, dtype),
        Path(name),
        segments=tuple((a, b) for a, b in pairwise(starts) if a < b),
        file_starts=starts[:-1],
        name=name,
        paths=(),
        channel_names=names,
    )


def _dtype(source: Any, name: str) -> np.dtype[np.generic]:
    if hasattr(source, "get_dtype"):
        dtype: np.dtype[Any] = np.dtype(source.get_dtype())
    else:
        dtype = np.asarray(source.get_traces(segment_index=0, start_frame=0, end_frame=1)).dtype
    if not is_readable(dtype):
        raise InputError(
            f"The recording {name!r} holds {dtype.name}. It needs {', '.join(DTYPES)} or float64: use "
            "spikeinterface.preprocessing.astype."
        )
    return dtype


def _numbers(source: Any, name: str, dtype: np.dtype[Any]) -> Numbers:
    gain_uv, offset_uv = (_of_channels(source, method) for method in ("get_channel_gains", "get_channel_offsets"))
    return numbers_of(dtype, gain_uv, offset_uv, name)


def numbers_of(dtype: np.dtype[Any], gain_uv: F64 | None, offset_uv: F64 | None, name: str) -> Numbers:
    """Turn SpikeInterface's uV = raw * gain + offset into our uV = (raw - offset_raw) * gain.

    Parameters
    ----------
    dtype : dtype
        Type of the raw numbers.
    gain_uv, offset_uv : ndarray of float64, shape (n_channels,), or None
        What SpikeInterface calls gain_to_uV and offset_to_uV.
    name : str
        Name of the recording in error messages.

    Returns
    -------
    Numbers
        What the raw numbers mean.

    Raises
    ------
    InputError
        For gains of 0, or that are no numbers.
    """
    if gain_uv is None:
        return Numbers(dtype)
    if not (np.isfinite(gain_uv) & (gain_uv != 0)).all():
        raise InputError(
            f"The recording {name!r} has a gain of 0 or none at all on channel(s) "
            f"{np.flatnonzero(~np.isfinite(gain_uv) | (gain_uv == 0))[:10].tolist()}. Set it with "
            "recording.set_channel_gains, or leave these channels out with recording.select_channels."
        )
    # Adding 0 turns the -0.0 of a recording without offsets into 0.0.
    return Numbers(dtype, gain_uv, None if offset_uv is None else -offset_uv / gain_uv + 0.0)


def _of_channels(source: Any, method: str) -> F64 | None:
    found = getattr(source, method)() if hasattr(source, method) else None
    return None if found is None else np.asarray(found, np.float64)


def _for_json(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no text of its own")


def _paths_in(value: object) -> Iterator[Path]:
    """Files and folders that a recipe names, in order."""
    if isinstance(value, str):
        # Texts that are no paths, too long ones among them, name no file.
        if len(value) < 4096 and "\0" not in value and Path(value).is_absolute() and Path(value).exists():
            yield Path(value)
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _paths_in(entry)
    elif isinstance(value, Sequence):
        for entry in value:
            yield from _paths_in(entry)


def _file_identities(path: Path) -> Iterator[tuple[int, str]]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return (file_identity(str(file)) for file in files)
