"""The server: addresses, start and end."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from spikesieve.app import answers, handlers, trace_answers
from spikesieve.app.describer import Describer
from spikesieve.app.security import CURATOR, LOCAL_NAMES, VIEWER, Secrets
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.errors import OutputError

MAX_BODY_BYTES = 16 * 2**20
N_THREADS = 4
SWITCH_S = 0.0005
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Place:
    """Where the server listens.

    Attributes
    ----------
    host : str
        Address of this machine.
    port : int
        Port; 0 takes a free one.
    names : tuple of str
        More names under which it may be asked for, such as that of a proxy.
    """

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()


def application(served: handlers.Served) -> Application:
    """Make the table of addresses.

    Parameters
    ----------
    served : handlers.Served
        What the handlers share.

    Returns
    -------
    Application
        For Tornado.
    """
    shared = {"served": served}
    traces = served.traces

    def answer(make: answers.Make, is_fixed: bool = False) -> dict[str, object]:
        return {**shared, "make": make, "is_fixed": is_fixed}

    return Application(
        [
            (r"/api/login", handlers.Login, shared),
            (r"/api/start", handlers.Answer, answer(answers.start)),
            (r"/api/history", handlers.Answer, answer(answers.past)),
            (r"/api/unit/(\d+)", handlers.Answer, answer(answers.unit, True)),
            (r"/api/correlograms", handlers.Answer, answer(answers.correlograms, True)),
            (r"/api/scatter/(\d+)", handlers.Answer, answer(answers.scatter, True)),
            (r"/api/ranges/(\d+)", handlers.Answer, answer(answers.ranges)),
            (r"/api/snippets/(\d+)", handlers.Answer, answer(answers.snippets, True)),
            (r"/api/similar/(\d+)", handlers.Answer, answer(answers.similar)),
            (r"/api/queue", handlers.Answer, answer(answers.queue)),
            (r"/api/traces", handlers.Answer, answer(partial(trace_answers.about, traces))),
            (r"/api/traces/(\w+)/(\d+)", handlers.Answer, answer(partial(trace_answers.tile, traces), True)),
            (r"/api/trace-spikes/(\d+)", handlers.Answer, answer(partial(trace_answers.spikes, traces))),
            (r"/api/trace-jump", handlers.Answer, answer(partial(trace_answers.jump, traces))),
            (r"/api/marks", handlers.Answer, answer(partial(trace_answers.marks, served.marks))),
            (r"/api/mark", handlers.PutMark, shared),
            (r"/api/act", handlers.Decide, shared),
            (r"/api/lasso", handlers.Lasso, shared),
            (r"/api/export", handlers.Export, shared),
            (r"/api/events", handlers.Events, shared),
            (r"/([\w./-]*)", handlers.Static, shared),
        ],
        log_function=lambda handler: None,
    )


def serve(
    session: Session,
    place: Place,
    exports: Mapping[str, Callable[[], str]],
    announce: Callable[[str], None],
    traces: tuple[Traces | None, Marks | None] = (None, None),
) -> None:
    """Show a result until Ctrl-C.

    Parameters
    ----------
    session : Session
        The result.
    place : Place
        Where to listen.
    exports : mapping of str to callable
        What can be exported.
    announce : callable
        Called with the lines that tell people where the page is.
    traces : (Traces or None, Marks or None), optional
        The traces, where the recording is there, and the marks on them.

    Raises
    ------
    OutputError
        The port is taken.
    """
    try:
        sockets = bind_sockets(place.port, place.host)
    except OSError as error:
        raise OutputError(
            f"{place.host}:{place.port} cannot be used ({error.strerror}). Give another --port."
        ) from error
    # Threads that compute give way to those that answer.
    sys.setswitchinterval(SWITCH_S)
    port = int(sockets[0].getsockname()[1])
    secrets = Secrets(hosts=LOCAL_NAMES | set(place.names) | (set() if place.host in LOOPBACK else {place.host}))
    with ThreadPoolExecutor(N_THREADS, "views") as pool:
        served = handlers.Served(session, secrets, pool, port, exports, *traces)
        with suppress(KeyboardInterrupt):
            asyncio.run(_until_stopped(served, sockets, lambda: _announce(place, port, secrets, session, announce)))
        session.queue.stop()


async def _until_stopped(served: handlers.Served, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
    server = HTTPServer(application(served), max_body_size=MAX_BODY_BYTES)
    server.add_sockets(sockets)
    stop = asyncio.Event()
    with suppress(NotImplementedError):  # Windows
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loop = asyncio.get_running_loop()

    def tell(rows: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(served.tell, rows)

    with Describer(served.session, tell):
        ready()
        await stop.wait()
    server.stop()
    for page in tuple(served.sockets):
        page.close()
    await server.close_all_connections()


def _announce(place: Place, port: int, secrets: Secrets, session: Session, announce: Callable[[str], None]) -> None:
    host = "localhost" if place.host in LOOPBACK else place.host
    announce(f"Open: http://{host}:{port}/#t={secrets.tokens[CURATOR]}")
    if not session.is_read_only:
        announce(f"To look on only: http://{host}:{port}/#t={secrets.tokens[VIEWER]}")
    if place.host in LOOPBACK:
        announce(f"From another machine, first there: ssh -L {port}:localhost:{port} {socket.gethostname()}")
    else:
        announce(
            f"Everybody who reaches {place.host}:{port} and knows the address can see this, and nothing is encrypted."
        )
    announce("Ctrl-C ends it.")
