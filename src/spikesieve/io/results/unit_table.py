"""`units.csv`: one row per unit; the columns are the fields of `Unit`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from spikesieve.model import Unit

COLUMNS = tuple(field.name for field in fields(Unit))
"""The columns of units.csv, in this order."""

# Decimals by unit of the column; other numbers have SIGNIFICANT_DIGITS.
DECIMALS = {"um": 1, "uv": 1}
SIGNIFICANT_DIGITS = 4


def write_units_csv(path: Path, units: Sequence[Unit]) -> None:
    """Write the unit table as UTF-8 CSV with a header line.

    An empty field means: cannot be estimated from these data. Lengths and voltages have one decimal, other numbers 4
    significant digits.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    units : sequence of Unit
        The units, one row each.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_text(name, getattr(unit, name)) for name in COLUMNS] for unit in units)


def _text(name: str, value: str | int | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int | np.integer):
        return str(value)
    if not np.isfinite(value):
        return ""
    decimals = DECIMALS.get(name.rsplit("_", 1)[-1])
    return f"{value:.{SIGNIFICANT_DIGITS}g}" if decimals is None else f"{value:.{decimals}f}"
