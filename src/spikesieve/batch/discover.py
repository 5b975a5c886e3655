"""Finds what can be sorted: every stream and probe below folders, and of files that fit a pattern."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path

from spikesieve.batch.rows import SEPARATOR
from spikesieve.errors import InputError
from spikesieve.io.recordings.formats.base import natural_order
from spikesieve.io.recordings.registry import recognise
from spikesieve.io.results.folder import RESULT_MARKER

logger = logging.getLogger(__name__)

FOLDER_MARKS = ("*.meta", "*.cbin", "*.rhd", "*.rhs", "structure.oebin", "binary.json")
"""Files that say that their folder is a recording, or several."""
RECORDING_NAMES = ("*.nwb", "*.zarr")
"""Files and folders that are a recording by themselves."""
PLAIN_NAMES = ("*.bin", "*.dat", "*.raw")
SPIKEGLX_NAME = "*.ap.bin"
"""Spikes of SpikeGLX. Without the .meta file beside it, which was not copied then, it gets a row that says so."""


def discover(places: Sequence[str | Path], defaults: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Find recordings.

    Parameters
    ----------
    places : sequence of str or Path
        Recordings, folders, which are searched, and patterns; "**" in a pattern stands for any folders.
    defaults : mapping of str to str
        What holds for all rows, by column. Plain files in folders count if it says `channels`.

    Yields
    ------
    dict of str to str
        Files, stream and name of each row. Names are paths from the place that was searched, so that they stay when
        recordings are added.

    Raises
    ------
    InputError
        A place does not exist.
    """
    for place in places:
        root, found = _searched(Path(place).expanduser(), "channels" in defaults)
        for path in found:
            if SEPARATOR in str(path):
                raise InputError(f"{path} has a {SEPARATOR} in its name, which separates files in a plan. Rename it.")
            yield from _streams(path, _name(path, root, path.parent in found), defaults.get("format"))


def _searched(place: Path, plain: bool) -> tuple[Path, list[Path]]:
    """Where a search begins, and the recordings that it found."""
    if has_magic(str(place)):
        fixed = place.absolute().parts
        first = next(number for number, part in enumerate(fixed) if has_magic(part))
        return Path(*fixed[:first]), natural_order(Path(path).absolute() for path in glob(str(place), recursive=True))
    if place.is_dir() and place.suffix != ".zarr":
        return place.absolute(), list(_below(place.absolute(), plain))
    return place.absolute().parent, [place.absolute()]


def _below(folder: Path, plain: bool) -> Iterator[Path]:
    """Recordings in a folder and those below. Results and hidden folders are passed over."""
    names = sorted(os.listdir(folder))
    if {RESULT_MARKER, "params.py"} <= set(names):
        return
    entries = natural_order(folder / name for name in names if not name.startswith("."))
    lone = [entry for entry in entries if entry.match(SPIKEGLX_NAME) and not entry.with_suffix(".meta").exists()]
    if any(entry.match(mark) for entry in entries for mark in FOLDER_MARKS):
        yield from (folder, *lone)
        return
    for entry in entries:
        is_plain = plain and entry.is_file() and any(entry.match(name) for name in PLAIN_NAMES)
        if is_plain or entry in lone or any(entry.match(name) for name in RECORDING_NAMES):
            yield entry
        elif entry.is_dir():
            yield from _below(entry, plain)


def _name(path: Path, root: Path, in_a_row: bool) -> str:
    """The path from the place that was searched; beside the folder, if that is a row."""
    name = path.relative_to(root).as_posix() if path != root else path.name
    name = name if path.is_dir() else name.removesuffix(path.suffix)
    return "-".join(name.rsplit("/", 1)) if in_a_row else name


def _streams(path: Path, name: str, format_name: str | None) -> Iterator[dict[str, str]]:
    """A row for each stream with spikes. What cannot be read gets a row too, which says why."""
    try:
        recognised = recognise(path, format_name)
    except InputError as error:
        logger.warning("%s", error)
        yield {"files": str(path), "name": name}
        return
    if recognised is None:
        yield {"files": str(path), "name": name}
        return
    streams = [stream for stream in recognised.found.streams if stream.is_sortable]
    if not streams:
        logger.info("%s has no stream with spikes", path)
    for stream in streams:
        row = {"files": str(path), "name": name}
        yield row if len(streams) == 1 else row | {"name": f"{name}/{stream.name}", "stream": stream.name}
