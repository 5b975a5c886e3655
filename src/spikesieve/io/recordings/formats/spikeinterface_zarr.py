"""Zarr folders that SpikeInterface saves with format="zarr"; also those of the Allen Institute. Needs zarr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.io.recordings.array_samples import file_identity
from spikesieve.io.recordings.chunks import ChunkCache
from spikesieve.io.recordings.formats.base import (
    MIN_SAMPLING_HZ,
    Format,
    Found,
    Opened,
    Stream,
    damage_as_sentence,
    natural_order,
)
from spikesieve.io.recordings.formats.spikeinterface_folder import probe_by_column, with_times
from spikesieve.io.recordings.numbers import DTYPES, is_readable, recording_of
from spikesieve.io.recordings.pieces import read_pieces
from spikesieve.io.recordings.spikeinterface import DELAYS, numbers_of
from spikesieve.io.recordings.spikeinterface_chain import PHASE_SHIFT
from spikesieve.model import Probe, Recording

TRACES = "traces_seg0"
ATTRIBUTES = (".zattrs", "zarr.json")
"""Files of attributes, in versions 2 and 3 of Zarr."""
CHUNKS_KEPT = 8
PACKAGE_OF_CODEC = {"wavpack": "wavpack-numcodecs", "flac": "flac-numcodecs", "zfpy": "zfpy", "pcodec": "pcodec"}
"""Packages to install for codecs that numcodecs does not bring."""


@dataclass(frozen=True, eq=False)
class ZarrSamples:
    """Samples of a Zarr array; a `ReadSamples` that pickles where the array does.

    Attributes
    ----------
    array : zarr.Array
        Samples (n_samples, n_channels).
    folder : str
        Folder of the array.
    cache : ChunkCache
        Chunks that were decoded last.
    """

    array: Any
    folder: str
    cache: ChunkCache = field(default_factory=lambda: ChunkCache(CHUNKS_KEPT))

    def __call__(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return samples start..stop-1: (stop - start, n_channels)."""
        return read_pieces(self._read_chunk, self.bounds, start, stop)

    @property
    def bounds(self) -> tuple[int, ...]:
        """First sample of each chunk, then the number of all samples."""
        n_samples = int(self.array.shape[0])
        return (*range(0, n_samples, int(self.array.chunks[0])), n_samples)

    @property
    def held_bytes(self) -> int:
        """See `Cached.held_bytes`."""
        return self.cache.n_kept * int(self.array.chunks[0]) * int(self.array.shape[1]) * int(self.array.dtype.itemsize)

    def identity(self) -> tuple[object, ...]:
        """See `Identifiable.identity`. The files in the folder of the array by size and time of change."""
        return tuple(file_identity(str(file)) for file in sorted(Path(self.folder).rglob("*")) if file.is_file())

    def _read_chunk(self, index: int, start: int, stop: int) -> NDArray[np.generic]:
        first = index * int(self.array.chunks[0])
        end = min(first + int(self.array.chunks[0]), int(self.array.shape[0]))
        return self.cache.get((self.folder, index), lambda: self._decode(first, end))[start:stop]

    def _decode(self, first: int, end: int) -> NDArray[np.generic]:
        try:
            samples: NDArray[np.generic] = np.asarray(self.array[first:end])
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"{self.folder} cannot be read at sample {first}: {error}. Copy it again.") from error
        return samples


def find(path: Path) -> Found | None:
    """Look for Zarr folders of SpikeInterface.

    Parameters
    ----------
    path : Path
        A Zarr folder, or a folder with some in it.

    Returns
    -------
    Found or None
        A stream for each Zarr folder. Segments follow one another.
    """
    if not path.is_dir():
        return None
    roots = (
        [path] if _is_recording(path) else natural_order(each for each in path.glob("*.zarr") if _is_recording(each))
    )
    if not roots:
        return None
    streams = tuple(Stream(root.stem, partial(_open_all, root), _is_sortable(root)) for root in roots)
    return Found(f"{roots[0].name} is a Zarr folder with {TRACES}", streams)


def _is_recording(folder: Path) -> bool:
    return (folder / TRACES).is_dir() and any((folder / name).is_file() for name in ATTRIBUTES)


def _attributes(folder: Path) -> dict[str, Any]:
    path = next(folder / name for name in ATTRIBUTES if (folder / name).is_file())
    with damage_as_sentence(path, "a file of attributes of Zarr"):
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["attributes"] if path.name == "zarr.json" else content)


def _is_sortable(folder: Path) -> bool:
    hz = _attributes(folder).get("sampling_frequency", 0)
    return isinstance(hz, int | float) and hz >= MIN_SAMPLING_HZ and "LFP" not in folder.name


def _open_all(folder: Path) -> tuple[Opened, ...]:
    attributes, zarr = _attributes(folder), _import_zarr(folder)
    with _damage_as_sentence(folder, zarr):
        group = zarr.open_group(str(folder), mode="r")
        hz, n_segments = float(attributes["sampling_frequency"]), int(attributes["num_segments"])
        starts_s = [None if "t_starts" not in group else float(group["t_starts"][i]) for i in range(n_segments)]
        properties = group.get("properties", {})
        saved = {name: np.asarray(properties[name][:]) for name in ("gain_to_uV", "offset_to_uV") if name in properties}
        probe = _probe(attributes, folder.name)
        is_filtered = bool((attributes.get("annotations") or {}).get("is_filtered"))
        if DELAYS in properties and PHASE_SHIFT not in json.dumps(attributes.get("provenance")):
            delays = np.nan_to_num(np.asarray(properties[DELAYS][:], np.float64))
        else:
            delays = np.array(0.0)
        opened = []
        for number in range(n_segments):
            name = f"traces_seg{number}"
            recording = _recording(folder, group[name], name, hz, saved)
            recording = replace(recording, delay_samples=delays, is_filtered=is_filtered)
            recording = with_times(recording, starts_s[number], group.get(f"times_seg{number}"), str(folder.absolute()))
            opened.append(Opened(recording, probe, _missing_chunks(folder / name, group[name])))
    return tuple(opened)


def _import_zarr(folder: Path) -> Any:
    try:
        return import_module("zarr")
    except ImportError as error:
        raise InputError(
            f'{folder} is a Zarr folder, and zarr is not installed. Install it: pip install "spikesieve[zarr]".'
        ) from error


@contextmanager
def _damage_as_sentence(folder: Path, zarr: Any) -> Iterator[None]:
    """See `damage_as_sentence`. An array whose codec is not installed cannot be opened."""
    with damage_as_sentence(folder, "a Zarr folder of SpikeInterface"):
        try:
            yield
        except getattr(zarr.errors, "MetadataError", ValueError) as error:
            raise ValueError(str(error)) from error
        except ValueError as error:
            codec = re.search(r"codec not available: \W*(\w+)", str(error))
            if codec is None:
                raise
            package = PACKAGE_OF_CODEC.get(codec[1], "--upgrade numcodecs")
            raise InputError(
                f"{folder} is compressed with the codec {codec[1]}, which is not installed. Install it: pip install "
                f"{package}."
            ) from error


def _missing_chunks(folder: Path, array: Any) -> tuple[str, ...]:
    missing = int(array.nchunks) - int(array.nchunks_initialized)
    if not missing:
        return ()
    return (
        f"{folder} lacks {missing} of its {array.nchunks} chunks, which are read as 0: the copy may be incomplete. "
        "Copy it again.",
    )


def _recording(folder: Path, array: Any, name: str, sampling_hz: float, saved: dict[str, Any]) -> Recording:
    n_samples, n_channels = map(int, array.shape)
    if not n_samples > 0 < n_channels or not all(isinstance(length, int) and length > 0 for length in array.chunks):
        raise ValueError(f"{name} has the shape {array.shape} and chunks of {array.chunks}")
    dtype = np.dtype(array.dtype)
    if not is_readable(dtype):
        raise InputError(f"{folder} holds {dtype.name}. It needs {', '.join(DTYPES)} or float64.")
    samples = ZarrSamples(array, str((folder / name).absolute()))
    numbers = numbers_of(dtype, saved.get("gain_to_uV"), saved.get("offset_to_uV"), str(folder))
    attributes = next(folder / each for each in ATTRIBUTES if (folder / each).is_file())
    return recording_of(samples, (n_samples, n_channels), sampling_hz, numbers, attributes, name=folder.name)


def _probe(attributes: dict[str, Any], name: str) -> Probe | None:
    content = attributes.get("probegroup") or attributes.get("probe")  # the second one until version 0.104
    if not content:
        return None
    return probe_by_column(probe_of_probeinterface(probeinterface.ProbeGroup.from_dict(content), name))


ZARR = Format("zarr", "SpikeInterface Zarr", find, f"a Zarr folder with {TRACES}")
