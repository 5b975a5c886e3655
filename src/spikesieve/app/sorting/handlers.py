"""Answers to the requests of the sorting page: each calls one function with what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError

from spikesieve.app.guarded import Guarded
from spikesieve.app.security import CURATOR, Secrets
from spikesieve.errors import SpikesieveError

Verb = Callable[[Mapping[str, Any]], dict[str, Any] | bytes]


@dataclass(frozen=True, eq=False)
class Desk:
    """What the handlers of the sorting page share.

    Attributes
    ----------
    secrets : Secrets
        Tokens, cookies and names of the server.
    pool : Executor
        Computes, so that the server can answer meanwhile.
    port : int
        Port of the server, part of the cookie's name.
    shown : mapping of str to callable
        What everybody who has the address may see.
    looking : mapping of str to callable
        What only its owner may ask for, and which changes nothing.
    acting : mapping of str to callable
        What starts or stops something.
    is_read_only : bool
        Whether nothing of that may be done.
    """

    secrets: Secrets
    pool: Executor
    port: int
    shown: Mapping[str, Verb]
    looking: Mapping[str, Verb]
    acting: Mapping[str, Verb]
    is_read_only: bool = False

    @property
    def cookie(self) -> str:
        """Name of the cookie: other servers of this machine have others."""
        return f"spikesieve-{self.port}"


class _Verbs(Guarded):
    """Calls a verb on another thread."""

    served: Desk

    def prepare(self) -> None:
        """Let only those in who gave the token."""
        super().prepare()
        self.require_role()

    async def say(self, verb: Verb, asked: Mapping[str, Any]) -> None:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self.served.pool, verb, asked)
        except SpikesieveError as error:
            raise HTTPError(422, log_message=str(error).replace("%", "%%")) from error
        if isinstance(made, bytes):
            self.set_header("Content-Type", "application/octet-stream")
            self.finish(made)
        else:
            self.finish({**made, "role": self.role, "read_only": self.served.is_read_only})


class Shown(_Verbs):
    """Sends what everybody may see who has the address."""

    async def get(self, name: str) -> None:
        """Send it.

        Parameters
        ----------
        name : str
            Name of a verb.
        """
        verb = self.served.shown.get(name)
        if verb is None:
            raise HTTPError(404, log_message="There is nothing of that name.")
        await self.say(verb, {})


class Asked(_Verbs):
    """Does what the owner of the page asks for."""

    def prepare(self) -> None:
        """Let only the owner in: these requests look into folders, and start sorts."""
        super().prepare()
        if self.role != CURATOR:
            raise HTTPError(403, log_message="This page may look at sorts, but not at folders, and start nothing.")

    async def post(self, name: str) -> None:
        """Do it.

        Parameters
        ----------
        name : str
            Name of a verb.
        """
        if name in self.served.acting:
            if self.served.is_read_only:
                raise HTTPError(403, log_message="This page was started with --read-only: it starts and stops nothing.")
            await self.say(self.served.acting[name], self.content())
        elif name in self.served.looking:
            await self.say(self.served.looking[name], self.content())
        else:
            raise HTTPError(404, log_message="There is nothing of that name.")
