"""Leads requests that Jupyter lets in to pages of spikesieve on this machine."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError, RequestHandler, authenticated
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from spikesieve.api.sorting_page.show import pages_of
from spikesieve.api.sorting_page.verbs import Desk
from spikesieve.app.security import CURATOR
from spikesieve.app.server import Background, Place, listening
from spikesieve.batch.table import BatchTables
from spikesieve.io.open_pages import is_open_page, open_page
from spikesieve.io.roots import Roots
from spikesieve.io.state_folder import state_folder

SENT = ("Content-Type", "X-Spikesieve")
RETURNED = ("Content-Type", "Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")
LONGEST_S = 600.0


class SortingPage:
    """The page for sorting, started when it is first asked for.

    Parameters
    ----------
    root : Path
        The folder that it may look into.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._stack = root, ExitStack()
        self._address = ""

    def address(self) -> str:
        """Start it, if it has not been.

        Returns
        -------
        str
            Relative to `spikesieve/`, with the token.
        """
        if not self._address:
            here = self._stack.enter_context(listening(Place()))
            pages = pages_of(Desk(Roots([self._root]), state_folder()), here, False, self._stack, BatchTables().facts)
            self._stack.enter_context(open_page(here.port))
            page = Background(pages, here, pages.close)
            self._stack.callback(page.close)
            atexit.register(self._stack.close)
            self._address = f"{here.port}/#t={here.secrets.tokens[CURATOR]}"
        return self._address


class Start(RequestHandler):
    """Opens the page for sorting."""

    def initialize(self, page: SortingPage) -> None:
        """Keep the page.

        Parameters
        ----------
        page : SortingPage
            The page.
        """
        self._page = page

    @authenticated
    def get(self) -> None:
        """Lead there."""
        self.redirect(self._page.address())


class Lead(RequestHandler):
    """Hands a request on to a page of spikesieve, and its answer back."""

    def check_xsrf_cookie(self) -> None:
        """Leave it to the page: a request that changes something has a header that other sites cannot send."""

    @authenticated
    async def get(self, port: str, path: str) -> None:
        """Hand on a question.

        Parameters
        ----------
        port : str
            Port of the page.
        path : str
            What is asked for.
        """
        await self._hand_on(port, path)

    @authenticated
    async def post(self, port: str, path: str) -> None:
        """Hand on a request that does something.

        Parameters
        ----------
        port : str
            Port of the page.
        path : str
            What is asked for.
        """
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403, log_message="The request comes from another site.")
        await self._hand_on(port, path, self.request.body)

    async def _hand_on(self, port: str, path: str, body: bytes | None = None) -> None:
        _require_page(port)
        query = f"?{self.request.query}" if self.request.query else ""
        headers = {name: self.request.headers[name] for name in SENT if name in self.request.headers}
        headers["Cookie"] = _own_cookies(self)
        asked = HTTPRequest(
            f"http://localhost:{port}/{path}{query}",
            method="GET" if body is None else "POST",
            headers=headers,
            body=body,
            follow_redirects=False,
            request_timeout=LONGEST_S,
        )
        try:
            answer = await AsyncHTTPClient().fetch(asked, raise_error=False)
        except (OSError, HTTPClientError) as error:
            raise HTTPError(502, log_message="The page ended before it answered.") from error
        self.set_status(answer.code if answer.code < 599 else 502)
        for name in RETURNED:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        for cookie in answer.headers.get_list("Set-Cookie"):
            self.add_header("Set-Cookie", cookie)
        self.finish(answer.body)


class LeadEvents(WebSocketHandler):
    """Hands on what a page is told of changes."""

    _events: WebSocketClientConnection | None = None

    async def get(self, port: str, *path: str) -> None:
        """Let only those in who are logged in to Jupyter.

        Parameters
        ----------
        port : str
            Port of the page.
        *path : str
            The rest of the address.
        """
        if self.current_user is None:
            raise HTTPError(403)
        _require_page(port)
        await super().get(port, *path)

    async def open(self, port: str, below: str) -> None:
        """Listen to the page.

        Parameters
        ----------
        port : str
            Port of the page.
        below : str
            Address of a result below the page for sorting; empty for a page of its own.
        """
        headers = {"Cookie": _own_cookies(self), "Origin": f"http://localhost:{port}"}
        asked = HTTPRequest(f"ws://localhost:{port}/{below}api/events", headers=headers)
        self._events = await websocket_connect(asked, on_message_callback=self._tell)

    def on_message(self, message: str | bytes) -> None:
        """Ignore what the page says: it only listens.

        Parameters
        ----------
        message : str or bytes
            Anything.
        """

    def on_close(self) -> None:
        """Listen no longer."""
        if self._events is not None:
            self._events.close()

    def _tell(self, message: str | bytes | None) -> None:
        if message is None:
            self.close()
        else:
            self.write_message(message)


def _require_page(port: str) -> None:
    if not is_open_page(int(port)):
        raise HTTPError(404, log_message="There is no page of spikesieve at that port.")


def _own_cookies(handler: RequestHandler) -> str:
    """The cookies of spikesieve, and none of Jupyter's."""
    return "; ".join(f"{name}={m.value}" for name, m in handler.cookies.items() if name.startswith("spikesieve-"))


def addresses(base: type[RequestHandler], base_url: str, root: Path | str) -> list[tuple[Any, ...]]:
    """Make the table of addresses.

    Parameters
    ----------
    base : type
        Jupyter's handler: it knows who is logged in.
    base_url : str
        Path of the Jupyter server, with slashes at both ends.
    root : path
        Its folder.

    Returns
    -------
    list of tuple
        For Tornado.
    """
    page = SortingPage(Path(root))
    below = f"{base_url.rstrip('/')}/spikesieve"
    start, lead, events = (type(own.__name__, (own, base), {}) for own in (Start, Lead, LeadEvents))
    return [
        (rf"{below}/?", start, {"page": page}),
        (rf"{below}/(\d+)/((?:result/\d+/)?)api/events", events),
        (rf"{below}/(\d+)/(.*)", lead),
    ]
