"""The table of a batch in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from spikesieve.batch.run import Batch
    from spikesieve.batch.state import RowState


class LiveTable:
    """Shows what runs, in place. Where there is no terminal, it prints a line for each row that ended.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        self._quiet = quiet
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not quiet else None
        self._told: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> LiveTable:
        if self._live is not None:
            self._stack.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, batch: Batch, states: Sequence[tuple[str, RowState]]) -> None:
        """Show how far a batch is.

        Parameters
        ----------
        batch : Batch
            What is known of all rows.
        states : sequence of (str, RowState)
            Rows that are sorted now.
        """
        if self._live is not None:
            self._live.update(_table(batch, states), refresh=True)
        elif not self._quiet and len(batch.states) > len(self._told):
            for name, state in batch.states.items():
                if name not in self._told:
                    why = batch.reasons.get(name, "")
                    typer.echo(
                        f"{len(self._told) + 1} of {len(batch.rows)}: {name}: {state}{why and '. '}{why}", err=True
                    )
                    self._told.add(name)


def _table(batch: Batch, states: Sequence[tuple[str, RowState]]) -> Table:
    from rich.table import Table

    from spikesieve.batch.page import sentence

    counts = ", ".join(f"{n:,} {state}" for state, n in batch.counts().items() if n)
    table = Table(title=f"{sentence(batch)} {counts}", title_justify="left", expand=True)
    for column in ("recording", "step", "min", "GB", "where"):
        table.add_column(column, overflow="fold")
    for name, state in states:
        minutes, memory = f"{state.spent_s / 60:.1f}", f"{state.memory_mb / 1e3:.2f}"
        table.add_row(name, state.line(), minutes, memory, state.host)
    return table
