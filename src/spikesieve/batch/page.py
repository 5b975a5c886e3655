"""The page of a batch, `batch.html`: what runs, and all recordings with what needs a look first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from spikesieve.batch.run import Batch
from spikesieve.batch.state import RowState
from spikesieve.batch.summary import Line, ranked
from spikesieve.io.hidden_folder import hidden_path
from spikesieve.model.text import counted, duration_text
from spikesieve.report.page_files import asset

PAGE, SUMMARY = "batch.html", "summary.csv"
# A browser shows this many rows without delay; the rest is in the table.
MAX_LINES = 2_000
COLUMNS = (
    *("recording", "state", "look at", "min", "contacts", "good", "mua", "noise", "spikes", "drift µm"),
    *("sort min", "GB"),
)
PRICES = ("cost", "per probe-hour")


def write_page(batch: Batch, lines: Sequence[Line], states: Sequence[tuple[str, RowState]], is_over: bool) -> None:
    """Write `batch.html` into the folder of the batch.

    Parameters
    ----------
    batch : Batch
        What is known of all rows.
    lines : sequence of Line
        Their summary.
    states : sequence of (str, RowState)
        Rows that are sorted now.
    is_over : bool
        Whether the page does not change any more; else browsers read it again every 10 s.
    """
    folder = batch.place.folder
    shown = ranked(lines)[:MAX_LINES]
    has_prices = any(line.cost is not None for line in lines)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(asset("batch.html.j2")).render(
        title=folder.name,
        refresh_s=None if is_over else 10,
        sentence=sentence(batch),
        counts=[(state, f"{n:,}") for state, n in batch.counts().items() if n],
        running=[_running(name, state) for name, state in states],
        columns=(*COLUMNS, *(PRICES if has_prices else ()), "log"),
        lines=[_shown(batch, line, has_prices) for line in shown],
        n_hidden=f"{len(lines) - len(shown):,}" if len(lines) > len(shown) else "",
        style=Markup(asset("page.css")),
        script=Markup(asset("compare.js")),
    )
    new = hidden_path(folder / PAGE, "new")
    new.write_text(text, encoding="utf-8")
    new.replace(folder / PAGE)


def sentence(batch: Batch) -> str:
    """Say how far a batch is.

    Parameters
    ----------
    batch : Batch
        What is known of all rows.

    Returns
    -------
    str
        A sentence or two.
    """
    n_ended = len(batch.states)
    left_s = batch.left_s()
    rest = f" About {duration_text(left_s)} are left." if left_s and batch.n_left else ""
    return f"{n_ended:,} of {counted(len(batch.rows), 'recording')} have ended.{rest}"


def _running(name: str, state: RowState) -> dict[str, str]:
    return {
        "name": name,
        "step": state.line(),
        "minutes": f"{state.spent_s / 60:.1f}",
        "memory_gb": f"{state.memory_mb / 1e3:.2f}",
        "host": state.host,
    }


def _shown(batch: Batch, line: Line, has_prices: bool) -> dict[str, Any]:
    """The texts of a line. Numbers that are not known stay empty."""
    folder = batch.place.folder
    is_done = line.state == "done"
    prices = (line.cost, line.cost_per_probe_hour) if has_prices else ()
    numbers = (
        f"{line.recording_s / 60:.1f}",
        *(str(n) for n in (line.n_contacts, line.n_good, line.n_mua, line.n_noise, line.n_spikes)),
        f"{line.drift_um:.0f}",
        f"{line.seconds / 60:.1f}",
        f"{line.peak_memory_mb / 1e3:.2f}",
        *("" if price is None else f"{price:.3g}" for price in prices),
    )
    log = folder / "logs" / f"{line.name}.log"
    return {
        "name": line.name,
        "state": line.state,
        "look": line.look,
        "cells": numbers if is_done else ("",) * len(numbers),
        "page": quote(os.path.relpath(os.path.join(line.out, "report.html"), folder)) if is_done else "",
        "log": quote(f"logs/{line.name}.log") if log.exists() else "",
    }
