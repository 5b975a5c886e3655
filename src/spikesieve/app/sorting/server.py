"""The server of the sorting page, and of the results that were opened from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router
from tornado.web import Application

from spikesieve.app.guarded import Login, Static
from spikesieve.app.security import CURATOR
from spikesieve.app.served import Served
from spikesieve.app.server import application
from spikesieve.app.sorting.handlers import Asked, Desk, Shown
from spikesieve.app.sorting.reports import Report, Reports

RESULT = re.compile(r"/result/(\d+)(/.*)")
HOME = "sort.html"


def sorting_application(desk: Desk, reports: Reports) -> Application:
    """Make the table of addresses of the sorting page.

    Parameters
    ----------
    desk : Desk
        What the handlers share.
    reports : Reports
        The reports that were opened.

    Returns
    -------
    Application
        For Tornado.
    """
    shared = {"served": desk}
    return Application(
        [
            (r"/api/login", Login, shared),
            (r"/api/show/([\w-]+)", Shown, shared),
            (r"/api/ask/([\w-]+)", Asked, shared),
            (r"/report/([0-9a-f]{64})/report\.html", Report, {**shared, "reports": reports}),
            (r"/([\w./-]*)", Static, {**shared, "home": HOME}),
        ],
        log_function=lambda handler: None,
    )


class Results(Router):
    """Sends requests below `/result/NUMBER/` to the page of that result, and all others to the sorting page.

    Parameters
    ----------
    home : Application
        The sorting page.
    open_result : callable
        Opens the result in a folder: returns what its handlers share.
    """

    def __init__(self, home: Application, open_result: Callable[[Path], Served]) -> None:
        self._home, self._open = home, open_result
        self._lock = Lock()
        self._opened: dict[Path, tuple[int, Served, Application]] = {}

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """Find the handler of a request.

        Parameters
        ----------
        request : HTTPServerRequest
            The request.
        **kwargs : object
            For Tornado.

        Returns
        -------
        HTTPMessageDelegate or None
            The handler.
        """
        of_result = RESULT.fullmatch(request.path)
        if of_result:
            for number, _, pages in tuple(self._opened.values()):
                if number == int(of_result[1]):
                    request.path = of_result[2]
                    return pages.find_handler(request, **kwargs)
        return self._home.find_handler(request, **kwargs)

    def address(self, folder: Path) -> str:
        """Open a result, if it is not open yet.

        Parameters
        ----------
        folder : Path
            The result.

        Returns
        -------
        str
            Its address, relative to the sorting page, with the token that lets its owner in.
        """
        with self._lock:
            if folder not in self._opened:
                served = self._open(folder)
                self._opened[folder] = len(self._opened) + 1, served, application(served)
            number, served, _ = self._opened[folder]
        return f"result/{number}/#t={served.secrets.tokens[CURATOR]}"

    def close(self) -> None:
        """Close all results that were opened."""
        for _, served, _ in self._opened.values():
            served.close()
