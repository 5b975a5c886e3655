"""Write tables as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as a CSV file: UTF-8, one header line, an empty field for None.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced.
    header : sequence of str
        Column names.
    rows : iterable of sequences
        Values of each row, in the order of the header.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
