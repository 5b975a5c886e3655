"""The command `spikesieve app`."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences
from spikesieve.cli.root import app


@app.command("app")
def browser_app(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[DIR]",
            help="A result, or any folder that a sorter wrote for Phy: it is shown. The folder of a batch: how far it "
            "is. Any other folder: recordings in it can be sorted.",
        ),
    ] = Path("."),
    root: Annotated[
        list[Path] | None,
        typer.Option("--root", help="Another folder that the sorting page may look into. Repeat as needed."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than this machine can then see it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port. Default: a free one.")] = 0,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", help="Another name of this server, such as that of a JupyterHub. Repeat as needed."
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show it, and change nothing.")] = False,
    imports: Annotated[
        list[Path] | None,
        typer.Option(
            "--import",
            help="Take in a curation file of SpikeInterface, or a copy of DIR changed in Phy; undo leads back.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Sort recordings in the browser, and look at results and correct them: merge, split, label, undo."""
    with errors_as_sentences():
        from spikesieve.io.roots import is_result

        names = tuple(allow_host or ())
        if root or (folder.is_dir() and not is_result(folder)):
            from spikesieve.api.sorting_page.show import show_sorting_page
            from spikesieve.batch.table import BatchTables

            roots = (folder, *(root or ()))
            show_sorting_page(roots, (host, port), names, read_only, typer.echo, BatchTables().facts)
        else:
            gc.disable()  # until the page is served: a tenth of the start goes into looking for garbage that is none
            from spikesieve.api.app import show

            show(folder, (host, port), names, read_only, imports or (), typer.echo)
