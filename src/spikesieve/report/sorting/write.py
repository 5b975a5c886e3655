"""The report of a result folder: `report.html`, and its figures as PNG and CSV in the folder `figures`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesieve.model import Sorting
from spikesieve.report.sorting.numbers import numbers_of
from spikesieve.report.sorting.page import page_html
from spikesieve.report.sorting.pictures import write_pictures
from spikesieve.report.sorting.tables import write_tables

PAGE, FIGURES = "report.html", "figures"


@dataclass(frozen=True)
class Report:
    """What was written: the page, the pictures (PNG), the tables (CSV)."""

    page: Path
    pictures: tuple[Path, ...]
    tables: tuple[Path, ...]


def write_report(folder: Path, sorting: Sorting, facts: Mapping[str, Any]) -> Report:
    """Write the report of a sorting into its result folder; an older one is replaced file by file.

    folder  exists; a folder `figures` is made in it
    facts   what `provenance.json` of the result holds

    The page appears complete or not at all. Raises OSError when something cannot be written.
    """
    numbers = numbers_of(sorting)
    figures = folder / FIGURES
    figures.mkdir(exist_ok=True)
    pictures = write_pictures(figures, sorting, numbers)
    tables = write_tables(figures, sorting, numbers)
    half_done, page = folder / f".{PAGE}.partial", folder / PAGE
    try:
        half_done.write_text(page_html(sorting, facts, numbers), encoding="utf-8", newline="\n")
        os.replace(half_done, page)
    finally:
        half_done.unlink(missing_ok=True)
    return Report(page, pictures, tables)
