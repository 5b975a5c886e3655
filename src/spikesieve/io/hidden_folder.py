"""Hidden folders beside an output, in which it is made. One process at a time works in each."""

from __future__ import annotations

import errno
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spikesieve.engine.lock import LOCK, OWNER, Lock
from spikesieve.errors import OutOfMemoryError, OutputError

logger = logging.getLogger(__name__)

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
# An output that is replaced is here until the new one is in its place.
REPLACED = "replaced"
# What the system says when a disk fails, is unplugged or becomes read-only.
DISK_FAILED = {errno.EIO, errno.EROFS, getattr(errno, "ESTALE", errno.EIO), errno.ENODEV, errno.ENXIO}
GOES_ON = " Finished steps are kept: give the same command again, and it goes on."
# ndarray.tofile and np.save report an incomplete write without an error number.
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


def hidden_path(target: Path, kind: str) -> Path:
    """Name the hidden folder in which an output is made.

    Parameters
    ----------
    target : Path
        The output.
    kind : str
        What is in the hidden folder.

    Returns
    -------
    Path
        A path beside the output.

    Examples
    --------
    >>> hidden_path(Path("day/result"), "steps").as_posix()
    'day/.result.steps'
    """
    return target.parent / f".{target.name}.{kind}"


@contextmanager
def hidden_folder(
    target: Path, kind: str, *, go_on: bool = False, fresh: bool = True, keep: bool = False
) -> Iterator[Path]:
    """Make a hidden folder beside an output for the body of a with statement, and lock it.

    Parameters
    ----------
    target : Path
        The output. Missing parents are made.
    kind : str
        What is in the hidden folder; a part of its name.
    go_on : bool, optional
        Keep the folder if the body fails.
    fresh : bool, optional
        Remove what an earlier run left. An older output that it had put aside comes back.
    keep : bool, optional
        Keep the folder when the body ends well.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    InUseError
        Another process works in it.
    OutputError
        It cannot be made, or the disk is full or failed while the body wrote into it.
    """
    folder = hidden_path(target, kind)
    new_parents = [parent for parent in target.parents if not parent.exists()]  # deepest first
    existed, ended_well = folder.exists(), False
    lock = Lock(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        if not existed:
            remove(folder)
        _remove_empty(new_parents)
        raise OutputError(_cannot_write(target.parent, error)) from error
    try:
        if existed and fresh:
            logger.warning("What an earlier run had left in %s was removed", folder)
            _clear(folder, target)
        yield folder
        ended_well = True
    except OSError as error:
        if _is_about(error, folder):
            raise OutputError(_cannot_write(target.parent, error) + (GOES_ON if go_on else "")) from error
        raise
    except (OutputError, OutOfMemoryError) as error:
        raise type(error)(f"{error}{GOES_ON if go_on else ''}") from error
    finally:
        lock.release()
        with suppress(PermissionError):  # the folder is not ours any more
            if not keep if ended_well else not (go_on and _has_folders(folder)):
                remove(folder)
                _remove_empty(new_parents)


def remove(folder: Path) -> None:
    """Delete a hidden folder; log it if that fails, as on Windows if a file is still open.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        logger.warning("The hidden folder %s could not be deleted (%s). Delete it by hand.", folder, error)


def _has_folders(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_dir() for path in folder.iterdir())


def _clear(folder: Path, target: Path) -> None:
    if (folder / REPLACED).exists() and not target.exists():
        (folder / REPLACED).rename(target)
    for path in folder.iterdir():
        if path.is_dir():
            remove(path)
        elif path.name not in (LOCK, OWNER):
            path.unlink()


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether an error says that writing into a folder failed."""
    if error.filename is not None:
        return Path(str(error.filename)).is_relative_to(folder)
    return error.errno in DISK_FULL | DISK_FAILED or bool(error.errno is None and SHORT_WRITE.search(str(error)))


def _cannot_write(parent: Path, error: OSError) -> str:
    if error.errno in DISK_FULL or error.errno is None:
        where = parent if parent.exists() else Path(parent.anchor)
        free_mb = shutil.disk_usage(where).free / 1e6
        return (
            f"The disk is full: {where} has {free_mb:,.0f} MB left. Free some space, or choose a place on another disk "
            "with --out."
        )
    return (
        f"The result cannot be written into {parent}: {error.strerror or error}. Check the disk and your permissions, "
        "or choose another folder with --out."
    )
