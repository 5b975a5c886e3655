"""`units.csv` and `metrics.csv`: one row per unit; the columns are the fields of `Unit` and of `UnitMetrics`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

import numpy as np

from spikesieve.model import Unit, UnitMetrics

Row = TypeVar("Row", Unit, UnitMetrics)

# Decimals by unit of the column; other numbers have SIGNIFICANT_DIGITS.
DECIMALS = {"um": 1, "uv": 1}
SIGNIFICANT_DIGITS = 4


def write_table(path: Path, kind: type[Row], rows: Sequence[Row]) -> None:
    """Write a table of units as UTF-8 CSV with a header line.

    An empty field means: cannot be estimated from these data. Columns that end in _um or _uv have one decimal, other
    numbers 4 significant digits.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    kind : type
        `Unit` or `UnitMetrics`: its fields are the columns.
    rows : sequence of Unit or UnitMetrics
        One row a unit.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    names = [field.name for field in fields(kind)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(name, getattr(row, name)) for name in names] for row in rows)


def read_table(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """Read what `write_table` wrote.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        `Unit` or `UnitMetrics`.

    Returns
    -------
    tuple of Unit or UnitMetrics
        The rows. An empty field is None, or NaN where None is not allowed.

    Raises
    ------
    OSError
        If the file cannot be read.
    KeyError, TypeError, ValueError
        If a column is missing, or holds something else.
    """
    kinds = {name: get_args(wanted) or (wanted,) for name, wanted in get_type_hints(kind).items()}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in kinds if name not in (reader.fieldnames or ())]
        if missing:
            raise KeyError(missing[0])
        rows = list(reader)
    if any(None in row.values() for row in rows):
        raise ValueError("a row is too short")
    return tuple(kind(**{name: _value(row[name], choices) for name, choices in kinds.items()}) for row in rows)


def _text(name: str, value: str | int | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int | np.integer):
        return str(value)
    if not np.isfinite(value):
        return ""
    decimals = DECIMALS.get(name.rsplit("_", 1)[-1])
    return f"{value:.{SIGNIFICANT_DIGITS}g}" if decimals is None else f"{value:.{decimals}f}"


def _value(text: str, choices: tuple[Any, ...]) -> Any:
    """A field in the types of its column; an empty one is None, or NaN if None is not allowed."""
    if not text and NoneType in choices:
        return None
    if bool in choices:
        return {"True": True, "False": False}[text]
    if not text and str not in choices:
        return float("nan")
    return next(choice for choice in choices if choice is not NoneType)(text)
