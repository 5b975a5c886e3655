"""The journal of a curation: a file to which every decision is added, and reaches the disk, before it is answered."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from spikesieve.curation.history import Entry
from spikesieve.engine.lock import Lock, read_owner
from spikesieve.errors import InputError, InUseError, OutputError
from spikesieve.io.curations.entries import entry_facts, entry_of
from spikesieve.io.plain_arrays import load_npy
from spikesieve.model import I64

FORMAT, VERSION = "spikesieve-curation", 1
JOURNAL, SPLITS, TORN = "journal.jsonl", "splits", "journal.torn"


@dataclass(frozen=True)
class Found:
    """What a journal holds.

    Attributes
    ----------
    entries : tuple of Entry
        All entries that reached the disk whole.
    end : int
        Bytes of these entries and of the line before them.
    torn : bytes
        What stands behind them: a line that was being written when the machine stopped.
    """

    entries: tuple[Entry, ...]
    end: int = 0
    torn: bytes = b""


def read_journal(folder: Path, identity: Mapping[str, Any]) -> Found:
    """Read a journal, without changing it.

    Parameters
    ----------
    folder : Path
        The folder of the curation.
    identity : mapping
        What tells the result apart from others. That of the journal must be the same.

    Returns
    -------
    Found
        Its entries; none if there is no journal.

    Raises
    ------
    InputError
        It is the journal of another result or of a later version of spikesieve, or the parts of a split are damaged.
    """
    path = folder / JOURNAL
    content = path.read_bytes() if path.is_file() else b""
    lines, end = _whole_lines(content)
    if not lines:
        return Found((), 0, content)
    _require_same(path, lines[0], identity)
    entries = []
    for number, line in enumerate(lines[1:], 1):
        try:
            entries.append(entry_of(line, lambda facts: _read_parts(folder, facts)))
        except ValueError as error:
            raise InputError(f"Entry {number} of {path} cannot be read ({error}). Copy it from a backup.") from error
        if entries[-1].number != number:
            raise InputError(f"{path} lacks entry {number}. Copy it from a backup.")
    return Found(tuple(entries), end, content[end:])


def _whole_lines(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """The lines before the first one that is damaged, and where they end.

    Each begins with a checksum of itself and of all lines before it.
    """
    lines: list[dict[str, Any]] = []
    end = crc32 = 0
    for line in content.splitlines(keepends=True):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        crc32 = zlib.crc32(text, crc32)
        if not line.endswith(b"\n") or checksum != b"%08x" % crc32:
            break
        lines.append(json.loads(text))
        end += len(line)
    return lines, end


def _require_same(path: Path, head: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise InputError(f"{path} was written by another version of spikesieve: install that one, or move it away.")
    if head.get("result") != dict(identity):
        raise InputError(
            f"{path} is of another result: its spikes are others. Move the folder {path.parent} away to start anew."
        )


def _read_parts(folder: Path, facts: Mapping[str, Any]) -> I64:
    path = folder / SPLITS / Path(str(facts["file"])).name
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        part = load_npy(path)
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror}") from error
    if found != facts["sha256"]:
        raise ValueError(f"{path.name} has other bytes than were written")
    return np.asarray(part, np.int64)


class Journal:
    """A journal that is written to. Use it in a with statement: it locks the folder.

    Parameters
    ----------
    folder : Path
        The folder of the curation. It is made if it does not exist.
    identity : mapping
        What tells the result apart from others.

    Attributes
    ----------
    found : Found
        What the journal held when it was opened.

    Raises
    ------
    InUseError
        When it is entered: another process curates this result.
    InputError
        When it is entered: the journal is of another result, or damaged.
    OutputError
        When it is entered: the folder cannot be written.
    """

    found: Found

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self._folder, self._identity = folder, dict(identity)
        self._lock: Lock | None = None
        self._file = -1
        self._crc32 = self._end = 0

    def __enter__(self) -> Journal:
        try:
            (self._folder / SPLITS).mkdir(parents=True, exist_ok=True)
            lock = Lock(self._folder)
            lock.acquire()
        except InUseError as error:
            owner = read_owner(self._folder)
            who = "Another process" if owner is None else f"Process {owner.pid} on {owner.host}, since {owner.since},"
            raise InUseError(
                f"{who} curates {self._folder.parent}. Use its page, stop it, or give --read-only."
            ) from error
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written ({error.strerror}). Give --read-only.") from error
        self._lock = lock
        try:
            self.found = read_journal(self._folder, self._identity)
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def append(self, entry: Entry) -> None:
        """Write an entry. When this returns, it is on the disk.

        Parameters
        ----------
        entry : Entry
            The next entry.

        Raises
        ------
        OutputError
            It cannot be written; then the journal is as it was.
        """
        splits = 0

        def keep(part: I64) -> dict[str, Any]:
            nonlocal splits
            splits += 1
            return self._keep_parts(f"{entry.number:06d}-{splits}.npy", part)

        try:
            self._write(entry_facts(entry, keep))
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise OutputError(f"{self._folder / JOURNAL} cannot be written: {error.strerror}.") from error

    def _open(self) -> None:
        path, found = self._folder / JOURNAL, self.found
        if found.torn:
            _write_synced(self._torn_path(), found.torn)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        if found.torn:
            os.ftruncate(self._file, found.end)
            os.fsync(self._file)
        for line in path.read_bytes().splitlines():
            self._crc32 = zlib.crc32(line.partition(b" ")[2], self._crc32)
        self._end = found.end
        if not found.end:
            self._write({"format": FORMAT, "version": VERSION, "result": self._identity})
            _sync_folder(self._folder)

    def _torn_path(self) -> Path:
        """A name that is free: nothing that was once written is replaced."""
        number = 1
        while (path := self._folder / f"{TORN}.{number}").exists():
            number += 1
        return path

    def _write(self, facts: Mapping[str, Any]) -> None:
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        crc32 = zlib.crc32(text, self._crc32)
        line = b"%08x %s\n" % (crc32, text)
        written = os.write(self._file, line)
        if written < len(line):
            raise OSError(0, f"only {written} of {len(line)} bytes were written: is the disk full?")
        os.fsync(self._file)
        self._crc32, self._end = crc32, self._end + len(line)

    def _keep_parts(self, name: str, part: I64) -> dict[str, Any]:
        n_parts = int(part.max(initial=0)) + 1
        path = self._folder / SPLITS / name
        with path.open("wb") as file:
            np.save(file, part.astype(np.uint8 if n_parts <= 2**8 else np.uint32))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        return {"file": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the names of new files reach the disk, where folders can be opened for that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
