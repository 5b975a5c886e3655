"""The tables of a comparison, written as CSV and shown on the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikesieve.comparison.relations import UnitRelation
from spikesieve.comparison.result import Comparison, PairComparison
from spikesieve.comparison.truth_comparison import TruthComparison
from spikesieve.comparison.truth_rows import SortedUnitRow, TrueUnitRow

PAIR_COLUMNS = ("unit_a", "unit_b", "n_spikes_a", "n_spikes_b", "n_matches", "agreement", "similarity", "lag_samples")
"""Columns of matched_pairs.csv."""


@dataclass(frozen=True)
class TitledTable:
    """A table with a file name and a title.

    Attributes
    ----------
    name : str
        File name without ending.
    title : str
        What the table shows.
    columns : tuple of str
        Header.
    rows : tuple of tuple
        Values of each row. None and NaN where they are not known.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def texts(self, digits: int) -> Iterator[list[str]]:
        """Format the rows.

        Parameters
        ----------
        digits : int
            Significant digits of floats.

        Yields
        ------
        list of str
            Values of one row; "" where they are not known.
        """
        return ([_format(value, digits) for value in row] for row in self.rows)


def _format(value: object, digits: int) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}" if math.isfinite(value) else ""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def long_table(name: str, title: str, columns: tuple[str, ...], *parts: tuple[ArrayLike, ...]) -> TitledTable:
    """Build a table with one row for each value of some arrays.

    Parameters
    ----------
    name : str
        File name without ending.
    title : str
        What the table shows.
    columns : tuple of str
        Header.
    *parts : tuple of array_like
        One array for each column. The arrays of a part are broadcast to one shape and flattened; the parts follow each
        other.

    Returns
    -------
    TitledTable
        The table.

    Examples
    --------
    >>> long_table("t", "T", ("name", "row", "value"), ("x", np.arange(2)[:, None], np.array([[5], [6]]))).rows
    (('x', 0, 5), ('x', 1, 6))
    """
    rows: list[tuple[Any, ...]] = []
    for part in parts:
        flat = (column.ravel().tolist() for column in np.broadcast_arrays(*map(np.asarray, part)))
        rows += zip(*flat, strict=True)
    return TitledTable(name, title, columns, tuple(rows))


def unit_tables(result: Comparison) -> tuple[TitledTable, ...]:
    """Build the tables of units of a comparison.

    Parameters
    ----------
    result : Comparison
        The comparison.

    Returns
    -------
    tuple of TitledTable
        Tables against the truth and of both sortings, as far as these were given.
    """
    tables: list[TitledTable] = []
    if result.against_truth:
        tables += _truth_tables(result.against_truth)
    if result.each_other is not None:
        tables += _pair_tables(result.each_other, (result.sides[0].name, result.sides[1].name))
    return tuple(tables)


def _truth_tables(entries: tuple[TruthComparison, ...]) -> list[TitledTable]:
    true_rows = _rows(TrueUnitRow, [row for entry in entries for row in entry.rows])
    sorted_rows = _rows(SortedUnitRow, [row for entry in entries for row in entry.sorted_rows])
    return [
        TitledTable("units_vs_truth", "True units", _columns(TrueUnitRow), true_rows),
        TitledTable("sorted_units_vs_truth", "Sorted units against the truth", _columns(SortedUnitRow), sorted_rows),
    ]


def _columns(kind: type) -> tuple[str, ...]:
    # `class` is a keyword of Python, so the field has another name than the column.
    return tuple({"status": "class"}.get(field.name, field.name) for field in fields(kind))


def _rows(kind: type, items: list[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(getattr(item, field.name) for field in fields(kind)) for item in items)


def _pair_tables(found: PairComparison, names: tuple[str, str]) -> list[TitledTable]:
    relations = found.relations
    columns = ("sorting", *(field.name for field in fields(UnitRelation)), "share_only")
    rows = [
        (name, *(getattr(row, field.name) for field in fields(UnitRelation)), row.n_only / max(1, row.n_spikes))
        for name, units in zip(names, (relations.a, relations.b), strict=True)
        for row in units
    ]
    return [
        TitledTable("units_of_both", "Units of both sortings", columns, tuple(rows)),
        TitledTable("matched_pairs", "Matched pairs", PAIR_COLUMNS, _matched_pair_rows(found)),
    ]


def _matched_pair_rows(found: PairComparison) -> tuple[tuple[Any, ...], ...]:
    a, b = found.agreement.a, found.agreement.b
    counts, scores = found.agreement.counts(), found.agreement.scores()
    n_a, n_b = a.n_spikes.tolist(), b.n_spikes.tolist()
    rows = []
    for i, j in found.relations.pairs.tolist():
        alike = found.template_similarity
        template = (None, None) if alike is None else (float(alike.similarity[i, j]), int(alike.lag_samples[i, j]))
        spikes = (n_a[i], n_b[j], int(counts[i, j]), float(scores[i, j]))
        rows.append((int(a.units[i]), int(b.units[j]), *spikes, *template))
    return tuple(rows)
