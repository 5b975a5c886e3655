"""Columns of the blocks of a pass on disk, with a journal of the blocks that are done, from which the pass goes on."""

from __future__ import annotations

import json
import logging
import os
import time
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.arrays import HEADER_BYTES, GrowingArray, row_bytes
from spikesieve.engine.blocks import Block

logger = logging.getLogger(__name__)

SUFFIX = ".journal"
# Of the lines. A journal of another format is not read.
FORMAT = 2
# Blocks are handed to the system one by one, and reach the disk this often.
SYNC_S = 5.0

# Shape of a row and type of each column.
Form = dict[str, tuple[tuple[int, ...], Any]]


class OtherBytesError(Exception):
    """A block that was computed again has other bytes than in the journal."""


@dataclass(frozen=True)
class Entry:
    """A block that is done: a line of the journal.

    Attributes
    ----------
    start, stop : int
        First sample of the block, and the first sample after it.
    middle : float
        Sample whose displacement of the tissue holds for the block.
    rows : dict of str to int
        Number of rows in each column.
    crc32 : dict of str to int
        Checksum of these rows in each column.
    sums : dict of str to int
        Whole numbers that are added up.
    """

    start: int
    stop: int
    middle: float
    rows: dict[str, int]
    crc32: dict[str, int]
    sums: dict[str, int]


class BlockColumns:
    """The columns of all blocks of a pass, written block by block. Use it in a with statement.

    Parameters
    ----------
    folder : Path
        Folder of the step.
    name : str
        Start of the names of the files.
    is_kept : bool
        Whether a journal is written, from which a later run goes on.
    """

    def __init__(self, folder: Path, name: str, is_kept: bool) -> None:
        self._folder, self._name, self._is_kept = folder, name, is_kept
        self._files, self._synced_s = ExitStack(), time.monotonic()
        self._done: list[Entry] = []
        self._again: Entry | None = None
        self._form: Form = {}
        self._columns: dict[str, GrowingArray] = {}
        self._journal: _Journal | None = None
        self._n_blocks = 0

    @property
    def path(self) -> Path:
        """The journal."""
        return self._folder / f"{self._name}{SUFFIX}"

    @property
    def n_done(self) -> int:
        """Blocks that are done."""
        return len(self._done)

    def rest(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """Find the blocks that are still to do, after those in the journal of an earlier run.

        Parameters
        ----------
        blocks : tuple of Block
            All blocks, in order of time.

        Returns
        -------
        tuple of Block
            The last block of the journal, which is done once more, and all after it. The finished blocks stay as they
            were cut.
        """
        self._n_blocks = len(blocks)
        lines = _read(self.path)
        found = [Entry(**line.content) for line in lines[1:]]
        columns = lines[0].content["columns"] if lines else {}
        form = {name: (tuple(shape), dtype) for name, (shape, dtype) in columns.items()}
        n_good = min((_n_intact(self._column(name), *form[name], name, found) for name in form), default=0)
        left = _after(blocks, found[: n_good - 1], found[n_good - 1]) if n_good else None
        if left is None:
            if self.path.is_file():
                logger.warning(
                    "%s starts anew: its finished blocks are damaged, of another version, or others than now",
                    self._name,
                )
            return blocks
        self._form, self._done, self._again = form, found[: n_good - 1], found[n_good - 1]
        for name in form:
            self._open(name, sum(entry.rows[name] for entry in self._done))
        self._journal = self._files.enter_context(_Journal(self.path, lines[n_good - 1]))
        logger.info("%s goes on at block %d of %d", self._name, n_good, n_good - 1 + len(left))
        return left

    def start_anew(self) -> None:
        """Forget the blocks that are done."""
        self._files.close()
        self._done, self._again, self._form, self._columns, self._journal = [], None, {}, {}, None

    def append(self, block: Block, arrays: dict[str, NDArray[Any]], sums: dict[str, int]) -> None:
        """Write the result of a block.

        Parameters
        ----------
        block : Block
            The block, the next one of `rest`.
        arrays : dict of str to ndarray
            Its rows in each column.
        sums : dict of str to int
            Whole numbers that are added up.

        Raises
        ------
        OtherBytesError
            The block was done before and had other bytes.
        ValueError
            The rows do not fit those of earlier blocks.
        """
        if not self._form:
            self._begin(arrays)
        crc32 = {name: self._columns[name].append(rows) for name, rows in arrays.items()}
        n_rows = {name: len(rows) for name, rows in arrays.items()}
        entry = Entry(block.start, block.stop, block.middle, n_rows, crc32, sums)
        again, self._again = self._again, None
        if again not in (None, entry):
            raise OtherBytesError
        self._done.append(entry)
        if self._journal is not None:
            to_disk = time.monotonic() > self._synced_s + SYNC_S
            for column in self._columns.values():
                column.flush(to_disk)
            self._journal.append(asdict(entry), to_disk)
            self._synced_s = time.monotonic() if to_disk else self._synced_s

    def finish(self) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
        """Complete the columns.

        Returns
        -------
        arrays : dict of str to ndarray
            The rows of all blocks in each column, memory-mapped.
        sums : dict of str to int
            The sums over all blocks.
        """
        sums: dict[str, int] = {}
        for entry in self._done:
            for name, value in entry.sums.items():
                sums[name] = sums.get(name, 0) + value
        return {name: column.finish() for name, column in self._columns.items()}, sums

    def __enter__(self) -> BlockColumns:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def _column(self, name: str) -> Path:
        return self._folder / f"{self._name}.{name}.npy"

    def _open(self, name: str, n_rows: int | None) -> None:
        opened = GrowingArray(self._column(name), *self._form[name], n_rows)
        self._columns[name] = self._files.enter_context(opened)

    def _begin(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._form = {name: (rows.shape[1:], np.lib.format.dtype_to_descr(rows.dtype)) for name, rows in arrays.items()}
        for name in arrays:
            self._open(name, None)
        if self._is_kept:
            self._journal = self._files.enter_context(_Journal(self.path))
            self._journal.append({"format": FORMAT, "columns": self._form, "n_blocks": self._n_blocks}, False)


def position(folder: Path) -> tuple[int, int] | None:
    """Say where the pass goes on that an earlier run began in a folder.

    Parameters
    ----------
    folder : Path
        Folder of an unfinished step.

    Returns
    -------
    (int, int) or None
        Number of the block that comes next, counted from 1, and the number of blocks; None if there is no such pass.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        lines = _read(path)
        if len(lines) > 1:  # the first one says what is in the others
            n_blocks = lines[0].content["n_blocks"]
            return min(len(lines), n_blocks), n_blocks
    return None


class _Journal:
    """A file of lines. Each has a checksum of itself and of all lines before it."""

    def __init__(self, path: Path, after: _Line | None = None) -> None:
        """Open a new file, or go on after a line of an existing one; what lies behind it is cut off."""
        self._file = path.open("wb" if after is None else "rb+")
        self._crc32 = 0 if after is None else after.crc32
        self._file.truncate(0 if after is None else after.end)
        self._file.seek(0, os.SEEK_END)

    def append(self, content: object, to_disk: bool) -> None:
        text = json.dumps(content).encode()
        self._crc32 = zlib.crc32(text, self._crc32)
        self._file.write(b"%08x %s\n" % (self._crc32, text))
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass(frozen=True)
class _Line:
    content: Any
    end: int
    crc32: int


def _read(path: Path) -> list[_Line]:
    """Read a journal up to the first line that is damaged; nothing of one that has another format."""
    lines, end, crc32 = [], 0, 0
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        crc32, end = zlib.crc32(text, crc32), end + len(line)
        if not line.endswith(b"\n") or checksum != b"%08x" % crc32:
            break
        lines.append(_Line(json.loads(text), end, crc32))
    of_this_format = bool(lines) and isinstance(lines[0].content, dict) and lines[0].content.get("format") == FORMAT
    return lines if of_this_format else []


def _n_intact(path: Path, row_shape: tuple[int, ...], dtype: Any, name: str, entries: Sequence[Entry]) -> int:
    """Count the blocks, from the first, whose rows in a column have the bytes that were written."""
    n_bytes = row_bytes(row_shape, dtype)
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        for n, entry in enumerate(entries):
            piece = file.read(entry.rows[name] * n_bytes)
            if len(piece) < entry.rows[name] * n_bytes or zlib.crc32(piece) != entry.crc32[name]:
                return n
    return len(entries)


def _after(blocks: tuple[Block, ...], done: Sequence[Entry], last: Entry) -> tuple[Block, ...] | None:
    """The last finished block and those after it. None if the finished blocks are not the first part of `blocks`."""
    finished = _joined([(entry.start, entry.stop) for entry in (*done, last)])
    if finished != _joined([(b.start, min(b.stop, last.stop)) for b in blocks if b.start < last.stop]):
        return None
    holds = next(block for block in blocks if block.start < last.stop <= block.stop)
    after = [replace(b, start=max(b.start, last.stop)) for b in blocks if b.stop > last.stop]
    return (replace(holds, start=last.start, stop=last.stop, middle=last.middle), *after)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same spans, with those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return joined
