"""New output folders, removed again if the work fails."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikesieve.errors import OutputError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder for the body of a with statement, and remove it if the body fails, also by Ctrl-C.

    Parameters
    ----------
    path : Path
        The folder, which must not exist.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder exists or cannot be made.
    """
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise OutputError(f"{path} exists and is not overwritten. Choose a new folder with --out.") from error
    except OSError as error:
        raise OutputError(
            f"The folder {path} cannot be made: {error.strerror or error}. Choose another with --out."
        ) from error
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


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
    names = (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))
    return next(name for name in itertools.chain([path], names) if not name.exists())
