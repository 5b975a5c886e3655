"""Folders that may be looked into, and what is in them. Nothing outside them can be named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikesieve.errors import InputError
from spikesieve.io.results.folder import BATCH_FOLDER, RESULT_MARKER

MAX_ENTRIES = 2000
SPIKES = "spike_times.npy"
COMPARISON_MARKER = "comparison.json"
BATCH = "batch"


@dataclass(frozen=True)
class Entry:
    """A file or folder in a listing.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"folder", "result", "report", "batch", "file"}
        "result": a folder that holds sorted spikes. "report": one that holds a comparison. "batch": one of many sorts.
    size_bytes : int
        Size of a file; 0 for folders.
    modified_s : float
        Time of its last change in s since 1970.
    """

    name: str
    kind: str
    size_bytes: int
    modified_s: float


@dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes
    ----------
    path : str
        The folder.
    is_batch : bool
        Whether it is that of a batch.
    above : tuple of str
        The folders from a root down to this one, itself included.
    entries : tuple of Entry
        Folders first, each kind by name.
    n_left_out : int
        Entries beyond the most that are listed.
    """

    path: str
    is_batch: bool
    above: tuple[str, ...]
    entries: tuple[Entry, ...]
    n_left_out: int


class Roots:
    """Folders that may be looked into, with all that is below them, but for hidden files.

    Parameters
    ----------
    folders : sequence of path
        The folders; at least one.

    Raises
    ------
    InputError
        One of them is no folder.
    """

    def __init__(self, folders: Sequence[Path | str]) -> None:
        self.folders = tuple(dict.fromkeys(Path(folder).expanduser().resolve() for folder in folders))
        for folder in self.folders:
            if not folder.is_dir():
                raise InputError(f"{folder} is no folder. Give one that holds recordings.")

    def inside(self, name: str) -> Path:
        """Find a path that was named, if it may be looked at. It need not exist.

        Parameters
        ----------
        name : str
            An absolute path.

        Returns
        -------
        Path
            With all links followed.

        Raises
        ------
        InputError
            It is not in one of the folders, or hidden.
        """
        if "\0" in name or not Path(name).is_absolute():
            raise InputError(f"{name!r} is no absolute path.")
        path = Path(os.path.realpath(name))
        if not any(_holds(root, path) for root in self.folders):
            allowed = ", ".join(map(str, self.folders))
            raise InputError(f"{name} is not in a folder that was opened ({allowed}). Start with --root to open it.")
        return path

    def listing(self, name: str) -> Listing:
        """List a folder.

        Parameters
        ----------
        name : str
            An absolute path.

        Returns
        -------
        Listing
            Names, kinds and sizes. Links that lead out of the folders are not shown.

        Raises
        ------
        InputError
            It may not be looked at, is no folder, or cannot be read.
        """
        folder = self.inside(name)
        try:
            found = sorted(self._entries(folder), key=lambda each: (each.kind == "file", each.name.lower()))
        except OSError as error:
            raise InputError(f"{folder} cannot be listed: {error.strerror}.") from error
        root = next(root for root in self.folders if _holds(root, folder))
        above = [folder, *folder.parents][: len(folder.relative_to(root).parts) + 1]
        shown = tuple(found[:MAX_ENTRIES])
        is_batch = _kind_of_folder(folder) == BATCH
        return Listing(str(folder), is_batch, tuple(map(str, reversed(above))), shown, len(found) - len(shown))

    def _entries(self, folder: Path) -> Iterator[Entry]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (entry.is_symlink() and not self._is_inside(entry.path)):
                    continue
                try:
                    facts, is_folder = entry.stat(), entry.is_dir()
                except OSError:
                    continue  # a link to nothing, or removed meanwhile
                kind = _kind_of_folder(Path(entry.path)) if is_folder else "file"
                yield Entry(entry.name, kind, 0 if is_folder else facts.st_size, facts.st_mtime)

    def _is_inside(self, name: str) -> bool:
        try:
            self.inside(name)
        except InputError:
            return False
        return True


def is_result(folder: Path) -> bool:
    """Tell whether a folder holds sorted spikes.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True for a result of spikesieve and for any folder for Phy.
    """
    return any((folder / name).is_file() for name in (RESULT_MARKER, SPIKES))


def _kind_of_folder(folder: Path) -> str:
    if is_result(folder):
        return "result"
    if (folder / COMPARISON_MARKER).is_file():
        return "report"
    return BATCH if (folder / BATCH_FOLDER).is_dir() else "folder"


def _holds(root: Path, path: Path) -> bool:
    """Whether a path is a root or lies below it, with no hidden name on the way."""
    return path.is_relative_to(root) and not any(part.startswith(".") for part in path.relative_to(root).parts)
