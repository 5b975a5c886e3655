"""The application that every command registers with."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="Spike sorting: from a raw extracellular recording to the spike trains of single neurons.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        import spikesieve

        typer.echo(f"spikesieve {spikesieve.__version__}")
