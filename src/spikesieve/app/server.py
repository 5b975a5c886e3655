"""The server: addresses, start and end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets
from tornado.web import Application

from spikesieve.app import answers, handlers, panel_answers, trace_answers
from spikesieve.app.security import CURATOR, LOCAL_NAMES, VIEWER, Secrets
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.errors import OutputError

MAX_BODY_BYTES = 16 * 2**20
N_THREADS = 4
WATCH_MS = 2_000
"""How often the files are looked at that other programs may change: their size and time only."""
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
            (r"/api/features/(\d+)", handlers.Answer, answer(panel_answers.features, True)),
            (r"/api/intervals/(\d+)", handlers.Answer, answer(panel_answers.intervals, True)),
            (r"/api/log_correlograms", handlers.Answer, answer(panel_answers.log_correlograms, True)),
            (r"/api/drift", handlers.Answer, answer(panel_answers.drift, True)),
            (r"/api/depths/(\d+)", handlers.Answer, answer(panel_answers.depths, True)),
            (r"/api/metrics", handlers.Answer, answer(panel_answers.metrics)),
            (r"/api/quantities/(\d+)", handlers.Answer, answer(panel_answers.quantities_of)),
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
            (r"/api/import", handlers.Import, shared),
            (r"/api/events", handlers.Events, shared),
            (r"/([\w./-]*)", handlers.Static, shared),
        ],
        log_function=lambda handler: None,
    )


@dataclass(frozen=True)
class Exchange:
    """What the page exchanges with other programs.

    Attributes
    ----------
    exports : mapping of str to callable
        What can be exported: each writes it and returns a sentence.
    read_text : callable or None
        Takes in the name and the text of a curation file, and returns a sentence.
    elsewhere : callable
        Says what another program changed meanwhile; None if nothing.
    """

    exports: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    read_text: Callable[[str, str], str] | None = None
    elsewhere: Callable[[], str | None] = lambda: None


def serve(
    session: Session,
    place: Place,
    exchange: Exchange,
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
    exchange : Exchange
        What other programs get and give.
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
    port = int(sockets[0].getsockname()[1])
    secrets = Secrets(hosts=LOCAL_NAMES | set(place.names) | (set() if place.host in LOOPBACK else {place.host}))
    with ThreadPoolExecutor(N_THREADS, "views") as pool:
        served = handlers.Served(
            session, secrets, pool, port, exchange.exports, *traces, exchange.read_text, exchange.elsewhere
        )
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
    watch = PeriodicCallback(served.tell_state, WATCH_MS)
    watch.start()
    ready()
    await stop.wait()
    watch.stop()
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
