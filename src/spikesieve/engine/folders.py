"""Makes files reach the disk, and removes those that a folder is not to keep."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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
