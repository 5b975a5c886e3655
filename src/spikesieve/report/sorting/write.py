"""Write the report of a result folder: `report.html`, and its figures as PNG and CSV in the folder `figures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesieve.model import Sorting
from spikesieve.report.sorting.numbers import figure_numbers
from spikesieve.report.sorting.page import page_html
from spikesieve.report.sorting.pictures import write_pictures
from spikesieve.report.sorting.tables import write_tables

PAGE, FIGURES = "report.html", "figures"


@dataclass(frozen=True)
class Report:
    """The files of a report.

    Attributes
    ----------
    page : Path
        The HTML page.
    pictures : tuple of Path
        PNG files.
    tables : tuple of Path
        CSV files.
    """

    page: Path
    pictures: tuple[Path, ...]
    tables: tuple[Path, ...]


def write_report(folder: Path, sorting: Sorting, provenance: Mapping[str, Any]) -> Report:
    """Write the report of a sorting into a folder.

    Parameters
    ----------
    folder : Path
        Existing folder. The folder `figures` is made in it.
    sorting : Sorting
        The sorting.
    provenance : mapping
        Content of `provenance.json` of the result.

    Returns
    -------
    Report
        The files.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    numbers = figure_numbers(sorting)
    figures = folder / FIGURES
    figures.mkdir()
    pictures = write_pictures(figures, sorting, numbers)
    tables = write_tables(figures, sorting, numbers)
    page = folder / PAGE
    page.write_text(page_html(sorting, provenance, numbers), encoding="utf-8", newline="\n")
    return Report(page, pictures, tables)
