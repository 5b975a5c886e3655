"""Answers to the page's requests. Each reads the request, calls one function, and packs what that returns."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from spikesieve.app import answers
from spikesieve.app.decisions import Asked
from spikesieve.app.guarded import Guarded
from spikesieve.app.security import CURATOR
from spikesieve.app.served import Served
from spikesieve.app.session import BehindError
from spikesieve.app.trace_marks import AskedMark
from spikesieve.errors import InputError, SpikesieveError

T = TypeVar("T")
Compute = Callable[..., Awaitable[Any]]
FOR_EVER = "private, max-age=31536000, immutable"
"""Spikes of a unit never change, and its number is never used again."""


class Answer(Guarded):
    """Sends what one function of `answers` makes of the session and the request."""

    def initialize(  # type: ignore[override]
        self, served: Served, make: answers.Make, compute: Compute, is_fixed: bool = False
    ) -> None:
        """Keep what to send.

        Parameters
        ----------
        served : Served
            What all handlers share.
        make : callable
            Makes the answer.
        compute : callable
            Calls it: `compute`, `glance` or `at_once` of what all handlers share.
        is_fixed : bool, optional
            Whether it never changes for this address.
        """
        super().initialize(served)
        self._make, self._compute, self._is_fixed, self._has_left = make, compute, is_fixed, False

    def prepare(self) -> None:
        """Let only those in who gave the token."""
        super().prepare()
        self.require_role()

    def on_connection_close(self) -> None:
        """Note that the page has given the request up."""
        self._has_left = True

    def _made(self, asked: Mapping[str, str], path: tuple[str, ...]) -> dict[str, Any] | bytes:
        if self._has_left:  # while it waited for a thread
            raise InputError("The page has given this request up.")
        return self._make(self.served.session, asked, *path)

    async def get(self, *path: str) -> None:
        """Send the answer.

        Parameters
        ----------
        *path : str
            Parts of the address.
        """
        asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            made = await self._compute(self._made, asked, path)
        except (SpikesieveError, ValueError, KeyError) as error:
            raise HTTPError(404 if isinstance(error, InputError) else 400, log_message=str(error)) from error
        if self._is_fixed:
            self.set_header("Cache-Control", FOR_EVER)
        if isinstance(made, bytes):
            self.set_header("Content-Type", "application/octet-stream")
        self.finish({**made, "role": self.role} if isinstance(made, dict) else made)


class _Post(Guarded):
    """A request that changes something."""

    served: Served

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
        work = self.served.exchange.exports.get(str(self.content().get("kind", "")))
        if work is None:
            raise HTTPError(400, log_message="That cannot be exported here.")
        self.finish({"said": await self.answered(work)})
        await self.served.tell_state()


class Import(_Post):
    """Takes in a curation file."""

    async def post(self) -> None:
        """Take it in, and tell everybody."""
        content, read_text = self.content(), self.served.exchange.read_text
        if read_text is None:
            raise HTTPError(400, log_message="Nothing can be taken in here.")
        name, text = (str(content.get(key, "")) for key in ("name", "text"))
        self.finish({"said": await self.answered(lambda: read_text(name, text))})
        await self.served.tell_state()


class Events(Guarded, WebSocketHandler):
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

    async def open(self, *args: str, **kwargs: str) -> None:
        """Begin.

        Parameters
        ----------
        *args : str
            Nothing.
        **kwargs : str
            Nothing.
        """
        self.served.join(self)
        self.write_message(json.dumps(await self.served.state()))

    def on_message(self, message: str | bytes) -> None:
        """Ignore what the page says: it only listens.

        Parameters
        ----------
        message : str or bytes
            Anything.
        """

    def on_close(self) -> None:
        """Forget the page."""
        self.served.leave(self)
