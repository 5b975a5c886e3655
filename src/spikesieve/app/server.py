"""The server: addresses, start and end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application

from spikesieve.app import answers, guarded, handlers, panel_answers, trace_answers
from spikesieve.app.exchange import Exchange
from spikesieve.app.security import CURATOR, LOCAL_NAMES, VIEWER, Secrets
from spikesieve.app.served import Served
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


def application(served: Served) -> Application:
    """Make the table of addresses.

    Parameters
    ----------
    served : Served
        What the handlers share.

    Returns
    -------
    Application
        For Tornado.
    """
    shared = {"served": served}

    def answer(
        make: answers.Make, is_fixed: bool = False, compute: handlers.Compute = served.compute
    ) -> dict[str, object]:
        return {**shared, "make": make, "compute": compute, "is_fixed": is_fixed}

    return Application(
        [
            (r"/api/login", guarded.Login, shared),
            (r"/api/start", handlers.Answer, answer(answers.start, compute=served.at_once)),
            (r"/api/history", handlers.Answer, answer(answers.past)),
            (r"/api/unit/(\d+)", handlers.Answer, answer(answers.unit, True, served.at_once)),
            (r"/api/correlograms", handlers.Answer, answer(answers.correlograms, True)),
            (r"/api/scatter", handlers.Answer, answer(answers.scatter, True)),
            (r"/api/snippets/(\d+)", handlers.Answer, answer(answers.snippets, True)),
            (r"/api/features/(\d+)", handlers.Answer, answer(panel_answers.features, True)),
            (r"/api/intervals/(\d+)", handlers.Answer, answer(panel_answers.intervals, True)),
            (r"/api/log_correlograms", handlers.Answer, answer(panel_answers.log_correlograms, True)),
            (r"/api/drift", handlers.Answer, answer(panel_answers.drift, True)),
            (r"/api/depths/(\d+)", handlers.Answer, answer(panel_answers.depths, True)),
            (r"/api/metrics", handlers.Answer, answer(panel_answers.metrics)),
            (r"/api/quantities/(\d+)", handlers.Answer, answer(panel_answers.quantities_of)),
            (r"/api/similar/(\d+)", handlers.Answer, answer(answers.similar)),
            (r"/api/queue", handlers.Answer, answer(answers.queue, compute=served.glance)),
            *_traces(served),
            (r"/api/mark", handlers.PutMark, shared),
            (r"/api/act", handlers.Decide, shared),
            (r"/api/lasso", handlers.Lasso, shared),
            (r"/api/export", handlers.Export, shared),
            (r"/api/import", handlers.Import, shared),
            (r"/api/events", handlers.Events, shared),
            (r"/([\w./-]*)", guarded.Static, shared),
        ],
        log_function=lambda handler: None,
    )


def _traces(served: Served) -> Iterator[tuple[str, type[handlers.Answer], dict[str, object]]]:
    """The addresses of the traces."""
    traces, fixed = served.traces, ("traces/(\\w+)/(\\d+)", "overview")
    makers: dict[str, answers.Make] = {
        "traces": partial(trace_answers.about, traces),
        "traces/(\\w+)/(\\d+)": partial(trace_answers.tile, traces),
        "trace-spikes/(\\d+)": partial(trace_answers.spikes, traces),
        "overview": partial(trace_answers.overview, traces),
        "trace-jump": partial(trace_answers.jump, traces),
        "marks": partial(trace_answers.marks, served.marks),
    }
    for name, make in makers.items():
        what = {"served": served, "make": make, "compute": served.compute, "is_fixed": name in fixed}
        yield f"/api/{name}", handlers.Answer, what


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
    with listening(place) as here:
        served = Served(session, here.secrets, here.pool, here.port, exchange, *traces)
        where = addresses(place, here, is_shared=not session.is_read_only)
        # The first page asks for the table, and only then joins those that hear of descriptions.
        session.descriptions.are_made_later = True
        # What the start made stays: looking through it for garbage would delay an answer now and then.
        gc.freeze()
        gc.enable()
        run(application(served), here, served.close, lambda: announce(where))


@dataclass(frozen=True, eq=False)
class Listening:
    """A place that is listened on.

    Attributes
    ----------
    sockets : list of socket
        What browsers connect to.
    port : int
        Its port.
    secrets : Secrets
        Tokens, cookies and names of the server.
    pool : Executor
        Computes, so that the server can answer meanwhile.
    """

    sockets: list[socket.socket]
    port: int
    secrets: Secrets
    pool: Executor


@contextmanager
def listening(place: Place, framed_by: str = "'self'") -> Iterator[Listening]:
    """Listen on a place for the body of a with statement.

    Parameters
    ----------
    place : Place
        Where to listen.
    framed_by : str, optional
        Pages that may show this one in a frame. Default: its own.

    Yields
    ------
    Listening
        With new secrets.

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
    hosts = LOCAL_NAMES | set(place.names) | (set() if place.host in LOOPBACK else {place.host})
    secrets = Secrets(hosts=hosts, framed_by=framed_by)
    with ThreadPoolExecutor(N_THREADS, "views") as pool:
        yield Listening(sockets, int(sockets[0].getsockname()[1]), secrets, pool)


def run(router: Router, here: Listening, leave: Callable[[], None], ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C.

    Parameters
    ----------
    router : Router
        Finds the handler of a request.
    here : Listening
        Where to listen.
    leave : callable
        Called at the end, to close pages that listen.
    ready : callable
        Called when requests are answered.
    """

    async def until_interrupted() -> None:
        """Answer until Ctrl-C or SIGTERM."""
        stop = asyncio.Event()
        with suppress(NotImplementedError):  # Windows
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await _answer(router, here, stop, ready)
        leave()

    # Threads that compute give way to those that answer.
    sys.setswitchinterval(SWITCH_S)
    with suppress(KeyboardInterrupt):
        asyncio.run(until_interrupted())


class Background:
    """Answers in a thread of this process until it is closed.

    Parameters
    ----------
    router : Router
        Finds the handler of a request.
    here : Listening
        Where to listen.
    leave : callable
        Called at the end, to close pages that listen.
    """

    def __init__(self, router: Router, here: Listening, leave: Callable[[], None]) -> None:
        self._loop, self._stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

        async def until_closed() -> None:
            await _answer(router, here, self._stop, ready.set)
            leave()

        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(until_closed()), name="spikesieve page", daemon=True
        )
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """End it. A second call does nothing."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._loop.close()


async def _answer(router: Router, here: Listening, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    server = HTTPServer(router, max_body_size=MAX_BODY_BYTES)
    server.add_sockets(here.sockets)
    ready()
    await stop.wait()
    server.stop()
    await server.close_all_connections()


def addresses(place: Place, here: Listening, is_shared: bool) -> str:
    """Write the sentences that tell people where the page is.

    Parameters
    ----------
    place : Place
        Where it listens.
    here : Listening
        The same, with port and secrets.
    is_shared : bool
        Whether there is an address for those who look on.

    Returns
    -------
    str
        Sentences, one a line.
    """
    port, tokens = here.port, here.secrets.tokens
    host = "localhost" if place.host in LOOPBACK else place.host
    lines = [f"Open: http://{host}:{port}/#t={tokens[CURATOR]}"]
    if is_shared:
        lines.append(f"To look on only: http://{host}:{port}/#t={tokens[VIEWER]}")
    if place.host in LOOPBACK:
        lines.append(f"From another machine, first there: ssh -L {port}:localhost:{port} {socket.gethostname()}")
    else:
        lines.append(f"Everybody who reaches {host}:{port} and knows the address can see this; nothing is encrypted.")
    return "\n".join([*lines, "Ctrl-C ends it."])
