"""Write a comparison: `report.html`, pictures as PNG and CSV, tables as CSV, spikes of only one sorting as npz."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikesieve.comparison.result import Comparison, PairComparison
from spikesieve.model.external import ExternalSorting
from spikesieve.report.comparison.sections import sections
from spikesieve.report.comparison.tables import TitledTable, unit_tables
from spikesieve.report.csv_files import write_csv
from spikesieve.report.page_files import asset

PAGE, FIGURES = "report.html", "figures"
DOTS_PER_INCH = 100
FILE_DIGITS = 7
"""Significant digits in files: what a float32 has, and hours in steps of 0.01 s."""
MAX_PICTURE_BYTES = 6_000_000
"""Size of the pictures within the page. Further pictures are linked, so that the page opens quickly."""
SHOWN_TABLES = ("units_vs_truth", "sorted_units_vs_truth", "units_of_both", "matched_pairs")
"""Tables that the page shows."""


@dataclass(frozen=True)
class _Picture:
    """A written picture: file name without ending, caption and PNG."""

    name: str
    caption: str
    png: bytes


def write_comparison(
    folder: Path, result: Comparison, most_pairs: int, summary: tuple[tuple[str, str], ...] = ()
) -> Path:
    """Write the report of a comparison into an existing folder.

    Parameters
    ----------
    folder : Path
        Existing folder.
    result : Comparison
        The comparison.
    most_pairs : int
        Largest number of matched pairs to draw, those with the lowest agreement first.
    summary : tuple of (str, str), optional
        Names and values for the top of the page.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    figure_folder = folder / FIGURES
    figure_folder.mkdir(exist_ok=True)
    tables = unit_tables(result)
    for table in tables:
        _write_table(folder, table)
    if result.each_other is not None:
        _write_unshared_spikes(folder / "spikes_of_one.npz", result.sides, result.each_other)
    written = []
    for title, pictures in sections(result, most_pairs):
        saved = [_Picture(table.name, table.title, _save(figure_folder, table, figure)) for table, figure in pictures]
        if saved:
            written.append((title, saved))
    page = folder / PAGE
    page.write_text(_page(result, tables, written, summary), encoding="utf-8", newline="\n")
    return page


def _save(folder: Path, table: TitledTable, figure: Figure) -> bytes:
    """Write the picture and its numbers under one name, and return the PNG."""
    _write_table(folder, table)
    buffer = BytesIO()
    figure.savefig(buffer, dpi=DOTS_PER_INCH, format="png")
    (folder / f"{table.name}.png").write_bytes(buffer.getvalue())
    return buffer.getvalue()


def _write_table(folder: Path, table: TitledTable) -> None:
    write_csv(folder / f"{table.name}.csv", table.columns, table.texts(FILE_DIGITS))


def _write_unshared_spikes(path: Path, sides: tuple[ExternalSorting, ...], found: PairComparison) -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for letter, side, only in zip("ab", sides, (found.relations.only_a, found.relations.only_b), strict=True):
        arrays[f"spike_times_{letter}"] = side.trains.sample[only]
        arrays[f"spike_clusters_{letter}"] = side.trains.units[side.trains.unit[only]]
        if side.amplitude is not None:
            arrays[f"amplitudes_{letter}"] = side.amplitude[only]
    np.savez_compressed(path, sampling_hz=sides[0].sampling_hz, **arrays)  # type: ignore[arg-type]  # arrays by name


def _page(
    result: Comparison,
    tables: tuple[TitledTable, ...],
    written: Sequence[tuple[str, Sequence[_Picture]]],
    summary: tuple[tuple[str, str], ...],
) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(asset("compare.html.j2")).render(
        title=" and ".join(side.name for side in result.sides),
        truth=None if result.truth is None else result.truth.name,
        sides=result.sides,
        summary=summary,
        notes=result.notes,
        sections=_embedded(written),
        tables=[table for table in tables if table.name in SHOWN_TABLES],
        files=[f"{table.name}.csv" for table in tables],
        style=Markup(asset("page.css")),
        script=Markup(asset("compare.js")),
    )


def _embedded(
    written: Sequence[tuple[str, Sequence[_Picture]]],
) -> list[tuple[str, list[dict[str, str | None]]]]:
    """Sections with their pictures as data URLs, as long as there is room in the page."""
    room = MAX_PICTURE_BYTES
    shown = []
    for title, pictures in written:
        entries: list[dict[str, str | None]] = []
        for picture in pictures:
            room -= len(picture.png)
            source = f"data:image/png;base64,{base64.b64encode(picture.png).decode('ascii')}" if room > 0 else None
            entries.append({"name": picture.name, "caption": picture.caption, "source": source})
        shown.append((title, entries))
    return shown
