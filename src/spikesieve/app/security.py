"""Who may ask for what. Every request passes all guards; each of them stops one kind of attack."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
HEADER = "X-Spikesieve"
"""Pages of other sites cannot send it: a browser asks first, and is not allowed."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer, besides the policy."""
CURATOR, VIEWER = "curator", "viewer"


@dataclass(frozen=True)
class Secrets:
    """What a browser must know.

    Attributes
    ----------
    tokens : dict of str to str
        For each role the token in the address that gives it.
    cookies : dict of str to str
        For each role what the browser keeps in its place.
    hosts : frozenset of str
        Names under which the server may be asked for.
    framed_by : str
        Pages that may show this one in a frame, as the content security policy names them.
    """

    tokens: dict[str, str] = field(default_factory=lambda: {role: secrets.token_hex(32) for role in (CURATOR, VIEWER)})
    cookies: dict[str, str] = field(default_factory=lambda: {role: secrets.token_hex(32) for role in (CURATOR, VIEWER)})
    hosts: frozenset[str] = LOCAL_NAMES
    framed_by: str = "'self'"

    @property
    def policy(self) -> str:
        """What the page may load, and from where it may be shown."""
        return POLICY + self.framed_by

    def role_of_token(self, token: str) -> str | None:
        """Find the role that a token gives.

        Parameters
        ----------
        token : str
            What was in the address.

        Returns
        -------
        str or None
            None for a wrong one.
        """
        return _role(self.tokens, token)

    def role_of_cookie(self, cookie: str) -> str | None:
        """Find the role of a browser.

        Parameters
        ----------
        cookie : str
            What the browser sent.

        Returns
        -------
        str or None
            None for a wrong one.
        """
        return _role(self.cookies, cookie)


def _role(known: dict[str, str], given: str) -> str | None:
    found = None
    for role, value in known.items():
        if hmac.compare_digest(value.encode(), given.encode()):
            found = role
    return found


def foreign_host(request: HTTPServerRequest, known: Secrets) -> str | None:
    """Refuse a name that this server does not have: another site's name may lead to this machine (DNS rebinding).

    Parameters
    ----------
    request : HTTPServerRequest
        The request.
    known : Secrets
        The names of this server.

    Returns
    -------
    str or None
        Why it is refused.
    """
    name = urlsplit(f"//{request.host}").hostname
    return None if name in known.hosts else "This server is not known by that name."


def foreign_origin(request: HTTPServerRequest, known: Secrets) -> str | None:
    """Refuse requests that a page of another site makes. See `foreign_host`.

    Parameters
    ----------
    request : HTTPServerRequest
        The request.
    known : Secrets
        Not used.

    Returns
    -------
    str or None
        Why it is refused.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        return "A WebSocket says where it comes from." if is_socket else None
    return None if urlsplit(origin).netloc == request.host else "The request comes from another site."


def foreign_fetch(request: HTTPServerRequest, known: Secrets) -> str | None:
    """Refuse what a browser itself calls a request of another site, such as a script that includes our data.

    Parameters
    ----------
    request : HTTPServerRequest
        The request.
    known : Secrets
        Not used.

    Returns
    -------
    str or None
        Why it is refused.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    top_level = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    fine = site in ("same-origin", "none") or (top_level and "/api/" not in request.path)
    return None if fine else "The request comes from another site."


def plain_form(request: HTTPServerRequest, known: Secrets) -> str | None:
    """Refuse a POST that a form of another site could make.

    Parameters
    ----------
    request : HTTPServerRequest
        The request.
    known : Secrets
        Not used.

    Returns
    -------
    str or None
        Why it is refused.
    """
    if request.method != "POST":
        return None
    is_json = request.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
    return None if is_json and HEADER in request.headers else "A request that changes something is JSON from the page."


Guard = Callable[[HTTPServerRequest, Secrets], str | None]
GUARDS: tuple[Guard, ...] = (foreign_host, foreign_origin, foreign_fetch, plain_form)


def refusal(request: HTTPServerRequest, known: Secrets) -> str | None:
    """Ask all guards.

    Parameters
    ----------
    request : HTTPServerRequest
        The request.
    known : Secrets
        What they need.

    Returns
    -------
    str or None
        Why the request is refused; None if it is not.
    """
    return next((why for guard in GUARDS if (why := guard(request, known)) is not None), None)
