"""Shows the sorting page in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

from spikesieve.api.app import open_result
from spikesieve.api.sorting_page.verbs import Desk
from spikesieve.app.security import Secrets
from spikesieve.app.served import Served
from spikesieve.app.server import Listening, Place, addresses, listening, run
from spikesieve.app.sorting.handlers import Desk as SharedDesk
from spikesieve.app.sorting.reports import PAGE, Reports
from spikesieve.app.sorting.server import Results, sorting_application
from spikesieve.errors import InputError
from spikesieve.io.roots import Roots
from spikesieve.io.state_folder import state_folder
from spikesieve.kernels.compiling import compiling

FactsOfFolder = Callable[[Path], dict[str, Any]]


def show_sorting_page(
    roots: Sequence[Path | str],
    where: tuple[str, int],
    names: tuple[str, ...],
    read_only: bool,
    announce: Callable[[str], None],
    batch_facts: FactsOfFolder,
) -> None:
    """Show the sorting page until Ctrl-C. Sorts that run then go on.

    Parameters
    ----------
    roots : sequence of path
        The folders that may be looked into; the first one is shown.
    where : (str, int)
        Address and port to listen on; port 0 takes a free one.
    names : tuple of str
        More names under which the server may be asked for, such as that of a proxy.
    read_only : bool
        Nothing can be started or changed.
    announce : callable
        Called with lines for the user.
    batch_facts : callable
        Tells how far the batch of a folder is.

    Raises
    ------
    InputError
        A root is no folder.
    OutputError
        The port is taken, or the list of sorts cannot be written.
    """
    desk, place = Desk(Roots(roots), state_folder()), Place(*where, names)
    # Compiled while the user fills in the page, and not when the first sort waits for it.
    ahead: AbstractContextManager[object] = nullcontext() if read_only or not sys.executable else compiling()
    with ExitStack() as stack, listening(place) as here, ahead:
        pages = pages_of(desk, here, read_only, stack, batch_facts)
        text = addresses(place, here, is_shared=True)
        run(pages, here, pages.close, lambda: announce(text))


def pages_of(desk: Desk, here: Listening, read_only: bool, stack: ExitStack, batch_facts: FactsOfFolder) -> Results:
    """Join the sorting page and the results that are opened from it.

    Parameters
    ----------
    desk : Desk
        What the sorting page works with.
    here : Listening
        Where it listens.
    read_only : bool
        Nothing can be started or changed.
    stack : ExitStack
        Closes the journals of opened results.
    batch_facts : callable
        Tells how far the batch of a folder is.

    Returns
    -------
    Results
        Finds the handler of each request.
    """

    def opened(folder: Path) -> Served:
        result = open_result(folder, read_only, stack, lambda line: None)
        # Secrets of its own: what lets somebody into one result does not let them into another.
        secrets = Secrets(hosts=here.secrets.hosts)
        return Served(result.session, secrets, here.pool, here.port, result.exchange, *result.traces)

    def open_by_name(asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"address": pages.address(desk.roots.inside(str(asked.get("path", ""))))}

    def open_report(asked: Mapping[str, Any]) -> dict[str, Any]:
        folder = desk.roots.inside(str(asked.get("path", "")))
        if not (folder / PAGE).is_file():
            raise InputError(f"{folder} has no {PAGE}.")
        return {"address": reports.address(folder)}

    def batch(asked: Mapping[str, Any]) -> dict[str, Any]:
        return batch_facts(desk.roots.inside(str(asked.get("path", ""))))

    reports = Reports()
    shown = {"sorts": lambda asked: desk.sorts()}
    looking = {**desk.looking(), "open": open_by_name, "report": open_report, "batch": batch}
    shared = SharedDesk(here.secrets, here.pool, here.port, shown, looking, desk.acting(), read_only)
    pages = Results(sorting_application(shared, reports), opened)
    return pages
