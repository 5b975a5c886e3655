"""Answers to the page's requests. Each reads the request, calls one function, and packs what that returns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from spikesieve.app import answers
from spikesieve.app.decisions import Asked
from spikesieve.app.page_files import PAGE_FILES
from spikesieve.app.security import CURATOR, HEADERS, Secrets, refusal
from spikesieve.app.session import BehindError, Session
from spikesieve.app.trace_marks import AskedMark, Marks
from spikesieve.app.traces import Traces
from spikesieve.errors import InputError, SpikesieveError

T = TypeVar("T")
FOR_EVER = "private, max-age=31536000, immutable"
"""Spikes of a unit never change, and its number is never used again."""


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
    exports : mapping of str to callable
        What can be exported, by name: each writes it and returns a sentence.
    traces : Traces or None
        The traces; None if the recording is not there.
    marks : Marks or None
        Marks on the traces; None if nothing can be kept.
    sockets : set of Events
        The pages that are open.
    n_computing : int
        Requests that are being answered.
    """

    session: Session
    secrets: Secrets
    pool: Executor
    port: int
    exports: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    traces: Traces | None = None
    marks: Marks | None = None
    sockets: set[Events] = field(default_factory=set)
    n_computing: int = 0

    @property
    def cookie(self) -> str:
        """Name of the cookie: other servers of this machine have others."""
        return f"spikesieve-{self.port}"

    async def compute(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a function on another thread.

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
        self.n_computing += 1
        self.session.idle.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)
        finally:
            self.n_computing -= 1
            if not self.n_computing:
                self.session.idle.set()

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


class _Guarded(RequestHandler):
    """A handler behind the guards."""

    served: Served

    def initialize(self, served: Served) -> None:
        self.served = served

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        why = refusal(self.request, self.served.secrets)
        if why is not None:
            raise HTTPError(403, reason="Forbidden", log_message=why)

    def log_exception(self, *error: Any) -> None:
        """Say nothing of what was refused; anything else is a defect, and is logged."""
        if not isinstance(error[1], HTTPError):
            super().log_exception(*error)

    def write_error(self, status_code: int, **more: Any) -> None:
        error = more["exc_info"][1] if "exc_info" in more else None
        said = error.log_message if isinstance(error, HTTPError) and error.log_message else self._reason
        self.finish({"error": str(said)})

    @property
    def role(self) -> str | None:
        return self.served.secrets.role_of_cookie(self.get_cookie(self.served.cookie) or "")

    def require_role(self) -> None:
        if self.role is None:
            raise HTTPError(401, log_message="Open the address that spikesieve printed: its token is missing here.")

    def content(self) -> dict[str, Any]:
        try:
            found = json.loads(self.request.body)
        except ValueError as error:
            raise HTTPError(400, log_message=f"The request is no JSON: {error}.") from error
        if not isinstance(found, dict):
            raise HTTPError(400, log_message="The request is no JSON object.")
        return found


class Static(_Guarded):
    """The files of the page: a fixed list."""

    def get(self, name: str) -> None:
        """Send a file.

        Parameters
        ----------
        name : str
            Its name; empty for the page itself.
        """
        found = PAGE_FILES.get(name or "index.html")
        if found is None:
            raise HTTPError(404, log_message="There is no such file.")
        self.set_header("Content-Type", found.kind)
        self.set_header("Cache-Control", "no-cache")
        self.finish(found.content)


class Login(_Guarded):
    """Gives a browser its cookie."""

    def post(self) -> None:
        """Take the token of the address."""
        role = self.served.secrets.role_of_token(str(self.content().get("token", "")))
        if role is None:
            raise HTTPError(403, log_message="That token is wrong, or of an earlier start: open the address anew.")
        cookie = self.served.secrets.cookies[role]
        # No path: that of this address, so that it also works behind a prefix.
        self.set_cookie(self.served.cookie, cookie, path="", httponly=True, samesite="Strict")
        self.finish({"role": role})


class Answer(_Guarded):
    """Sends what one function of `answers` makes of the session and the request."""

    def initialize(self, served: Served, make: answers.Make, is_fixed: bool = False) -> None:  # type: ignore[override]
        """Keep what to send.

        Parameters
        ----------
        served : Served
            What all handlers share.
        make : callable
            Makes the answer.
        is_fixed : bool, optional
            Whether it never changes for this address.
        """
        super().initialize(served)
        self._make, self._is_fixed = make, is_fixed

    def prepare(self) -> None:
        """Let only those in who gave the token."""
        super().prepare()
        self.require_role()

    async def get(self, *path: str) -> None:
        """Send the answer.

        Parameters
        ----------
        *path : str
            Parts of the address.
        """
        asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            made = await self.served.compute(self._make, self.served.session, asked, *path)
        except (SpikesieveError, ValueError, KeyError) as error:
            raise HTTPError(404 if isinstance(error, InputError) else 400, log_message=str(error)) from error
        if self._is_fixed:
            self.set_header("Cache-Control", FOR_EVER)
        if isinstance(made, bytes):
            self.set_header("Content-Type", "application/octet-stream")
        self.finish({**made, "role": self.role} if isinstance(made, dict) else made)


class _Post(_Guarded):
    """A request that changes something."""

    def prepare(self) -> None:
        """Let only the curator in."""
        super().prepare()
        self.require_role()
        if self.role != CURATOR:
            raise HTTPError(403, log_message="This page may look, but not change anything.")
        if self.served.session.is_read_only:
            raise HTTPError(403, log_message="This result is shown without the right to change it.")

    async def answered(self, work: Callable[[], T]) -> T:
        try:
            return await self.served.compute(work)
        except ValidationError as error:
            raise HTTPError(400, log_message=str(error.errors(include_url=False)[0]["msg"])) from error
        except BehindError as error:
            raise HTTPError(409, log_message=str(error)) from error
        except InputError as error:
            raise HTTPError(422, log_message=str(error)) from error
        except SpikesieveError as error:
            raise HTTPError(507, log_message=str(error)) from error


class Decide(_Post):
    """Does what a curator decides."""

    async def post(self) -> None:
        """Do it, write it, and tell everybody."""
        content, session = self.content(), self.served.session
        changes = await self.answered(lambda: session.decide(Asked.model_validate(content)))
        self.finish(changes)
        self.served.tell(changes)


class Lasso(_Post):
    """Counts the spikes in a lasso before anything is done with it."""

    async def post(self) -> None:
        """Count them."""
        content, session = self.content(), self.served.session
        self.finish(await self.answered(lambda: answers.lasso_counts(session, content)))


class PutMark(_Post):
    """Puts a mark on the traces."""

    async def post(self) -> None:
        """Write it, and show all."""
        content, marks = self.content(), self.served.marks
        if marks is None:
            raise HTTPError(422, log_message="Marks cannot be kept here.")
        shown = await self.answered(lambda: marks.add(AskedMark.model_validate(content)))
        self.finish(shown)
        self.served.tell(shown)


class Export(_Post):
    """Writes the curation in the form of other programs."""

    async def post(self) -> None:
        """Write it."""
        work = self.served.exports.get(str(self.content().get("kind", "")))
        if work is None:
            raise HTTPError(400, log_message="That cannot be exported here.")
        self.finish({"said": await self.answered(work)})


class Events(_Guarded, WebSocketHandler):
    """Tells a page what has changed."""

    def check_origin(self, origin: str) -> bool:
        """See `security.foreign_origin`, which has seen it.

        Parameters
        ----------
        origin : str
            Where the page is from.

        Returns
        -------
        bool
            True.
        """
        return True

    def prepare(self) -> None:
        """Let only those in who gave the token."""
        super().prepare()
        self.require_role()

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin.

        Parameters
        ----------
        *args : str
            Nothing.
        **kwargs : str
            Nothing.
        """
        self.served.sockets.add(self)
        self.write_message(json.dumps({"hello": len(self.served.session.history.entries)}))

    def on_message(self, message: str | bytes) -> None:
        """Ignore what the page says: it only listens.

        Parameters
        ----------
        message : str or bytes
            Anything.
        """

    def on_close(self) -> None:
        """Forget the page."""
        self.served.sockets.discard(self)
