"""What the handlers of a page share, and how they call functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tornado.ioloop import PeriodicCallback
from tornado.websocket import WebSocketHandler

from spikesieve.app.describer import Describer
from spikesieve.app.exchange import Exchange
from spikesieve.app.security import Secrets
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.views.compiled import load_loops

T = TypeVar("T")
WATCH_MS = 2_000
"""Time between looks at the files that other programs change."""


@dataclass(eq=False)
class Served:
    """What all handlers share.

    Attributes
    ----------
    session : Session
        The result that is shown.
    secrets : Secrets
        Tokens, cookies and names of the server.
    pool : Executor
        Computes, so that the server can answer meanwhile.
    port : int
        Port of the server, part of the cookie's name.
    exchange : Exchange
        What other programs get and give.
    traces : Traces or None
        The traces; None if the recording is not there.
    marks : Marks or None
        Marks on the traces; None if nothing can be kept.
    sockets : set of WebSocketHandler
        The pages that are open.
    watch : PeriodicCallback or None
        Looks what other programs change, while a page is open.
    describer : Describer or None
        Describes units from the first page on.
    loaded : Future
        Done when the loops are loaded: meanwhile a browser reads the page, and shows the table.
    """

    session: Session
    secrets: Secrets
    pool: Executor
    port: int
    exchange: Exchange = field(default_factory=Exchange)
    traces: Traces | None = None
    marks: Marks | None = None
    sockets: set[WebSocketHandler] = field(default_factory=set)
    watch: PeriodicCallback | None = None
    describer: Describer | None = None
    loaded: Future[object] = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = self.pool.submit(load_loops)

    @property
    def cookie(self) -> str:
        """Name of the cookie: other servers of this machine have others."""
        return f"spikesieve-{self.port}"

    async def compute(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a function on another thread. Work in the background waits meanwhile.

        Parameters
        ----------
        work : callable
            The function.
        *arguments : object
            Its arguments.

        Returns
        -------
        object
            What it returns.
        """
        with self.session.quiet.answering():
            return await self.glance(work, *arguments)

    async def glance(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a short function on another thread, one that pages ask for again and again on their own.

        Parameters
        ----------
        work : callable
            The function.
        *arguments : object
            Its arguments.

        Returns
        -------
        object
            What it returns.
        """
        await asyncio.wrap_future(self.loaded)
        return await self.at_once(work, *arguments)

    async def at_once(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a function on another thread that needs no loops.

        Parameters
        ----------
        work : callable
            The function.
        *arguments : object
            Its arguments.

        Returns
        -------
        object
            What it returns.
        """
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    def tell(self, changes: Mapping[str, Any]) -> None:
        """Tell all pages what has changed.

        Parameters
        ----------
        changes : mapping
            From `Session.changes`.
        """
        text = json.dumps(changes)
        for socket in tuple(self.sockets):
            socket.write_message(text)

    async def tell_state(self) -> None:
        """Tell all pages how many entries there are, and what another program changed meanwhile."""
        if self.sockets:
            self.tell(await self.state())

    async def state(self) -> dict[str, Any]:
        """Look how many entries there are, and what another program changed.

        Returns
        -------
        dict
            For the pages.
        """
        said = None if self.session.is_read_only else await self.glance(self.exchange.elsewhere)
        return {"hello": len(self.session.history.entries), "elsewhere": said or ""}

    def join(self, page: WebSocketHandler) -> None:
        """Add a page that is told what changes. From the first one on, units are described and other programs watched.

        Parameters
        ----------
        page : WebSocketHandler
            The page.
        """
        self.sockets.add(page)
        if self.describer is None:
            loop = asyncio.get_running_loop()

            def tell(rows: dict[str, Any]) -> None:
                loop.call_soon_threadsafe(self.tell, rows)

            self.describer = Describer(self.session, tell)
            self.describer.start()
        if self.watch is None:
            self.watch = PeriodicCallback(self.tell_state, WATCH_MS)
        if not self.watch.is_running():
            self.watch.start()

    def leave(self, page: WebSocketHandler) -> None:
        """Take a page away.

        Parameters
        ----------
        page : WebSocketHandler
            The page.
        """
        self.sockets.discard(page)
        if self.watch is not None and not self.sockets:
            self.watch.stop()

    def close(self) -> None:
        """Tell all pages that the server ends, and end what works in the background."""
        if self.watch is not None:
            self.watch.stop()
        for socket in tuple(self.sockets):
            socket.close()
        if self.describer is not None:
            self.describer.stop()
        self.session.queue.stop()
