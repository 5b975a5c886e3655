"""The command `spikesieve demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.output import errors_as_sentences, print_outcome, print_table, shown_progress
from spikesieve.cli.root import app


@app.command()
def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="16 channels and 10 s instead of 64 channels and 60 s.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder. Default: spikesieve-demo, or -2, -3 ...")
    ] = None,
) -> None:
    """Simulate a recording into files, sort them, and score the result against the truth."""
    folder = out

    def interrupted() -> str:
        if folder is None or not folder.exists():
            return "Interrupted. Nothing is complete: give the same command again, and it starts anew."
        return f"Interrupted. What is finished is kept in {folder}: give the same command again, and it goes on there."

    with errors_as_sentences(interrupted), shown_progress(quiet=False, interrupted=interrupted) as progress:
        from spikesieve.api.demo import COLUMNS, demo_folder, run_demo, table_rows
        from spikesieve.comparison import summary_rows

        folder = folder or demo_folder(Path("spikesieve-demo"), quick)
        result = run_demo(folder, quick, progress)
    print_outcome(result.outcome)
    typer.echo(f"Recording, probe and truth: {result.outcome.folder.parent}")
    print_table("Every true unit and what was found of it", COLUMNS, table_rows(result))
    print_table("The result against the truth", ("what", "value"), summary_rows(result.score))
    typer.echo(f"Report: {result.outcome.folder / result.outcome.report}")
    typer.echo(f"In the browser: spikesieve app {folder}")
