"""Makes files reach the disk, finds those of a step, and removes what is not to be kept."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from spikesieve.engine.keys import KEY_CHARACTERS
from spikesieve.engine.lock import LOCK, OWNER


def keep_only(folder: Path, is_kept: Callable[[Path], bool]) -> None:
    """Remove all else of a folder, but for the files of the lock.

    Parameters
    ----------
    folder : Path
        The folder.
    is_kept : callable
        Says whether a file or folder stays.
    """
    for path in sorted(folder.iterdir()):
        if not is_kept(path) and path.name not in (LOCK, OWNER):
            with suppress(PermissionError):  # on Windows, where it is still mapped
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def folders_of_step(root: Path, name: str, unfinished: bool = False) -> list[Path]:
    """List the folders of a step in a store, whatever its inputs were.

    Parameters
    ----------
    root : Path
        Folder of the store.
    name : str
        Name of the step.
    unfinished : bool, optional
        Include those that are not complete.

    Returns
    -------
    list of Path
        Its folders.
    """
    form = re.compile(rf"{re.escape(name.replace(' ', '-'))}(-[0-9a-f]{{{KEY_CHARACTERS}}})?")
    stems = ((path, path.name.partition(".")[0]) for path in sorted(root.iterdir()))
    return [path for path, stem in stems if form.fullmatch(stem) and (unfinished or path.name == stem)]


def remove_step(root: Path, name: str) -> None:
    """Remove what is stored of a step. A run that needs it computes it again.

    Parameters
    ----------
    root : Path
        Folder of the store.
    name : str
        Name of the step.
    """
    for folder in folders_of_step(root, name):
        shutil.rmtree(folder, ignore_errors=True)


def flush(files: set[Path]) -> None:
    """Make the system write files to the disk, and their names.

    Parameters
    ----------
    files : set of Path
        The files.
    """
    for path in sorted(files):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    for folder in {path.parent for path in files}:
        flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """Make the system write the names in a folder to the disk, if the system can.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
