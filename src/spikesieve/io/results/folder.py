"""The result folder. It appears when it is complete, or not at all."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from spikesieve.errors import OutputError
from spikesieve.io.results.motion_files import write_motion
from spikesieve.io.results.phy import write_phy
from spikesieve.io.results.provenance import RunRecord, write_ops, write_provenance
from spikesieve.io.results.unit_table import write_units_csv
from spikesieve.model import Recording, Sorting

logger = logging.getLogger(__name__)

RESULT_MARKER = "provenance.json"
"""A folder with this file is a result of spikesieve."""

DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class WorkFolder:
    """Where to write until the result is complete.

    Attributes
    ----------
    path : Path
        Hidden folder that becomes the result.
    scratch : Path
        Hidden folder for arrays on disk, deleted at the end.
    """

    path: Path
    scratch: Path


@contextmanager
def result_folder(path: Path | str, overwrite: bool, inputs: Sequence[str | Path] = ()) -> Iterator[WorkFolder]:
    """Make a hidden folder that is moved to `path` when the body of a with statement ends.

    If the body fails, also by Ctrl-C, everything it wrote is removed and the exception passes through.

    Parameters
    ----------
    path : Path or str
        Folder of the result; missing parents are made.
    overwrite : bool
        Replace an older result. It stays untouched until the new one is complete.
    inputs : sequence of str or Path, optional
        Input files, which must not be in the folder that is replaced.

    Yields
    ------
    WorkFolder
        Where to write.

    Raises
    ------
    OutputError
        If `path` exists (without overwrite), is a file or a folder that is not a result, contains an input or cannot be
        written, or if the disk is full.
    """
    target = Path(path).expanduser().resolve()
    _check_target(target, overwrite, inputs)
    new_parents = [parent for parent in target.parents if not parent.exists()]  # deepest first
    token = f"{os.getpid()}-{secrets.token_hex(3)}"
    # Scratch is not inside the result, because Windows cannot rename a folder with a memory-mapped file in it.
    work = WorkFolder(*(target.parent / f".{target.name}.{kind}-{token}" for kind in ("partial", "scratch")))
    try:
        _make_folders(work, target)
        yield work
        _remove(work.scratch)
        _swap_in(work.path, target, target.parent / f".{target.name}.old-{token}")
    except BaseException as error:
        disk_full = _disk_full_message(error, target.parent)
        _remove(work.path)
        _remove(work.scratch)
        _remove_empty(new_parents)
        if disk_full:
            raise OutputError(disk_full) from error
        raise


def write_result(folder: Path, sorting: Sorting, recording: Recording, run: RunRecord) -> None:
    """Write all data files of a result: Phy's files, drift, units.csv, ops.npz and provenance.json.

    Parameters
    ----------
    folder : Path
        Existing folder, such as `WorkFolder.path`.
    sorting : Sorting
        The result.
    recording : Recording
        The recording that was sorted.
    run : RunRecord
        Method, settings and times of the run.

    Raises
    ------
    OSError
        If the disk is full or an input can no longer be read.
    """
    phy_notes = write_phy(folder, sorting, recording)
    if sorting.motion is not None:
        write_motion(folder, sorting.motion)
    write_units_csv(folder / "units.csv", sorting.units)
    write_ops(folder / "ops.npz", sorting, run)
    # Written last: this file marks a complete result.
    write_provenance(folder / RESULT_MARKER, sorting, recording, replace(run, notes=(*run.notes, *phy_notes)))


def _check_target(target: Path, overwrite: bool, inputs: Sequence[str | Path]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file, but a result is a folder. Choose another place with --out.")
    if not overwrite:
        raise OutputError(f"The folder {target} exists. Choose another with --out, or replace it with --overwrite.")
    if any(target.iterdir()) and not (target / RESULT_MARKER).is_file():
        raise OutputError(
            f"The folder {target} is not a result of spikesieve: it has no {RESULT_MARKER}. It is not overwritten, so "
            "that nothing else is lost. Choose another place with --out, or delete it yourself."
        )
    inside = [name for name in inputs if Path(name).resolve().is_relative_to(target)]
    if inside:
        raise OutputError(
            f"The input {inside[0]} is in {target}, which --overwrite would delete. Choose another place with --out."
        )


def _make_folders(work: WorkFolder, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work.path.mkdir()
        work.scratch.mkdir()
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise OutputError(
            f"The result cannot be written into {target.parent}: {error.strerror or error}. "
            "Choose a folder with --out that you may write to."
        ) from error


def _swap_in(finished: Path, target: Path, old: Path) -> None:
    """Move the finished folder to the target. The older result is deleted after that."""
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
            f"The finished result cannot be moved to {target}: {error.strerror or error}. "
            "Close programs that use files in that folder, or choose another place with --out."
        ) from error
    _remove(old)


def _remove(folder: Path) -> None:
    """Delete a hidden folder; log it if that fails, as on Windows if a file is still open."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        logger.warning("The hidden folder %s could not be deleted (%s). Delete it by hand.", folder, error)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _disk_full_message(error: BaseException, parent: Path) -> str:
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
        f"The disk is full: {where} has {free_mb:,.0f} MB left. This result was not kept. "
        "Free some space, or choose a place on another disk with --out."
    )
