"""A lock on a folder: one process at a time works in it. The lock of a process that died is taken over."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import psutil

from spikesieve.errors import InUseError

LOCK, OWNER = "lock", "owner.json"
# The owner touches its file this often. On another machine it counts as dead if it does not for `SILENT_S`.
BEAT_S, SILENT_S = 5.0, 30.0
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@dataclass(frozen=True)
class Owner:
    """A process that works in a folder.

    Attributes
    ----------
    host : str
        Name of its computer.
    machine : str
        What tells apart the process numbers of two computers, of two containers, and before and after a reboot.
    pid : int
        Its process number.
    process_start : float
        When the process started, since process numbers are used again: on Linux in ticks since the machine started,
        elsewhere in s by the clock.
    since : str
        Time at which it began to work in the folder.
    """

    host: str
    machine: str
    pid: int
    process_start: float
    since: str

    @classmethod
    def this_process(cls) -> Owner:
        """Describe this process.

        Returns
        -------
        Owner
            Host, process number and times.
        """
        return cls.of_process(os.getpid())

    @classmethod
    def of_process(cls, pid: int) -> Owner:
        """Describe a process of this machine.

        Parameters
        ----------
        pid : int
            Its process number.

        Returns
        -------
        Owner
            Host, process number and times.

        Raises
        ------
        OSError or psutil.Error
            There is no such process.
        """
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        return cls(socket.gethostname(), _machine(), pid, _started(pid), now)

    def is_running(self) -> bool:
        """Look for the process, which must be one of this machine.

        Returns
        -------
        bool
            Whether it runs.
        """
        try:
            return abs(_started(self.pid) - self.process_start) < 1.0
        except (psutil.Error, OSError):
            return False


class Lock:
    """A lock on a folder, held within a with statement. It is no obstacle once its process has died.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Raises
    ------
    InUseError
        When it is entered: another process, or another sort of this process, works in the folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Lock(Path(folder)):
    ...     try:
    ...         Lock(Path(folder)).acquire()
    ...     except InUseError:
    ...         print("in use")
    in use
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._file: BinaryIO | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        InUseError
            Another process, or another sort of this process, works in the folder.
        """
        me, owner = Owner.this_process(), read_owner(self._folder)
        # Closing any handle of a file releases the locks that this process has on it, so it is not even opened.
        mine = owner is not None and (owner.machine, owner.pid) == (me.machine, me.pid) and owner.is_running()
        file = None if mine else (self._folder / LOCK).open("ab")
        if file is None or not _locked(file) or self._lives(owner, me):
            if file is not None:
                file.close()
            raise InUseError(_sentence(self._folder, read_owner(self._folder)))
        self._file = file
        self._write(me)
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def release(self) -> None:
        """Give the lock back. The empty lock file stays: removing it would let two others lock two files."""
        self._ended.set()
        try:
            (self._folder / OWNER).unlink(missing_ok=True)
        except OSError:  # the folder is not ours any more
            with suppress(OSError):
                os.truncate(self._folder / OWNER, 0)
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _lives(self, owner: Owner | None, me: Owner) -> bool:
        if owner is None:
            return False
        return owner.is_running() if owner.machine == me.machine else _is_touched(self._folder / OWNER)

    def _write(self, me: Owner) -> None:
        new = self._folder / f"{OWNER}.{me.pid}"
        new.write_text(json.dumps(asdict(me)), encoding="utf-8")
        new.replace(self._folder / OWNER)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                os.utime(self._folder / OWNER)
            except OSError:
                continue


def read_owner(folder: Path) -> Owner | None:
    """Read who works in a folder, or did when it died.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Owner or None
        None if the file does not exist or is damaged.
    """
    try:
        found = Owner(**json.loads((folder / OWNER).read_text(encoding="utf-8")))
        return found if isinstance(found.pid, int) and isinstance(found.process_start, float) else None
    except (OSError, ValueError, TypeError):
        return None


def _sentence(folder: Path, owner: Owner | None) -> str:
    who = "Another process"
    if owner is not None:
        who = f"Process {owner.pid} on {owner.host}, since {owner.since},"
    return f"{who} works in {folder}. Wait until it ends, stop it, or choose another place with --out."


def _started(pid: int) -> float:
    """When a process started. The clock may jump meanwhile, and with it the times that are derived from it."""
    if sys.platform == "linux":
        return float(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return psutil.Process(pid).create_time()


def _machine() -> str:
    """The boot of the machine and the container, where the system tells them; else the name of the host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _locked(file: BinaryIO) -> bool:
    """Lock a file, and say whether that worked. File systems without locks have only the owner's heartbeat."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # Not flock: workers that are forked would inherit it and keep it after their parent has died.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _BUSY
    return True


def _is_touched(path: Path) -> bool:
    """Watch a file. Its time is compared only with itself: clocks of two machines differ, and clocks jump."""
    seen, until = _changed_ns(path), time.monotonic() + SILENT_S
    while seen is not None and time.monotonic() < until:
        time.sleep(min(1.0, BEAT_S))
        now = _changed_ns(path)
        if now is not None and now != seen:
            return True
        seen = now
    return False


def _changed_ns(path: Path) -> int | None:
    try:
        with path.open("rb") as file:  # opened, because network file systems then ask the server
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None
