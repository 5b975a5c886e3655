"""Any format that SpikeInterface reads, by the name of its reader: --format spikeinterface:blackrock."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import URLError

from spikesieve.errors import InputError
from spikesieve.io.recordings.formats.base import Format, Found, Opened, Stream
from spikesieve.io.recordings.spikeinterface import from_spikeinterface, probe_of_spikeinterface

PREFIX = "spikeinterface:"
PATHS = ("file_path", "folder_path", "file_paths", "oebin_file", "bin_file", "cbin_file_path")
"""Names of the argument of a reader that is the path."""

NOT_SORTABLE = re.compile(r"sync|\blf|lfp|nidq|adc|aux", re.IGNORECASE)
"""Names of streams without spikes."""


def reader_format(name: str) -> Format:
    """Make a format of one of SpikeInterface's readers.

    Parameters
    ----------
    name : str
        Its name in SpikeInterface with a prefix, such as "spikeinterface:blackrock".

    Returns
    -------
    Format
        It finds the streams that the reader lists.

    Raises
    ------
    InputError
        SpikeInterface is not installed, or has no such reader.
    """
    try:
        readers = import_module("spikeinterface.extractors.extractor_classes").recording_extractor_full_dict
    except ImportError as error:
        raise InputError(
            f"--format {name} needs SpikeInterface {error.name or ''}. Install it: pip install spikeinterface."
        ) from error
    short = name.removeprefix(PREFIX).lower()
    if short not in readers:
        near = get_close_matches(short, readers, 3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(sorted(readers))}."
        raise InputError(f"SpikeInterface has no reader {short!r}. {hint}")
    title = f"{short}, read by SpikeInterface"
    return Format(name, title, partial(_find, readers[short], short), f"what SpikeInterface reads as {short}")


def _find(reader: Any, name: str, path: Path) -> Found:
    why = f"--format asks for SpikeInterface's reader {name}"
    names = _stream_names(name, path)
    if len(names) < 2:
        return Found(why, (Stream(names[0] if names else name, partial(_open, reader, name, path, {})),))
    return Found(
        why,
        tuple(
            Stream(each, partial(_open, reader, name, path, {"stream_name": each}), not NOT_SORTABLE.search(each))
            for each in names
        ),
    )


def _stream_names(name: str, path: Path) -> list[str]:
    """Streams of a reader that is based on neo; none for other readers."""
    try:
        found, _ = import_module("spikeinterface.extractors").get_neo_streams(name, path)
    except URLError as error:
        raise _no_network(name, path, error) from error
    # Readers that are not based on neo raise AssertionError; what is wrong with a file is said when it is opened.
    except Exception:  # noqa: BLE001  a reader of another library may raise anything
        return []
    return [str(each) for each in found]


def _open(reader: Any, name: str, path: Path, options: dict[str, str]) -> tuple[Opened, ...]:
    known = inspect.signature(reader).parameters
    argument = next((each for each in PATHS if each in known), next(iter(known)))
    try:
        source = reader(**{argument: [path] if argument == "file_paths" else path}, **options)
        recording = replace(from_spikeinterface(source), name=path.name, paths=(str(path),))
        probe = probe_of_spikeinterface(source, path.name)
    except InputError:
        raise
    except URLError as error:
        raise _no_network(name, path, error) from error
    except Exception as error:
        raise InputError(
            f"SpikeInterface's reader {name} cannot open {path} ({type(error).__name__}: {error}). Check the "
            "name of the format; a missing library has to be installed beside SpikeInterface."
        ) from error
    return (Opened(recording, probe),)


def _no_network(name: str, path: Path, error: URLError) -> InputError:
    return InputError(
        f"SpikeInterface's reader {name} has to download something to read {path}, such as the library that "
        f"decompresses MaxWell's files, and cannot reach it ({error.reason}). Run it once where there is a network."
    )
