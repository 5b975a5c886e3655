"""Rows of a pass on disk, with the state after each piece of work, for a pass whose pieces build on one another."""

from __future__ import annotations

import os
import shutil
import time
import zlib
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine import codec
from spikesieve.engine.arrays import HEADER_BYTES, GrowingArray, row_bytes
from spikesieve.engine.checksums import PIECE_BYTES
from spikesieve.engine.journal import SYNC_S

SUFFIX = ".checkpoint-"
# The last state that is known to be on the disk, the last one that was saved, and the one that is being saved.
N_SLOTS = 3


@dataclass
class Column:
    """A column and what of it belongs to the saved state.

    Attributes
    ----------
    row_shape : tuple of int
        Shape of a row.
    dtype : object
        Type of the values, as `numpy.lib.format` describes it.
    n_rows : int
        Number of rows.
    crc32 : int
        Checksum of all of them.
    """

    row_shape: tuple[int, ...]
    dtype: Any
    n_rows: int = 0
    crc32: int = 0


@dataclass
class Progress:
    """What is said about a saved state.

    Attributes
    ----------
    n_done, n_items : int
        Pieces of work that are done, and their number.
    columns : dict of str to Column
        The columns.
    """

    n_done: int = 0
    n_items: int = 0
    columns: dict[str, Column] = field(default_factory=dict)


class Checkpoints:
    """The rows of a pass and its state after each piece of work. Use it in a with statement.

    Parameters
    ----------
    folder : Path
        Folder of the step.
    root : Path
        Folder of all steps.
    name : str
        Start of the names of the files.
    is_kept : bool
        Whether states are saved, from which a later run goes on.
    """

    def __init__(self, folder: Path, root: Path, name: str, is_kept: bool) -> None:
        self._folder, self._root, self._name, self._is_kept = folder, root, name, is_kept
        self._files, self._synced_s = ExitStack(), time.monotonic()
        self._columns: dict[str, GrowingArray] = {}
        self._now = Progress()
        self._saved, self._synced = -1, -1

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def load(self, start: Any) -> tuple[int, Any]:
        """Find where an earlier run came to.

        Parameters
        ----------
        start : object
            The state before the first piece of work.

        Returns
        -------
        n_done : int
            Pieces of work that are done.
        state : object
            The state after them.
        """
        for slot, progress in _slots(self._folder, self._name) if self._is_kept else ():
            try:
                state = codec.in_memory(codec.load(slot, self._root))  # its files are written again
            except codec.DecodeError:
                continue
            if all(_is_intact(self._column(name), column) for name, column in progress.columns.items()):
                self._now, self._saved = progress, int(slot.name.rpartition("-")[2])
                for name, column in progress.columns.items():
                    self._open(name, column.n_rows)
                return progress.n_done, state
        return 0, start

    def add(self, n_items: int, state: Any, rows: dict[str, NDArray[Any]]) -> None:
        """Note that one more piece of work is done.

        Parameters
        ----------
        n_items : int
            Number of all pieces.
        state : object
            The state after it: anything that `codec.save` accepts.
        rows : dict of str to ndarray
            Rows for each column, the same columns for every piece of work.
        """
        for name, part in rows.items():
            if name not in self._columns:
                self._now.columns[name] = Column(part.shape[1:], np.lib.format.dtype_to_descr(part.dtype))
                self._open(name, None)
            column = self._now.columns[name]
            column.crc32 = self._columns[name].append(part, column.crc32)
            column.n_rows += len(part)
        self._now.n_done, self._now.n_items = self._now.n_done + 1, n_items
        if self._is_kept:
            self._save(state)

    def finish(self) -> dict[str, NDArray[Any]]:
        """Complete the columns.

        Returns
        -------
        dict of str to ndarray
            All rows of each column, memory-mapped.
        """
        return {name: column.finish() for name, column in self._columns.items()}

    def _column(self, name: str) -> Path:
        return self._folder / f"{self._name}.{name}.npy"

    def _open(self, name: str, n_rows: int | None) -> None:
        column = self._now.columns[name]
        opened = GrowingArray(self._column(name), tuple(column.row_shape), column.dtype, n_rows)
        self._columns[name] = self._files.enter_context(opened)

    def _save(self, state: Any) -> None:
        """Write the state into a slot, so that the last one, and the last one on the disk, stay."""
        to_disk = time.monotonic() > self._synced_s + SYNC_S
        for column in self._columns.values():
            column.flush(to_disk)
        number = next(n for n in range(N_SLOTS) if n not in (self._saved, self._synced))
        slot = self._folder / f"{self._name}{SUFFIX}{number}"
        if slot.exists():
            shutil.rmtree(slot)
        slot.mkdir()
        codec.save(state, slot, self._root, asdict(self._now))
        if to_disk:
            for path in codec.files_of(slot):
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            self._synced, self._synced_s = number, time.monotonic()
        self._saved = number


def passes(folder: Path) -> set[str]:
    """Name the passes that have a saved state.

    Parameters
    ----------
    folder : Path
        Folder of an unfinished step.

    Returns
    -------
    set of str
        The names, with which their files begin.
    """
    return {path.name.rpartition(SUFFIX)[0] for path in folder.glob(f"*{SUFFIX}?")}


def position(folder: Path) -> tuple[int, int] | None:
    """Say where the pass goes on that an earlier run began in a folder.

    Parameters
    ----------
    folder : Path
        Folder of an unfinished step.

    Returns
    -------
    (int, int) or None
        Number of the piece of work that comes next, counted from 1, and the number of pieces; None without such a pass.
    """
    for name in sorted(passes(folder)):
        for _, progress in _slots(folder, name)[:1]:
            return min(progress.n_done + 1, progress.n_items), progress.n_items
    return None


def _slots(folder: Path, name: str) -> list[tuple[Path, Progress]]:
    """The states that are whole, the latest first."""
    found = []
    for slot in folder.glob(f"{name}{SUFFIX}?"):
        with suppress(codec.DecodeError):
            about = codec.read_about(slot)
            columns = {column: Column(**facts) for column, facts in about.pop("columns").items()}
            found.append((slot, Progress(**about, columns=columns)))
    return sorted(found, key=lambda each: -each[1].n_done)


def _is_intact(path: Path, column: Column) -> bool:
    """Whether the rows of a column have the bytes that were written."""
    left, crc32 = column.n_rows * row_bytes(tuple(column.row_shape), column.dtype), 0
    if not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while left and (piece := file.read(min(left, PIECE_BYTES))):
            left, crc32 = left - len(piece), zlib.crc32(piece, crc32)
    return left == 0 and crc32 == column.crc32
