"""The sorting page: its server in a thread, or as the command in a process that can be killed; recordings for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from app_server import Answer, Client
from small_files import HZ, spiking, write_raw
from tornado.netutil import bind_sockets

from spikesieve.api.sorting_page.show import pages_of
from spikesieve.api.sorting_page.verbs import Desk
from spikesieve.app.security import CURATOR, Secrets
from spikesieve.app.server import Background, Listening
from spikesieve.batch.table import BatchTables
from spikesieve.io.roots import Roots

N_CHANNELS = 4
READING = {"n_channels": N_CHANNELS, "sampling_hz": HZ, "gain_uv": 1, "probe": f"linear:{N_CHANNELS}:25"}
ENDED = ("done", "failed", "ended")


def lab(folder: Path, seconds: float = 3.0) -> Path:
    """A folder with a recording of plain numbers."""
    root = folder / "lab"
    root.mkdir()
    write_raw(root, spiking(seconds, N_CHANNELS), "day.bin")
    return root.resolve()


class Sorting(NamedTuple):
    desk: Desk
    secrets: Secrets
    client: Client

    def ask(self, verb: str, **content: Any) -> Answer:
        return self.client.ask("POST", f"/api/ask/{verb}", content)


@contextmanager
def sorting_in_thread(root: Path, state: Path, read_only: bool = False) -> Iterator[Sorting]:
    """The page, served by a thread of this process."""
    sockets = bind_sockets(0, "127.0.0.1")
    secrets, port, desk = Secrets(), sockets[0].getsockname()[1], Desk(Roots([root]), state)
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        here = Listening(sockets, port, secrets, pool)
        pages = pages_of(desk, here, read_only, stack, BatchTables().facts)
        page = Background(pages, here, pages.close)
        try:
            yield Sorting(desk, secrets, Client(port).log_in(secrets.tokens[CURATOR]))
        finally:
            page.close()


class AppProcess:
    """`spikesieve app FOLDER` in a process of its own."""

    def __init__(self, root: Path, state: Path) -> None:
        words = [sys.executable, "-m", "spikesieve", "app", str(root)]
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "XDG_STATE_HOME": str(state)}
        )
        assert self._process.stdout is not None
        line = next(line for line in self._process.stdout if line.startswith("Open: "))
        self.address, _, token = line.split()[1].partition("#t=")
        self.url = f"{self.address}#t={token}"
        self.client = Client(int(self.address.rstrip("/").rpartition(":")[2])).log_in(token)

    def ask(self, verb: str, **content: Any) -> Any:
        answer = self.client.ask("POST", f"/api/ask/{verb}", content)
        assert answer.status == 200, answer
        return answer.json

    def sorts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/api/show/sorts")["sorts"]
        return found

    def wait_for(self, *states: str, most_s: float = 300.0) -> dict[str, Any]:
        """Wait until the only sort is in one of these states."""
        until = time.monotonic() + most_s
        while time.monotonic() < until:
            (sort,) = self.sorts()
            if sort["state"] in states:
                return sort
            time.sleep(0.1)
        raise TimeoutError(str(self.sorts()))

    def kill(self) -> None:
        self._process.kill()
        self._close()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        self._close()
        return self._process.returncode

    def _close(self) -> None:
        self._process.communicate(timeout=30)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a result but those that hold times of the run."""
    of_run = ("provenance.json", "spikesieve.log", "report.html")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in of_run)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def raw_of(root: Path) -> np.ndarray:
    """The samples of the recording of `lab`."""
    return np.fromfile(root / "day.bin", np.int16).reshape(-1, N_CHANNELS)
