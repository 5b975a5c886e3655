"""Shows a result in the output of a notebook's cell, served by a thread of the notebook's process."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from spikesieve.api.app import open_result
from spikesieve.api.result_to_show import of_sorting
from spikesieve.api.traces_to_show import traces_of
from spikesieve.app.exchange import Exchange
from spikesieve.app.security import CURATOR
from spikesieve.app.served import Served
from spikesieve.app.server import Background, Listening, Place, application, listening
from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.curation.history import History
from spikesieve.errors import InputError
from spikesieve.io.open_pages import open_page
from spikesieve.model import Recording, Sorting

NOTEBOOKS = "'self' http://localhost:* http://127.0.0.1:*"


class View:
    """A page that this process serves until it is closed or ends. In a notebook it is shown below the cell.

    Parameters
    ----------
    make : callable
        Makes what the handlers share.
    height_px : int
        Height in the notebook.
    """

    def __init__(self, make: Callable[[Listening, ExitStack], Served], height_px: int) -> None:
        self.height_px = height_px
        with ExitStack() as stack:
            here = stack.enter_context(listening(Place(), NOTEBOOKS))
            served = make(here, stack)
            stack.enter_context(open_page(here.port))
            self.port, self._token = here.port, here.secrets.tokens[CURATOR]
            self._page = Background(application(served), here, served.close)
            self._stack = stack.pop_all()

    @property
    def url(self) -> str:
        """Address for a browser on this machine. It holds the token."""
        return f"http://localhost:{self.port}/#t={self._token}"

    def close(self) -> None:
        """End it. What was decided on a folder is saved; what was decided on a sorting in memory is lost."""
        self._page.close()
        self._stack.close()

    def _repr_html_(self) -> str:
        base_url = notebook_base_url()
        address = self.url if base_url is None else f"{base_url}spikesieve/{self.port}/#t={self._token}"
        source = html.escape(address)
        frame = f'<iframe src="{source}" width="100%" height="{self.height_px}" frameborder="0"></iframe>'
        return f'{frame}<p><a href="{source}" target="_blank">Open it in a tab of its own</a></p>'


def view(sorting: Sorting | Path | str, recording: Recording | None = None, *, height_px: int = 800) -> View:
    """Look at a result in a notebook, and correct it.

    Parameters
    ----------
    sorting : Sorting, Path or str
        A result in memory, or a folder, which is opened as by `spikesieve app`.
    recording : Recording, optional
        What was sorted, for the traces of a result in memory.
    height_px : int, optional
        Height of the page in the notebook.

    Returns
    -------
    View
        The last value of a cell shows it. It is also at `url`, until `close`.

    Raises
    ------
    InputError
        The folder is no result, or a recording is given with one.

    Notes
    -----
    Decisions on a folder are saved in it. Those on a sorting in memory are not saved.
    """
    if not isinstance(sorting, Sorting):
        if recording is not None:
            raise InputError("A folder knows its recording. Leave out the recording, or give a Sorting.")
        folder = Path(sorting)

        def of_folder(here: Listening, stack: ExitStack) -> Served:
            result = open_result(folder, False, stack, lambda line: None)
            return Served(result.session, here.secrets, here.pool, here.port, result.exchange, *result.traces)

        return View(of_folder, height_px)
    shown = of_sorting(sorting, "in memory", recording=recording)

    def in_memory(here: Listening, stack: ExitStack) -> Served:
        session = Session(shown, History.of(shown.units), lambda entry: None)
        marks = Marks({}, lambda mark: None)
        return Served(session, here.secrets, here.pool, here.port, Exchange(), traces_of(shown, None), marks)

    return View(in_memory, height_px)


def notebook_base_url() -> str | None:
    """Find the path of the Jupyter server that started this process, through which a browser reaches it.

    Returns
    -------
    str or None
        With slashes at both ends; None if there is none.
    """
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        return os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    try:
        servers: Any = import_module("jupyter_server.serverapp").list_running_servers()
    except ImportError:
        return None
    return next((str(each["base_url"]) for each in servers if each["pid"] == os.getppid()), None)
