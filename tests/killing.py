"""Sorts that are killed at random moments and go on, and what of two result folders is not the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

NOT_COMPARED = {"provenance.json", "spikesieve.log", "report.html"}
"""Files with times and the memory that was used."""


def command(raw: Path, out: Path, n_channels: int, extra: Sequence[str] = ()) -> list[str]:
    """`spikesieve sort` of a raw file of a linear probe."""
    words = ["--probe", f"linear:{n_channels}:25", "--channels", str(n_channels), "--sampling-hz", "30000"]
    words += ["--gain-uv", "2.34375", "--out", str(out), *extra]
    return [sys.executable, "-m", "spikesieve", "sort", str(raw), *words]


def killed(words: list[str], after_s: float) -> bool:
    """Start a command, and kill it and its workers after some time. Returns whether it had not ended by itself."""
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {said.decode()}")
    return False


def kill_until_done(words: list[str], out: Path, seconds: float, chance: random.Random) -> Iterator[float]:
    """Kill a command at random moments within `seconds` until its result is there. Yields each moment."""
    while not out.exists() and killed(words, after_s := chance.uniform(0.0, seconds)):
        yield after_s


def duration_s(words: list[str]) -> float:
    """Run a command and measure how long it takes."""
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - start


def unlike(one: Path, other: Path) -> list[str]:
    """Names of the files of two folders that do not have the same bytes in both."""
    files = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    return sorted(
        str(name)
        for name in files
        if name.name not in NOT_COMPARED
        and not ((one / name).exists() and (other / name).exists() and _same(one / name, other / name))
    )


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def end_this_process(item: int) -> int:
    """Item 3 ends its process, as the system does where memory is short."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item
