"""The command `spikesieve report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences, shown_progress
from spikesieve.cli.root import app


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder.", show_default=False)],
) -> None:
    """Write the page and the figures of a result again."""
    with errors_as_sentences(), shown_progress(quiet=True):
        from spikesieve.api.report import report_folder

        page = report_folder(folder)
    typer.echo(f"Report: {page}")
