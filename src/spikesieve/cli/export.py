"""The command `spikesieve export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences, print_notes
from spikesieve.cli.root import app
from spikesieve.errors import InputError


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder; it stays as it is.")],
    nwb: Annotated[
        Path | None,
        typer.Option("--nwb", help="NWB file, or a folder in which it gets DANDI's name.", show_default=False),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option("--metadata", help="YAML or JSON about session, subject and probe, for NWB.", show_default=False),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the units to an NWB file that exists.")] = False,
    unitmatch: Annotated[
        Path | None, typer.Option("--unitmatch", help="Folder for UnitMatch.", show_default=False)
    ] = None,
    phy: Annotated[Path | None, typer.Option("--phy", help="Folder with Phy's files only.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Folder of CSV tables.", show_default=False)] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", help="Folder of Parquet tables.", show_default=False)
    ] = None,
    alf: Annotated[Path | None, typer.Option("--alf", help="Folder with the names of IBL.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older exports.")] = False,
) -> None:
    """Write a result for other programs: NWB, UnitMatch, Phy, IBL, or tables. Several at once are possible."""
    given = {"nwb": nwb, "unitmatch": unitmatch, "phy": phy, "csv": csv, "parquet": parquet, "alf": alf}
    wanted = {name: out for name, out in given.items() if out is not None}
    with errors_as_sentences():
        from spikesieve.api.export import export_result

        if not wanted:
            raise InputError(f"Name what to write: {', '.join(f'--{name} PATH' for name in given)}.")
        if nwb is None and (metadata is not None or append):
            raise InputError("--metadata and --append go with --nwb FILE.")
        for name, out in wanted.items():
            more = (metadata, append) if name == "nwb" else ()
            done, notes = export_result(folder, name, out, overwrite, *more)  # type: ignore[arg-type]
            print_notes(notes)
            typer.echo(f"Written: {done}")
