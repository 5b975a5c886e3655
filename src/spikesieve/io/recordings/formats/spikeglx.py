"""SpikeGLX: a .bin or .cbin file with its .meta, or a run folder with gates, triggers and probes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.formats.base import Format, Found, Opened, Stream, files_below, natural_order
from spikesieve.io.recordings.formats.mtscomp import open_compressed
from spikesieve.io.recordings.formats.spikeglx_meta import SpikeGlxMeta, read_spikeglx_meta
from spikesieve.io.recordings.numbers import Numbers, recording_of
from spikesieve.model import Recording
from spikesieve.model.clock import Clock

# run_g0_t1.imec0.ap.bin; the International Brain Laboratory adds an identifier before the suffix.
NAME = re.compile(
    r"(?P<run>.+)_g(?P<gate>\d+)_t(?P<trigger>\d+|cat)\.(?P<stream>[a-z]+\w*(?:\.[a-z]+)?)(?:\.[-\da-f]{36})?"
)
IDENTIFIER = re.compile(r"\.[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$")
DATA_SUFFIXES = (".bin", ".cbin")


class _DataFile(NamedTuple):
    """A data file, and its place in the run."""

    path: Path
    run: str
    stream: str
    order: tuple[int, int]


def find(path: Path) -> Found | None:
    """Look for files of SpikeGLX.

    Parameters
    ----------
    path : Path
        A .bin, .cbin, .meta or .ch file; or a folder with such files in it or below.

    Returns
    -------
    Found or None
        A stream for each probe and board of each run. All gates and triggers of a run follow one another.

    Raises
    ------
    InputError
        If all data files are missing.
    """
    metas = [meta for meta in _metas_of(path) if _is_spikeglx(meta)]
    data = [file for file in map(_data_of, metas) if file is not None]
    if metas and not data:
        raise InputError(f"{metas[0]} has no .bin or .cbin file beside it. Copy the data of the recording as well.")
    if path.suffix == ".cbin" and path.is_file() and not data:
        data = [_DataFile(path, path.stem, path.stem, (0, 0))]
    if not data:
        return None
    why = f"{metas[0].name} says typeThis" if metas else f"{path.name} is compressed by mtscomp"
    return Found(why + (f", and {len(metas) - 1} more .meta files" if len(metas) > 1 else ""), tuple(_streams(data)))


def companion(path: Path, suffix: str) -> Path:
    """Return the file that belongs to another one.

    Parameters
    ----------
    path : Path
        A file, such as `run_g0_t0.imec0.ap.bin`.
    suffix : str
        Suffix of the other one, such as ".meta".

    Returns
    -------
    Path
        The file of this suffix with the same name. If there is none, the one that differs only in the identifier that
        the data base of the International Brain Laboratory adds to names.
    """
    same = path.with_suffix(suffix)
    stem = IDENTIFIER.sub("", path.stem)
    if same.exists() or not path.parent.is_dir():
        return same
    others = (other for other in path.parent.glob(f"*{suffix}") if IDENTIFIER.sub("", other.stem) == stem)
    return min(others, default=same)


def _metas_of(path: Path) -> list[Path]:
    if path.is_dir():
        return files_below(path, "*.meta")
    if path.suffix in (*DATA_SUFFIXES, ".ch", ".meta"):
        meta = companion(path, ".meta")
        return [meta] if meta.is_file() else []
    return []


def _is_spikeglx(meta: Path) -> bool:
    try:
        return re.search(r"^typeThis=", meta.read_text(encoding="utf-8", errors="replace"), re.MULTILINE) is not None
    except OSError as error:
        raise InputError(f"{meta} cannot be read: {error.strerror}. Check its permissions and the drive.") from error


def _data_of(meta: Path) -> _DataFile | None:
    path = next((file for file in (companion(meta, suffix) for suffix in DATA_SUFFIXES) if file.is_file()), None)
    if path is None:
        return None
    named = NAME.fullmatch(path.stem)
    if named is None:
        return _DataFile(path, path.stem, path.stem, (0, 0))
    trigger = named["trigger"]
    joined = "" if trigger.isdecimal() else f"_t{trigger}"  # CatGT wrote all triggers into one file
    return _DataFile(
        path, named["run"] + joined, named["stream"], (int(named["gate"]), int(trigger) if not joined else 0)
    )


def _streams(data: Iterable[_DataFile]) -> list[Stream]:
    """A stream for each run and probe; a copy of the same file in another folder is a stream of its own."""
    files = sorted(data, key=lambda file: file.order)
    is_copied = len({file[1:] for file in files}) < len(files)
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for file in files:
        folder = str(file.path.parent) if is_copied else ""
        groups.setdefault((folder, file.run, file.stream), []).append(file.path)
    several_runs, several_folders = (len({key[i] for key in groups}) > 1 for i in (1, 0))
    streams = []
    for (folder, run, stream), paths in groups.items():
        name = f"{run}.{stream}" if several_runs and run != stream else stream
        name = f"{Path(folder).name}/{name}" if several_folders else name
        is_sortable = not stream.endswith(".lf") and not stream.startswith(("nidq", "obx"))
        streams.append(Stream(name, partial(_open_all, tuple(paths)), is_sortable, f"{folder}/{run}"))
    return [{stream.name: stream for stream in streams}[name] for name in _in_order(streams)]


def _in_order(streams: Iterable[Stream]) -> list[str]:
    return [path.as_posix() for path in natural_order(Path(stream.name) for stream in streams)]


def _open_all(paths: tuple[Path, ...]) -> tuple[Opened, ...]:
    return tuple(_open(path) for path in paths)


def _open(path: Path) -> Opened:
    meta_path = companion(path, ".meta")
    meta = read_spikeglx_meta(meta_path) if meta_path.is_file() else None
    recording = _compressed(path, meta) if path.suffix == ".cbin" else _plain(path, meta)
    if meta is None:
        return Opened(recording)
    if meta.first_sample is not None:
        named = NAME.fullmatch(path.stem)
        session = f"run {named['run']}" if named else ""
        recording = replace(recording, clock=Clock((0,), (meta.first_sample / meta.sampling_hz,), session))
    delays = np.array(0.0) if meta.delay_samples is None else meta.delay_samples
    recording = replace(recording, range_raw=meta.range_raw, delay_samples=delays, is_filtered=meta.is_filtered)
    return Opened(recording, meta.probe, _size_notes(path, meta, recording))


def _plain(path: Path, meta: SpikeGlxMeta | None) -> Recording:
    if meta is None:
        raise InputError(f"{path} has no .meta file any more. Copy it again.")
    return read_recording(path, meta.n_channels, meta.sampling_hz, gain_uv=meta.gain_uv)


def _compressed(path: Path, meta: SpikeGlxMeta | None) -> Recording:
    samples = open_compressed(path, companion(path, ".ch"))
    if meta is not None and meta.n_channels != samples.n_channels:
        raise InputError(
            f"{path} has {samples.n_channels} channels by its .ch file, but {meta.n_channels} by its .meta file. "
            "Copy both again."
        )
    return recording_of(
        samples,
        (samples.bounds[-1], samples.n_channels),
        samples.sampling_hz if meta is None else meta.sampling_hz,
        Numbers(np.dtype(samples.dtype), None if meta is None else meta.gain_uv),
        path,
    )


def _size_notes(path: Path, meta: SpikeGlxMeta, recording: Recording) -> tuple[str, ...]:
    found = recording.n_samples * recording.n_channels * 2
    if meta.data_bytes in (None, found):
        return ()
    return (
        f"{path} has {found} bytes of samples, but its .meta file says {meta.data_bytes}: the copy may be incomplete. "
        "Copy it again unless you cut it yourself.",
    )


SPIKEGLX = Format("spikeglx", "SpikeGLX", find, "a .meta file with typeThis beside a .bin or .cbin file")
