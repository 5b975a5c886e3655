"""The command `spikesieve split`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences
from spikesieve.cli.root import app


class By(StrEnum):
    """What a part of a result is."""

    FILE = "file"
    SEGMENT = "segment"


@app.command()
def split(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder.", show_default=False)],
    by: Annotated[By, typer.Option("--by", help="One result for each file, or each part between gaps.")] = By.FILE,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for them. Default: DIR-by-file or DIR-by-segment.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older results of a split.")] = False,
) -> None:
    """Split a result into one for each file or segment, with the same units.

    Spike times then count from the first sample of that file, and Phy shows its traces. What was curated in Phy is
    kept.
    """
    with errors_as_sentences():
        from spikesieve.api.split import split_result

        parts = split_result(folder, by.value, out, overwrite)
    for part in parts:
        typer.echo(f"Result: {part}")
