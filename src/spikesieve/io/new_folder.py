"""Folders that did not exist before."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikesieve.errors import OutputError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder; when the body fails, Ctrl-C included, it is removed with all that is in it.

    Raises OutputError when it exists or cannot be made.
    """
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise OutputError(f"{path} exists, and nothing in it is replaced. Name a new folder with --out.") from error
    except OSError as error:
        raise OutputError(
            f"The folder {path} cannot be made: {error.strerror or error}. Name another with --out."
        ) from error
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def free_name(path: Path) -> Path:
    """The path itself when nothing is there, else the first free one of path-2, path-3, ..."""
    names = (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))
    return next(name for name in itertools.chain([path], names) if not name.exists())
