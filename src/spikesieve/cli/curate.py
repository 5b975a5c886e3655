"""The command `spikesieve curate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences, print_notes
from spikesieve.cli.root import app


@app.command()
def curate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder; it stays as it is.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the new result.", show_default=False)],
    changes: Annotated[
        Path | None,
        typer.Option(
            "--apply",
            help="Curation file of SpikeInterface, or a copy of DIR changed in Phy. Default: Phy's changes in DIR.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older result.")] = False,
) -> None:
    """Apply corrections (merged, split, labelled, removed units) and write the new result with all its tables.

    Corrections come from Phy (save there, then run this) or from a curation file of SpikeInterface.
    """
    with errors_as_sentences():
        from spikesieve.api.curate import curate_result

        result, notes = curate_result(folder, out, changes, overwrite)
    print_notes(notes)
    typer.echo(f"Result: {result}")
    typer.echo(f"Report: {result / 'report.html'}")
