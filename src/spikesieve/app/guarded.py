"""Handlers behind the guards: what they share, the files of the pages, and the way in."""

from __future__ import annotations

import json
from typing import Any, Protocol

from tornado.web import HTTPError, RequestHandler

from spikesieve.app.page_files import PAGE_FILES
from spikesieve.app.security import HEADERS, POLICY, Secrets, refusal


class Shared(Protocol):
    """What every handler needs.

    Attributes
    ----------
    secrets : Secrets
        Tokens, cookies and names of the server.
    """

    secrets: Secrets

    @property
    def cookie(self) -> str:
        """Name of the cookie."""


class Guarded(RequestHandler):
    """A handler behind the guards."""

    served: Any = None  # a Shared; handlers of one page know more of it

    def initialize(self, served: Shared) -> None:
        """Keep what the handlers share.

        Parameters
        ----------
        served : Shared
            What they share.
        """
        self.served = served
        self.set_header("Content-Security-Policy", served.secrets.policy)

    def set_default_headers(self) -> None:
        """Send the guards' headers with every answer."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        # Tornado asks for them before the handler knows what it shares, and again for an error.
        self.set_header("Content-Security-Policy", self.served.secrets.policy if self.served else f"{POLICY}'self'")
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Ask the guards."""
        why = refusal(self.request, self.served.secrets)
        if why is not None:
            raise HTTPError(403, reason="Forbidden", log_message=why)

    def log_exception(self, *error: Any) -> None:
        """Say nothing of what was refused; anything else is a defect, and is logged.

        Parameters
        ----------
        *error : object
            As Tornado hands it over.
        """
        if not isinstance(error[1], HTTPError):
            super().log_exception(*error)

    def write_error(self, status_code: int, **more: Any) -> None:
        """Answer with the sentence of an error.

        Parameters
        ----------
        status_code : int
            Not used: it is sent already.
        **more : object
            The error, as Tornado hands it over.
        """
        error = more["exc_info"][1] if "exc_info" in more else None
        said = error.log_message if isinstance(error, HTTPError) and error.log_message else self._reason
        self.finish({"error": str(said)})

    @property
    def role(self) -> str | None:
        """What the browser may do; None if it has no cookie."""
        shared: Shared = self.served
        return shared.secrets.role_of_cookie(self.get_cookie(shared.cookie) or "")

    def require_role(self) -> None:
        """Refuse a browser without a cookie."""
        if self.role is None:
            raise HTTPError(401, log_message="Open the address that spikesieve printed: its token is missing here.")

    def content(self) -> dict[str, Any]:
        """Read the JSON object that was sent.

        Returns
        -------
        dict
            The object.
        """
        try:
            found = json.loads(self.request.body)
        except ValueError as error:
            raise HTTPError(400, log_message=f"The request is no JSON: {error}.") from error
        if not isinstance(found, dict):
            raise HTTPError(400, log_message="The request is no JSON object.")
        return found


class Static(Guarded):
    """The files of the page: a fixed list."""

    def initialize(self, served: Shared, home: str = "index.html") -> None:
        """Keep what the handlers share.

        Parameters
        ----------
        served : Shared
            What they share.
        home : str, optional
            The file without a name.
        """
        super().initialize(served)
        self._home = home

    def get(self, name: str) -> None:
        """Send a file.

        Parameters
        ----------
        name : str
            Its name; empty for the page itself.
        """
        found = PAGE_FILES.get(name or self._home)
        if found is None:
            raise HTTPError(404, log_message="There is no such file.")
        self.set_header("Content-Type", found.kind)
        self.set_header("Cache-Control", "no-cache")
        self.finish(found.content)


class Login(Guarded):
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
