"""What the commands print: progress, tables, the summary of a sort, errors."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spikesieve.errors import SpikesieveError

if TYPE_CHECKING:
    from spikesieve.api.sort_files import Outcome
    from spikesieve.engine.executor import Progress

USER_ERROR, BY_SIGNAL = 2, 128


def nothing_written() -> str:
    """Say that an interrupted command wrote nothing.

    Returns
    -------
    str
        Two sentences.
    """
    return "Interrupted. Nothing was written."


def _nothing_complete() -> str:
    return (
        "Interrupted. Nothing was written, but for a hidden folder beside the output, which the same command removes."
    )


@contextmanager
def errors_as_sentences(interrupted: Callable[[], str] = nothing_written) -> Iterator[None]:
    """Turn errors into messages and exit statuses.

    An error that the user can act on, a lack of memory among them, is printed and gives status 2, Ctrl-C gives 130,
    SIGTERM 143. Anything else is a
    defect: it passes through, so that Python prints a traceback and ends with status 1.

    Parameters
    ----------
    interrupted : callable, optional
        Returns what to say after an interruption.

    Yields
    ------
    None
        The block in which errors are caught.

    Raises
    ------
    typer.Exit
        With the status.
    """
    try:
        yield
    except SpikesieveError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USER_ERROR) from error
    except MemoryError as error:
        typer.echo("Error: There is no memory left. Close other programs, or give the job more memory.", err=True)
        raise typer.Exit(USER_ERROR) from error
    except KeyboardInterrupt as error:
        typer.echo(interrupted(), err=True)
        raise typer.Exit(BY_SIGNAL + getattr(error, "number", signal.SIGINT)) from error


@contextmanager
def shown_progress(
    quiet: bool, verbose: bool = False, interrupted: Callable[[], str] = _nothing_complete
) -> Iterator[Progress]:
    """Show progress bars on standard error while a command works.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    verbose : bool, optional
        Show the log as well.
    interrupted : callable, optional
        Returns what to say when a signal ends the process, because the work does not stop by itself.

    Yields
    ------
    Progress
        To be called with (stage, done, total). It stops the work after Ctrl-C or SIGTERM.
    """
    from rich.console import Console
    from rich.logging import RichHandler

    from spikesieve.cli.interruption import leave, stoppable
    from spikesieve.cli.progress import ProgressBars
    from spikesieve.engine.executor import silent
    from spikesieve.io.results.run_log import attached

    def end(number: int) -> None:
        show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""
        typer.echo(f"{show_cursor}{interrupted()}", err=True)
        leave(BY_SIGNAL + number)

    console = Console(stderr=True)
    with ExitStack() as stack:
        handler = RichHandler(console=console, show_path=False) if verbose else logging.NullHandler()
        # Attached even when nothing is shown, so that Python's warnings go to the log and not between the bars.
        stack.enter_context(attached(handler))
        progress = silent if quiet else stack.enter_context(ProgressBars(console))
        yield stack.enter_context(stoppable(progress, end))


def print_outcome(outcome: Outcome) -> None:
    """Print what a sort found, how long it took, and where the result is.

    Parameters
    ----------
    outcome : Outcome
        The finished sort.
    """
    from spikesieve.api.save import LOG_NAME
    from spikesieve.api.sort_files import label_counts

    sorting = outcome.sorting
    rows = [
        *((f"{label} units", str(n)) for label, n in label_counts(sorting).items()),
        ("spikes", str(len(sorting.spikes))),
        ("time", outcome.time),
    ]
    print_table("Sorted", ("what", "value"), rows)
    print_notes(outcome.notes)
    typer.echo(f"Result:   {outcome.folder} (units.csv lists the units, {LOG_NAME} is the log)")
    typer.echo(f"Pictures: {outcome.folder / 'figures'} ({', '.join(Path(name).stem for name in outcome.pictures)})")
    typer.echo(f"Browser:  spikesieve app {outcome.folder}")
    typer.echo(f"Phy:      phy template-gui {outcome.folder / 'params.py'}")
    typer.echo(f"Report:   {outcome.folder / outcome.report}")


def print_notes(notes: Iterable[str]) -> None:
    """Print notes, one a line.

    Parameters
    ----------
    notes : iterable of str
        Sentences for the user.
    """
    for note in notes:
        typer.echo(f"Note: {note}")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    title : str
        Line above the table.
    columns : sequence of str
        Headers.
    rows : iterable of sequence of str
        Cells of each row.
    """
    from rich.console import Console
    from rich.table import Column, Table

    # Paths are folded, not cut.
    table = Table(*(Column(name, overflow="fold") for name in columns), title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
