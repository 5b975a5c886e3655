"""The folder of a result: it appears complete or not at all."""

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

PROOF = "provenance.json"
"""The file by which a folder is known as one of our results."""

DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class WorkFolder:
    """Where to write while the result is in the making.

    path     hidden folder that becomes the result
    scratch  hidden folder for disk-backed arrays, deleted at the end
    """

    path: Path
    scratch: Path


@contextmanager
def result_folder(path: Path | str, overwrite: bool, inputs: Sequence[str | Path] = ()) -> Iterator[WorkFolder]:
    """Yield a hidden folder beside `path` that takes its place when the body ends, and vanishes when it fails.

    path       where the result shall be; missing parents are made
    overwrite  replace an older result, which stays untouched until the new one is complete
    inputs     files that must not lie in the folder that is replaced

    Raises OutputError when `path` exists (without overwrite), is a file, is a folder that is not a result, holds an
    input, or cannot be written, and when the disk is full. Any other exception of the body, Ctrl-C included, passes
    through after everything written was removed.
    """
    target = Path(path).expanduser().resolve()
    _check_target(target, overwrite, inputs)
    made = _missing_parents(target)
    token = f"{os.getpid()}-{secrets.token_hex(3)}"
    # The scratch folder lies beside the result, not in it: Windows renames no folder with a mapped file inside.
    work = WorkFolder(*(target.parent / f".{target.name}.{kind}-{token}" for kind in ("partial", "scratch")))
    try:
        _make_folders(work, target)
        yield work
        _remove(work.scratch)
        _swap_in(work.path, target, target.parent / f".{target.name}.old-{token}")
    except BaseException as error:
        full = _disk_full_message(error, target.parent)
        _remove(work.path)
        _remove(work.scratch)
        _remove_empty(made)
        if full:
            raise OutputError(full) from error
        raise


def write_result(folder: Path, sorting: Sorting, recording: Recording, run: RunRecord) -> None:
    """Write all data files of a result into an existing folder: Phy's, drift, units.csv, ops.npz, provenance.json.

    folder  usually `WorkFolder.path`. Raises OSError when the disk is full or an input can no longer be read.
    """
    phy_notes = write_phy(folder, sorting, recording)
    if sorting.motion is not None:
        write_motion(folder, sorting.motion)
    write_units_csv(folder / "units.csv", sorting.units)
    write_ops(folder / "ops.npz", sorting, run)
    # Last, because its presence is what says "a complete result".
    write_provenance(folder / PROOF, sorting, recording, replace(run, notes=(*run.notes, *phy_notes)))


def _check_target(target: Path, overwrite: bool, inputs: Sequence[str | Path]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file, and a result is a folder. Name another place with --out.")
    if not overwrite:
        raise OutputError(f"The folder {target} exists. Name another with --out, or replace it with --overwrite.")
    if any(target.iterdir()) and not (target / PROOF).is_file():
        raise OutputError(
            f"The folder {target} is not a result of spikesieve: it has no {PROOF}. It is not overwritten, "
            "so that nothing else is lost. Name another place with --out, or delete it yourself."
        )
    inside = [name for name in inputs if Path(name).resolve().is_relative_to(target)]
    if inside:
        raise OutputError(
            f"The input {inside[0]} lies in {target}, which --overwrite would delete. Name another place with --out."
        )


def _missing_parents(target: Path) -> list[Path]:
    """The folders that have to be made above the target, deepest first."""
    return [parent for parent in target.parents if not parent.exists()]


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
    """Put the finished folder in the target's place; the older result is deleted only after that."""
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
            "Close programs that have files of that folder open, or name another place with --out."
        ) from error
    _remove(old)


def _remove(folder: Path) -> None:
    """Delete a folder of ours; what cannot be deleted (Windows: a file still open) is named in the log."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        logger.warning("The hidden folder %s could not be deleted (%s). It can be deleted by hand.", folder, error)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _disk_full_message(error: BaseException, parent: Path) -> str:
    """What to say when the error means a full disk, else ''; asked before the half-written files are removed."""
    # ndarray.tofile and np.save report a short write without an error number.
    short_write = r"\d+ requested and \d+ written"
    if not isinstance(error, OSError):
        return ""
    if error.errno not in DISK_FULL and not (error.errno is None and re.search(short_write, str(error))):
        return ""
    where = parent if parent.exists() else Path(parent.anchor)
    free_mb = shutil.disk_usage(where).free / 1e6
    return (
        f"The disk is full: {where} has {free_mb:,.0f} MB left. Nothing was kept of this result. "
        "Free some space, or name a place on another disk with --out."
    )
