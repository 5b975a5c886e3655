"""All formats, and which of them a path holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from spikesieve.errors import InputError
from spikesieve.io.recordings.formats.base import Format, Found, Stream
from spikesieve.io.recordings.formats.intan import INTAN
from spikesieve.io.recordings.formats.nwb import NWB
from spikesieve.io.recordings.formats.open_ephys import OPEN_EPHYS
from spikesieve.io.recordings.formats.spikeglx import SPIKEGLX
from spikesieve.io.recordings.formats.spikeinterface_folder import SPIKEINTERFACE
from spikesieve.io.recordings.formats.spikeinterface_reader import PREFIX, reader_format
from spikesieve.io.recordings.formats.spikeinterface_zarr import ZARR
from spikesieve.io.recordings.plain_files import advice_on, readable

FORMATS: tuple[Format, ...] = (ZARR, SPIKEINTERFACE, SPIKEGLX, OPEN_EPHYS, INTAN, NWB)
"""Asked in this order. A format that is looked for in folders comes after those with a file at a fixed place."""

RAW = "raw"
"""Name of plain numbers, which no format recognises."""


@dataclass(frozen=True)
class Recognised:
    """A path, and what it holds.

    Attributes
    ----------
    path : Path
        The path.
    format : Format
        Its format.
    found : Found
        What was found, and why.
    """

    path: Path
    format: Format
    found: Found


@readable("The recording")
def recognise(path: Path, format_name: str | None = None) -> Recognised | None:
    """Find the format of a path.

    Parameters
    ----------
    path : Path
        A file or a folder.
    format_name : str, optional
        Look for this format only; "raw" for plain numbers, "spikeinterface:NAME" for a reader of SpikeInterface.

    Returns
    -------
    Recognised or None
        What the path holds; None if it is to be read as plain numbers.

    Raises
    ------
    InputError
        If the path does not exist, is a folder in which nothing is recognised, does not hold the named format, or
        holds a damaged one.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist. Check its name and folder.")
    for format_ in _chosen(format_name):
        if found := format_.find(path):
            return Recognised(path, format_, found)
    if format_name not in (None, RAW):
        (format_,) = _chosen(format_name)
        raise InputError(f"{path} is not {format_.title}: there is not {format_.looks_for}. Leave --format out.")
    if path.is_dir():
        looked_for = "; ".join(f"{each.looks_for} ({each.title})" for each in FORMATS)
        advice = advice_on(path) or f"Looked for: {looked_for}."
        raise InputError(f"{path} is a folder in which no recording was recognised. {advice}")
    return None


def choose_stream(recognised: Recognised, name: str | None = None) -> Stream:
    """Choose what to sort.

    Parameters
    ----------
    recognised : Recognised
        What a path holds.
    name : str, optional
        Name of a stream. Default: the only one that can be sorted.

    Returns
    -------
    Stream
        The stream.

    Raises
    ------
    InputError
        If there is no stream of this name, or not just one that can be sorted. All are listed.
    """
    streams, path = recognised.found.streams, recognised.path
    if name is not None:
        named = [stream for stream in streams if stream.name == name]
        if not named:
            raise InputError(f"{path} has no stream {name!r}. It has: {_listed(streams)}. Give one with --stream.")
        return named[0]
    sortable = [stream for stream in streams if stream.is_sortable]
    if len(sortable) == 1 or (len(streams) == 1 and path.is_file()):  # a file was chosen by the user
        return (sortable or list(streams))[0]
    if not sortable:
        raise InputError(
            f"{path} has no stream with spikes, only {_listed(streams)}. Give one with --stream if it has spikes."
        )
    commands = "\n".join(f"  {command}" for command in commands_of_streams(recognised))
    raise InputError(f"{path} holds {len(sortable)} streams that can be sorted. Choose one:\n{commands}")


def commands_of_streams(recognised: Recognised) -> tuple[str, ...]:
    """Say how each stream that can be sorted is chosen.

    Parameters
    ----------
    recognised : Recognised
        What a path holds.

    Returns
    -------
    tuple of str
        A command line for each.
    """
    streams = (stream for stream in recognised.found.streams if stream.is_sortable)
    return tuple(f"spikesieve sort {recognised.path} --stream {stream.name} --out ..." for stream in streams)


def probes_recorded_together(recognised: Recognised) -> tuple[str, ...]:
    """List the streams that can be sorted, if they are several probes of one recording.

    Parameters
    ----------
    recognised : Recognised
        What a path holds.

    Returns
    -------
    tuple of str
        Their names; empty if there is only one, or if they may be copies or recordings of different times.
    """
    streams = [stream for stream in recognised.found.streams if stream.is_sortable]
    recordings = {stream.recorded_with for stream in streams}
    return (
        tuple(stream.name for stream in streams) if len(streams) > 1 == len(recordings) and "" not in recordings else ()
    )


def _chosen(format_name: str | None) -> tuple[Format, ...]:
    if format_name is None:
        return FORMATS
    if format_name.startswith(PREFIX):
        return (reader_format(format_name),)
    names = [RAW, *(format_.name for format_ in FORMATS)]
    if format_name not in names:
        near = get_close_matches(format_name, names, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError(f"The format {format_name!r} is unknown. {hint}Give one of {', '.join(names)} with --format.")
    return tuple(format_ for format_ in FORMATS if format_.name == format_name)


def _listed(streams: Sequence[Stream]) -> str:
    return ", ".join(stream.name for stream in streams)
