"""SpikeInterface recordings, or anything with their reading methods, as ours: read lazily, never copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.numbers import DTYPES, Numbers, is_readable, recording_of
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.io.recordings.spikeinterface_chain import OneAtATime, is_phase_shifted, safe_in_threads
from spikesieve.model import F64, Probe, Recording

DELAYS = "inter_sample_shift"
"""Property in which SpikeInterface keeps when each channel is sampled, as a fraction of a sample."""

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
    lock : OneAtATime
        Lets one thread read at a time, unless the source is known to be safe.
    """

    source: Any
    starts: tuple[int, ...]
    n_channels: int
    dtype: str
    lock: OneAtATime

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
        with self.lock:
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
        SpikeInterfaceSamples(source, starts, n_channels, dtype.str, OneAtATime(not safe_in_threads(source))),
        (starts[-1], n_channels),
        source.get_sampling_frequency(),
        _numbers(source, name, dtype),
        Path(name),
        segments=tuple((a, b) for a, b in pairwise(starts) if a < b),
        file_starts=starts[:-1],
        name=name,
        paths=(),
        channel_names=names,
        delay_samples=_delays(source),
        is_filtered=bool(source.is_filtered()) if hasattr(source, "is_filtered") else False,
    )


def probe_of_spikeinterface(source: Any, name: str) -> Probe | None:
    """Take the probe that a recording carries.

    Parameters
    ----------
    source : object
        A `spikeinterface.BaseRecording`, or anything with its reading methods.
    name : str
        Name of the recording.

    Returns
    -------
    Probe or None
        None if the recording does not say where its contacts are.

    Raises
    ------
    InputError
        Its contacts cannot be sorted, such as two at one place.
    """
    for method in ("get_probegroup", "get_probe"):
        found = _call_if_present(source, method)
        if isinstance(found, probeinterface.Probe | probeinterface.ProbeGroup):
            return probe_of_probeinterface(found, f"the probe of {name}")
    locations = _call_if_present(source, "get_channel_locations")
    if locations is None:
        return None
    positions_um = np.asarray(locations, np.float64)[:, :2]
    groups = _call_if_present(source, "get_channel_groups")
    n = len(positions_um)
    shanks = np.zeros(n, np.int64) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    return Probe(positions_um, np.arange(n), shanks.astype(np.int64), f"the probe of {name}")


def _call_if_present(source: Any, method: str) -> Any:
    """Result of a method of a SpikeInterface recording; None if it has no such method or no probe."""
    if not hasattr(source, method):
        return None
    try:
        return getattr(source, method)()
    # Without a probe, SpikeInterface raises ValueError, and 0.102 nothing narrower than Exception.
    except Exception:  # noqa: BLE001
        return None


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


def _delays(source: Any) -> F64:
    """When each channel is sampled, if the recording says it and its channels were not brought to one time."""
    has_any = hasattr(source, "get_property_keys") and DELAYS in source.get_property_keys()
    if not has_any or is_phase_shifted(source):
        return np.array(0.0)
    return np.nan_to_num(np.asarray(source.get_property(DELAYS), np.float64))


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
        What the raw numbers mean. Channels with a gain of 0 or without a gain hold no voltage.

    Raises
    ------
    InputError
        If that is so for all channels.
    """
    if gain_uv is None:
        return Numbers(dtype)
    is_unknown = ~np.isfinite(gain_uv) | (gain_uv == 0)
    if is_unknown.all():
        raise InputError(
            f"The recording {name!r} has gains, but those of all channels are 0 or no number. Set them with "
            "recording.set_channel_gains."
        )
    gain_uv = np.where(is_unknown, 1.0, gain_uv)
    # Adding 0 turns the -0.0 of a recording without offsets into 0.0.
    offset_raw = None if offset_uv is None else np.where(is_unknown, 0.0, -offset_uv / gain_uv) + 0.0
    return Numbers(dtype, gain_uv, offset_raw, tuple(np.flatnonzero(is_unknown).tolist()))


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
