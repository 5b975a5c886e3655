"""Output folders that appear when they are complete, or not at all."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikesieve.errors import OutputError
from spikesieve.io.hidden_folder import REPLACED, hidden_folder

NEW = "new"


def _nothing_made_by_hand(folder: Path) -> str:
    return ""


@dataclass(frozen=True)
class FolderKind:
    """What a folder holds, so that only a folder of the same kind is replaced.

    Attributes
    ----------
    name : str
        Name in messages, such as "result".
    marker : str or None
        A file that every complete folder of this kind has. None: a folder of this kind is never replaced.
    made_by_hand : callable
        Returns what of a folder is the work of a person, as the end of a sentence; empty if nothing is.
    """

    name: str
    marker: str | None
    made_by_hand: Callable[[Path], str] = _nothing_made_by_hand


@contextmanager
def finished_folder(
    path: Path | str, kind: FolderKind, overwrite: bool, inputs: Sequence[str | Path] = ()
) -> Iterator[Path]:
    """Make a hidden folder that is moved to `path` when the body of a with statement ends.

    If the body fails, also by Ctrl-C, everything it wrote is removed and the exception passes through.

    Parameters
    ----------
    path : Path or str
        Where the folder shall be; missing parents are made.
    kind : FolderKind
        What it will hold.
    overwrite : bool
        Replace an older folder of the same kind. It stays untouched until the new one is complete. One that holds work
        of a person is kept beside the new one.
    inputs : sequence of str or Path, optional
        Input files, which must not be in the folder that is replaced.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InUseError
        Another process makes this folder.
    OutputError
        If `path` exists (without overwrite), is a file or a folder of another kind, contains an input or cannot be
        written, or if the disk is full.
    """
    target = Path(path).expanduser().resolve()
    require_free(target, kind, overwrite, inputs)
    with hidden_folder(target, NEW) as hidden:
        new = hidden / kind.name
        new.mkdir()
        yield new
        # Once more: something may have appeared there while this was made.
        require_free(target, kind, overwrite, inputs)
        aside = place_aside(target, kind)
        _swap_in(new, target, aside or hidden / REPLACED, kind)


@contextmanager
def folder_beside_older(path: Path | str, kind: FolderKind, mine: Callable[[str], bool]) -> Iterator[Path]:
    """Make a hidden folder whose files are moved into `path` when the body of a with statement ends.

    Older files of the same kind in `path` are moved into a folder beside it, and all other files stay where they are.
    If the body fails, everything it wrote is removed, and `path` stays as it was.

    Parameters
    ----------
    path : Path or str
        The folder, which may exist; missing parents are made.
    kind : FolderKind
        What the files are. The marker is moved last.
    mine : callable
        Tells by its name whether a file is of this kind.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InUseError
        Another process makes this folder.
    OutputError
        If `path` is a file or cannot be written, or if the disk is full.
    """
    target = Path(path).expanduser().resolve()
    require_folder(target, kind)
    with hidden_folder(target, NEW) as hidden:
        new = hidden / kind.name
        new.mkdir()
        yield new
        written = {entry.name for entry in new.iterdir()}
        require_folder(target, kind)
        target.mkdir(exist_ok=True)
        older = [entry for entry in target.iterdir() if entry.name in written or mine(entry.name)]
        if older:
            aside = free_name(target.with_name(f"{target.name}-before"))
            aside.mkdir()
            _move(older, aside, kind)
        _move(sorted(new.iterdir(), key=lambda entry: entry.name == kind.marker), target, kind)


def require_folder(target: Path, kind: FolderKind) -> None:
    """Raise an error if a file is where a folder shall be.

    Parameters
    ----------
    target : Path
        Where the folder shall be.
    kind : FolderKind
        What it will hold.

    Raises
    ------
    OutputError
        `target` is a file.
    """
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file, but a {kind.name} is a folder. Choose another place with --out.")


def _move(entries: Sequence[Path], folder: Path, kind: FolderKind) -> None:
    try:
        for entry in entries:
            os.replace(entry, folder / entry.name)
    except OSError as error:
        raise OutputError(
            f"{error.filename} cannot be moved to {folder}: {error.strerror or error}. Close programs that use files "
            f"of an older {kind.name}, or choose another place."
        ) from error


def place_aside(path: Path | str, kind: FolderKind) -> Path | None:
    """Choose where an older folder is kept that is replaced.

    Parameters
    ----------
    path : Path or str
        The folder.
    kind : FolderKind
        What it holds.

    Returns
    -------
    Path or None
        A free path beside it; None if it does not exist or holds no work of a person, and need not be kept.
    """
    target = Path(path).expanduser().resolve()
    if not target.is_dir() or not kind.made_by_hand(target):
        return None
    return free_name(target.with_name(f"{target.name}-before"))


def require_free(path: Path | str, kind: FolderKind, overwrite: bool, inputs: Sequence[str | Path] = ()) -> None:
    """Raise an error if a folder must not be written to a place.

    Parameters
    ----------
    path : Path or str
        Where the folder shall be.
    kind : FolderKind
        What it will hold.
    overwrite : bool
        Replace an older folder of the same kind.
    inputs : sequence of str or Path, optional
        Input files, which must not be in the folder that is replaced.

    Raises
    ------
    OutputError
        If `path` exists (without overwrite), is a file or a folder of another kind, or contains an input.
    """
    target = Path(path).expanduser().resolve()
    if not target.exists():
        return
    require_folder(target, kind)
    if kind.marker is None:
        raise OutputError(f"{target} exists and is not overwritten. Choose a new folder with --out.")
    if not overwrite:
        raise OutputError(f"The folder {target} exists. Choose another with --out, or replace it with --overwrite.")
    if any(target.iterdir()) and not (target / kind.marker).is_file():
        raise OutputError(
            f"The folder {target} is not a {kind.name} of spikesieve: it has no {kind.marker}. It is not overwritten, "
            "so that nothing else is lost. Choose another place with --out, or delete it yourself."
        )
    inside = [name for name in inputs if Path(name).resolve().is_relative_to(target)]
    if inside:
        raise OutputError(
            f"The input {inside[0]} is in {target}, which --overwrite would delete. Choose another place with --out."
        )


def free_name(path: Path) -> Path:
    """Find a path at which nothing exists.

    Parameters
    ----------
    path : Path
        The wanted path.

    Returns
    -------
    Path
        The wanted path if it is free, else the first free one of path-2, path-3, ...

    Examples
    --------
    >>> free_name(Path("a_folder_that_does_not_exist")).name
    'a_folder_that_does_not_exist'
    """
    return next(name for name in numbered(path) if not name.exists())


def numbered(path: Path) -> Iterator[Path]:
    """Name a path and others like it.

    Parameters
    ----------
    path : Path
        The path.

    Yields
    ------
    Path
        The path, path-2, path-3 and so on, without end.
    """
    yield path
    yield from (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))


def _swap_in(finished: Path, target: Path, old: Path, kind: FolderKind) -> None:
    """Move the finished folder to the target, and an older folder to `old`."""
    try:
        replacing = target.exists()
        if replacing:
            os.replace(target, old)
        try:
            os.replace(finished, target)
        except BaseException:
            if replacing:
                os.replace(old, target)
            raise
    except OSError as error:
        raise OutputError(
            f"The finished {kind.name} cannot be moved to {target}: {error.strerror or error}. "
            "Close programs that use files in that folder, or choose another place with --out."
        ) from error
