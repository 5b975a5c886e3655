"""The tables of a comparison: each a header and rows, written as CSV and shown on the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikesieve.comparison.relations import UnitRelation
from spikesieve.comparison.result import AgainstEachOther, Comparison
from spikesieve.comparison.truth_table import AgainstTruth, SortedRow, TruthRow

FIRST_COLUMNS = ("unit", "n_spikes", "matched_unit", "accuracy", "recall", "precision", "kilosort_score", "class")
"""Those of units_vs_truth.csv that others rely on; what else is known follows."""


@dataclass(frozen=True)
class Table:
    """A table.

    name     file name without ending
    title    what it shows
    columns  header
    rows     values; None and NaN: not known
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def texts(self, digits: int) -> Iterator[list[str]]:
        """Rows as text: floats with that many significant digits, "" for what is not known."""
        return ([text(value, digits) for value in row] for row in self.rows)


def text(value: object, digits: int) -> str:
    """A value as it stands in a table."""
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}" if math.isfinite(value) else ""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def long_table(name: str, title: str, columns: tuple[str, ...], *parts: tuple[ArrayLike, ...]) -> Table:
    """A table with one row for each value, from arrays.

    parts  one below the other: of each, one array for every column, which are broadcast to one shape and unrolled
    """
    rows: list[tuple[Any, ...]] = []
    for part in parts:
        unrolled = (column.ravel().tolist() for column in np.broadcast_arrays(*map(np.asarray, part)))
        rows += zip(*unrolled, strict=True)
    return Table(name, title, columns, tuple(rows))


def tables_of(result: Comparison) -> tuple[Table, ...]:
    """The tables of a comparison that stand for themselves; those without input are left out."""
    tables: list[Table] = []
    if result.against_truth:
        tables += _truth_tables(result.against_truth)
    if result.each_other is not None:
        tables += _each_other_tables(result.each_other, (result.sides[0].name, result.sides[1].name))
    return tuple(tables)


def _truth_tables(entries: tuple[AgainstTruth, ...]) -> list[Table]:
    rename = {"status": "class"}
    columns = tuple(rename.get(field.name, field.name) for field in fields(TruthRow))
    return [
        Table("units_vs_truth", "True units", columns, _rows(TruthRow, [row for e in entries for row in e.rows])),
        Table(
            "sorted_units_vs_truth",
            "Sorted units against the truth",
            tuple(rename.get(field.name, field.name) for field in fields(SortedRow)),
            _rows(SortedRow, [row for e in entries for row in e.sorted_rows]),
        ),
    ]


def _rows(kind: type, items: list[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(getattr(item, field.name) for field in fields(kind)) for item in items)


def _each_other_tables(found: AgainstEachOther, names: tuple[str, str]) -> list[Table]:
    relations = found.relations
    columns = ("sorting", *(field.name for field in fields(UnitRelation)), "share_only")
    rows = [
        (name, *(getattr(row, field.name) for field in fields(UnitRelation)), row.n_only / max(1, row.n_spikes))
        for name, side in zip(names, (relations.a, relations.b), strict=True)
        for row in side
    ]
    return [
        Table("units_of_both", "Units of both sortings", columns, tuple(rows)),
        Table("matched_pairs", "Matched pairs", PAIR_COLUMNS, _pair_rows(found)),
    ]


PAIR_COLUMNS = ("unit_a", "unit_b", "n_spikes_a", "n_spikes_b", "n_matches", "agreement", "similarity", "lag_samples")


def _pair_rows(found: AgainstEachOther) -> tuple[tuple[Any, ...], ...]:
    a, b = found.agreement.a, found.agreement.b
    counts, scores = found.agreement.counts(), found.agreement.scores()
    n_a, n_b = a.n_spikes.tolist(), b.n_spikes.tolist()
    rows = []
    for i, j in found.relations.pairs.tolist():
        alike = found.likeness
        shape = (None, None) if alike is None else (float(alike.similarity[i, j]), int(alike.lag_samples[i, j]))
        rows.append((int(a.units[i]), int(b.units[j]), n_a[i], n_b[j], int(counts[i, j]), float(scores[i, j]), *shape))
    return tuple(rows)
