"""Output folders that appear when they are complete, or not at all."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikesieve.errors import OutputError

logger = logging.getLogger(__name__)

DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class FolderKind:
    """What a folder holds, so that only a folder of the same kind is replaced.

    Attributes
    ----------
    name : str
        Name in messages, such as "result".
    marker : str
        A file that every complete folder of this kind has.
    """

    name: str
    marker: str


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
        Replace an older folder of the same kind. It stays untouched until the new one is complete.
    inputs : sequence of str or Path, optional
        Input files, which must not be in the folder that is replaced.

    Yields
    ------
    Path
        The hidden folder, a sibling of `path`.

    Raises
    ------
    OutputError
        If `path` exists (without overwrite), is a file or a folder of another kind, contains an input or cannot be
        written, or if the disk is full.
    """
    target = Path(path).expanduser().resolve()
    _check_target(target, kind, overwrite, inputs)
    new_parents = [parent for parent in target.parents if not parent.exists()]  # deepest first
    token = f"{os.getpid()}-{secrets.token_hex(3)}"
    partial = target.parent / f".{target.name}.partial-{token}"
    try:
        _make(partial, kind)
        yield partial
        _swap_in(partial, target, target.parent / f".{target.name}.old-{token}", kind)
    except BaseException as error:
        disk_full = _disk_full_message(error, target.parent, kind)
        remove_folder(partial)
        _remove_empty(new_parents)
        if disk_full:
            raise OutputError(disk_full) from error
        raise


def remove_folder(folder: Path) -> None:
    """Delete a hidden folder; log it if that fails, as on Windows if a file is still open.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist.
    """
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        logger.warning("The hidden folder %s could not be deleted (%s). Delete it by hand.", folder, error)


def _check_target(target: Path, kind: FolderKind, overwrite: bool, inputs: Sequence[str | Path]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file, but a {kind.name} is a folder. Choose another place with --out.")
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


def _make(partial: Path, kind: FolderKind) -> None:
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise OutputError(
            f"The {kind.name} cannot be written into {partial.parent}: {error.strerror or error}. "
            "Choose a folder with --out that you may write to."
        ) from error


def _swap_in(finished: Path, target: Path, old: Path, kind: FolderKind) -> None:
    """Move the finished folder to the target. The older folder is deleted after that."""
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
    remove_folder(old)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _disk_full_message(error: BaseException, parent: Path, kind: FolderKind) -> str:
    """The message for a full disk, else ''. Call it before incomplete files are removed."""
    # ndarray.tofile and np.save report an incomplete write without an error number.
    short_write = r"\d+ requested and \d+ written"
    if not isinstance(error, OSError):
        return ""
    if error.errno not in DISK_FULL and not (error.errno is None and re.search(short_write, str(error))):
        return ""
    where = parent if parent.exists() else Path(parent.anchor)
    free_mb = shutil.disk_usage(where).free / 1e6
    return (
        f"The disk is full: {where} has {free_mb:,.0f} MB left. This {kind.name} was not kept. "
        "Free some space, or choose a place on another disk with --out."
    )
