"""What a format is: it looks at a path, says what it found and why, and opens the streams that it found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikesieve.errors import InputError
from spikesieve.model import Probe, Recording

# Folders deeper than this below the given one are not searched: deep enough for an Open Ephys tree.
MAX_DEPTH = 5
# Streams of fewer samples per second are field potentials, or sensors.
MIN_SAMPLING_HZ = 5_000.0


# What readers raise for damaged files.
DAMAGE = (
    *(KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError, EOFError, OSError),
    *(RuntimeError, MemoryError),
)


@dataclass(frozen=True, eq=False)
class Opened:
    """A recording, and what its format knows about it.

    Attributes
    ----------
    recording : Recording
        Samples, gains, segments and clock.
    probe : Probe or None
        Contacts in use; None if the format does not say where they are.
    notes : tuple of str
        Sentences for the user.
    """

    recording: Recording
    probe: Probe | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stream:
    """Samples that belong together: one probe, or one board of inputs.

    Attributes
    ----------
    name : str
        Its name for `--stream`.
    open : callable
        Opens its files, in order of time: one `Opened` for each. Reads headers, not samples.
    is_sortable : bool
        False for field potentials, analog inputs and the like, which are opened only if they are asked for.
    recorded_with : str
        The same for probes that recorded together; empty if that is not known.
    """

    name: str
    open: Callable[[], tuple[Opened, ...]]
    is_sortable: bool = True
    recorded_with: str = ""


@dataclass(frozen=True)
class Found:
    """What a format found at a path.

    Attributes
    ----------
    why : str
        What it was recognised by, such as "structure.oebin names 2 streams".
    streams : tuple of Stream
        At least one.
    """

    why: str
    streams: tuple[Stream, ...]


@dataclass(frozen=True)
class Format:
    """A format of recordings.

    Attributes
    ----------
    name : str
        Its name for `--format`.
    title : str
        Its name for people.
    find : callable
        Looks at a path: what it found, or None if the path holds something else. Looks at the content, not only at
        names. Raises InputError if the path holds this format but is damaged.
    looks_for : str
        What it looks for, to be said where it did not find it.
    """

    name: str
    title: str
    find: Callable[[Path], Found | None]
    looks_for: str


@contextmanager
def damage_as_sentence(path: Path, what: str) -> Iterator[None]:
    """Turn errors of a reader into one sentence on the file that is damaged.

    Parameters
    ----------
    path : Path
        The file that is read.
    what : str
        What it is, such as "a header of Intan".

    Yields
    ------
    None
        The block that reads.

    Raises
    ------
    InputError
        For what a damaged or unreadable file leads to.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or path} is missing. Copy the whole recording again.") from error
    except DAMAGE as error:
        said = str(error) or "no more is known"
        raise InputError(
            f"{path} is not {what} that can be read ({type(error).__name__}: {said}). Copy it again. Samples that are "
            "plain numbers can be read without it: --format raw with --channels, --sampling-hz and --probe."
        ) from error


def files_below(folder: Path, pattern: str) -> list[Path]:
    """Find files in a folder and the folders in it.

    Parameters
    ----------
    folder : Path
        Where to look, or a file, which is looked at itself.
    pattern : str
        Pattern of names, such as "*.meta".

    Returns
    -------
    list of Path
        In order of their paths, with numbers in order of their value: recording2 before recording10.
    """
    if not folder.is_dir():
        return [folder] if folder.match(pattern) else []
    return natural_order(path for path in _walk(folder, pattern, MAX_DEPTH))


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Put paths in order, with numbers in order of their value.

    Parameters
    ----------
    paths : iterable of Path
        The paths.

    Returns
    -------
    list of Path
        The same paths in order.

    Examples
    --------
    >>> [path.name for path in natural_order([Path("recording10"), Path("recording2")])]
    ['recording2', 'recording10']
    """
    return sorted(paths, key=lambda path: [_natural(part) for part in path.parts])


def _natural(text: str) -> list[str | int]:
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", text))]


def _walk(folder: Path, pattern: str, depth: int) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir():
            # A Zarr folder has a file for each second of recording, and is known by its name.
            if depth and not entry.name.startswith(".") and entry.suffix != ".zarr":
                yield from _walk(entry, pattern, depth - 1)
        elif entry.match(pattern):
            yield entry
