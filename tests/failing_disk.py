"""A disk that fails: the n-th time that a file is opened, or all that gets larger than a limit."""

from __future__ import annotations

import errno
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from small_files import run_sort

MAKES = ("os.mkdir", "os.rename")
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)
SAID = ("The disk is full", "cannot be written into", "can no longer be read")


@dataclass
class _Watch:
    """What is to happen the n-th time that something below a path is written or read."""

    path: Path | None = None
    is_read: bool = False
    at: int = 0
    act: Callable[[str], None] = print
    seen: list[str] = field(default_factory=list)
    is_hooked: bool = False

    def hear(self, event: str, args: tuple) -> None:
        if self.path is None or (event != "open" and (self.is_read or event not in MAKES)):
            return
        name = args[1] if event == "os.rename" else args[0]
        is_read = event == "open" and not (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if is_read != self.is_read or isinstance(name, int) or not Path(os.fsdecode(name)).is_relative_to(self.path):
            return
        self.seen.append(os.fsdecode(name))
        if len(self.seen) == self.at:
            self.act(self.seen[-1])


_WATCH = _Watch()


def fail(number: int) -> Callable[[str], None]:
    """Raise the error of the system with a number."""

    def raise_it(name: str) -> None:
        raise OSError(number, os.strerror(number), name)

    return raise_it


@contextmanager
def at_access(path: Path, at: int, act: Callable[[str], None], is_read: bool = False) -> Iterator[list[str]]:
    """Call `act` the n-th time that a file below a path is opened; to be written, unless `is_read`.

    Folders that are made or renamed count as written. Yields the names of all.
    """
    if not _WATCH.is_hooked:
        sys.addaudithook(lambda event, args: _WATCH.hear(event, args))  # for as long as Python runs
    _WATCH.is_hooked = True
    _WATCH.path, _WATCH.is_read, _WATCH.at, _WATCH.act, _WATCH.seen = path, is_read, at, act, []
    try:
        yield _WATCH.seen
    finally:
        _WATCH.path = None


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Have the system refuse to write more than so many bytes into a file, as a full disk does."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_sentence(result: object, folder: Path) -> bool:
    """Whether a command ended with status 2 and one error that names the folder and what to do."""
    said = " ".join(result.stderr.split())
    last = said.rpartition("Error: ")[2]
    words = any(each in last for each in SAID) and str(folder) in last
    return result.exit_code == 2 and said.count("Error: ") == 1 and "Traceback" not in said and words


def failing_again_and_again(
    raw: Path, out: Path, options: list[str], step: int, seed: int = 0
) -> Iterator[tuple[bool, str]]:
    """Sort on a disk that fails later and later until the sort is done. Yields whether it ended well, and where."""
    chance, result, at = random.Random(seed), None, 0
    while result is None or result.exit_code:
        at += chance.randint(1, 2 * step - 1)
        with at_access(out.parent, at, fail(chance.choice(ERRORS))) as seen:
            result = run_sort(raw, out, *options)
        yield result.exit_code == 0 or is_sentence(result, out.parent), f"{seen[-1]}: {result.stderr[-500:]}"
