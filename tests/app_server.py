"""A server on a made-up result: in a thread, or as a process that can be killed. Requests with any headers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from make_sorting import make_sorting, write_raw
from tornado.netutil import bind_sockets

from spikesieve import recording_from_array
from spikesieve.api.app import open_session
from spikesieve.api.result_to_show import of_sorting
from spikesieve.api.traces_to_show import traces_of
from spikesieve.app.exchange import Exchange
from spikesieve.app.security import CURATOR, Secrets
from spikesieve.app.served import Served
from spikesieve.app.server import Background, Listening, Place, application, serve
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.curation.history import History
from spikesieve.views.result import Result

JSON_POST = {"Content-Type": "application/json", "X-Spikesieve": "page"}


def small_result(n_units: int = 8, n_spikes: int = 2000) -> Result:
    return of_sorting(make_sorting(n_units, n_spikes), "made-up")


def with_traces(folder: Path, n_spikes: int = 600) -> Result:
    """A result whose raw file holds its spikes and noise."""
    sorting = make_sorting(4, n_spikes)
    recording = write_raw(folder / "raw.bin", sorting)
    hiss = np.random.default_rng(0).normal(0, 12, (recording.n_samples, recording.n_channels))
    samples = (recording.read(0, recording.n_samples) + hiss).astype(np.int16)
    return of_sorting(sorting, "with traces", recording=recording_from_array(samples, sorting.sampling_hz, 0.5))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Asks a server, with the cookie of a role if it has logged in."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""

    def ask(
        self, method: str, path: str, content: object = None, headers: dict[str, str] | None = None, cookie: bool = True
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        own = {"Cookie": self.cookie} if self.cookie and cookie else {}
        body = None if content is None else json.dumps(content)
        try:
            connection.request(
                method, path, body, {**own, **(JSON_POST if method == "POST" else {}), **(headers or {})}
            )
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def log_in(self, token: str) -> Client:
        answer = self.ask("POST", "/api/login", {"token": token})
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def act(self, what: str, seq: int, request: str, **content: Any) -> Answer:
        return self.ask("POST", "/api/act", {"do": what, "seq": seq, "request": request, **content})


class Running(NamedTuple):
    served: Served
    client: Client


@contextmanager
def in_thread(
    session: Session,
    traces: tuple[Traces | None, Marks | None] = (None, None),
    exchange: Exchange = Exchange(),  # noqa: B008 it is frozen
) -> Iterator[Running]:
    """A result, shown by a thread of this process."""
    sockets = bind_sockets(0, "127.0.0.1")
    with ThreadPoolExecutor(2) as pool:
        served = Served(session, Secrets(), pool, sockets[0].getsockname()[1], exchange, *traces)
        page = Background(application(served), Listening(sockets, served.port, served.secrets, pool), served.close)
        try:
            yield Running(served, Client(served.port).log_in(served.secrets.tokens[CURATOR]))
        finally:
            page.close()


@contextmanager
def kept_in_memory(result: Result) -> Iterator[Running]:
    """A server whose decisions and marks are written nowhere."""
    traces = traces_of(result, None), Marks({}, lambda mark: None)
    with in_thread(Session(result, History.of(result.units), lambda entry: None), traces) as running:
        yield running


class Process:
    """A server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, __file__, str(folder)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.strip())
            if line.startswith("Open: "):
                address, _, token = line.split()[1].partition("#t=")
                self.address, self.token = address, token
                self.client = Client(int(address.rstrip("/").rpartition(":")[2])).log_in(token)
                return
        raise RuntimeError("\n".join(self.said))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=20)
        return self._process.returncode


def membership(session: Session) -> dict[int, list[int]]:
    """The spikes of each unit, for comparisons."""
    return {unit: np.asarray(rows).tolist() for unit, rows in session.units.rows.items()}


def main() -> None:
    result = small_result()

    def announce(line: str) -> None:
        print(line, flush=True)

    with ExitStack() as stack:
        serve(open_session(result, Path(sys.argv[1]), False, stack, announce), Place(), Exchange(), announce)


if __name__ == "__main__":
    main()
