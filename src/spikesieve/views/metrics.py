"""What is known of a unit, number by number: with its interval where there is one, and what its label rests on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from spikesieve.model import Unit, UnitMetrics
from spikesieve.views.result import Result

INTERVALS = {"contamination": ("contamination_low", "contamination_high")}
"""Columns that hold the ends of the 95 % interval of another one."""
REASONS = {"cell_type": "cell_type_why", "bombcell_label": "bombcell_why", "ibl_label": "ibl_why"}
"""Columns that hold the reason of another one."""
ELSEWHERE = frozenset({"unit", "label", "why"})
"""Columns that are said elsewhere."""
IN_BOTH = frozenset({"unit", "num_spikes", "firing_rate", "snr"})
"""Columns of `metrics.csv` that the unit table has as well."""


@dataclass(frozen=True)
class Quantity:
    """Something that is known of a unit.

    Attributes
    ----------
    name : str
        Name of its column.
    value : float, str, bool or None
        None if these data cannot tell.
    low, high : float or None
        Ends of its 95 % interval.
    reason : str
        What it rests on.
    """

    name: str
    value: float | str | bool | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


def quantities(row: Unit, metrics: UnitMetrics | None) -> list[Quantity]:
    """List what is known of a unit.

    Parameters
    ----------
    row : Unit
        Its row of the unit table.
    metrics : UnitMetrics or None
        Its row of `metrics.csv`; None if it is not measured.

    Returns
    -------
    list of Quantity
        The columns of both.
    """
    return [*_of(row), *(() if metrics is None else _of(metrics))]


def _of(row: Unit | UnitMetrics) -> Iterator[Quantity]:
    said = IN_BOTH if isinstance(row, UnitMetrics) else ELSEWHERE
    said = said.union(REASONS.values(), *INTERVALS.values())
    for name in [column.name for column in fields(row) if column.name not in said]:
        low, high = (getattr(row, end) for end in INTERVALS[name]) if name in INTERVALS else (None, None)
        reason = getattr(row, REASONS[name]) if name in REASONS else None
        yield Quantity(name, getattr(row, name), low, high, reason or "")


def metrics_of(result: Result) -> dict[int, UnitMetrics]:
    """Find the rows of `metrics.csv`.

    Parameters
    ----------
    result : Result
        The result.

    Returns
    -------
    dict of int to UnitMetrics
        Row of each unit as it was sorted; empty where the result has none.
    """
    return {} if result.sorting is None else {one.unit: one for one in result.sorting.metrics}


def metric_columns() -> list[str]:
    """Name the columns of `metrics.csv` that the unit table does not have.

    Returns
    -------
    list of str
        In the order of the file.
    """
    return [column.name for column in fields(UnitMetrics) if column.name not in IN_BOTH]


def meanings(kind: type[Any]) -> dict[str, str]:
    """Read what the fields of a class mean from its docstring.

    Parameters
    ----------
    kind : type
        The class; its docstring has a section of attributes.

    Returns
    -------
    dict of str to str
        Sentence of each field.

    Examples
    --------
    >>> meanings(Unit)["n_spikes"]
    'Number of spikes.'
    """
    section = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", section):
        names, _, text = block.strip().partition("\n")
        sentence = re.sub(r"\bu([mV])\b", "µ\\1", " ".join(text.split()))
        found |= {name.strip(): sentence for name in names.partition(" : ")[0].split(",")}
    return found
