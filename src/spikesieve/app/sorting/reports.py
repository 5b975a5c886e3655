"""Pages that spikesieve wrote into folders, such as the report of a comparison: shown in a sandbox."""

from __future__ import annotations

import secrets
from pathlib import Path
from threading import Lock
from typing import Any

from tornado.web import HTTPError

from spikesieve.app.guarded import Guarded

PAGE = "report.html"
POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Somebody else may have written the page: its scripts run, but as those of a site of its own, and reach nothing."""


class Reports:
    """The reports that were opened, each under a random address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._names: dict[Path, str] = {}

    def address(self, folder: Path) -> str:
        """Open the report of a folder.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        str
            The address, relative to the sorting page.
        """
        with self._lock:
            name = self._names.setdefault(folder, secrets.token_hex(32))
        return f"report/{name}/{PAGE}"

    def folder(self, name: str) -> Path | None:
        """Find the folder of an address.

        Parameters
        ----------
        name : str
            The random part of the address.

        Returns
        -------
        Path or None
            None if there is none.
        """
        with self._lock:
            return next((folder for folder, known in self._names.items() if secrets.compare_digest(known, name)), None)


class Report(Guarded):
    """Sends a report. A page in a sandbox has no cookie: the address itself lets in."""

    def initialize(self, served: Any, reports: Reports) -> None:  # type: ignore[override]
        """Keep what the handlers share.

        Parameters
        ----------
        served : Shared
            What they share.
        reports : Reports
            The reports that were opened.
        """
        super().initialize(served)
        self._reports = reports

    def get(self, name: str) -> None:
        """Send it.

        Parameters
        ----------
        name : str
            The random part of the address.
        """
        folder = self._reports.folder(name)
        if folder is None:
            raise HTTPError(404, log_message="There is no such report.")
        try:
            content = (folder / PAGE).read_bytes()
        except OSError as error:
            raise HTTPError(404, log_message=f"{folder} has no {PAGE} any more.") from error
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(content)
