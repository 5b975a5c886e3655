"""Made-up rows of `metrics.csv`."""

from __future__ import annotations

from dataclasses import fields

from spikesieve.model import UnitMetrics


def metrics_row(unit: int) -> UnitMetrics:
    """Every number is that of the unit; the cell type has a reason."""
    values = {
        column.name: f"text {column.name}" if "str" in str(column.type) else unit for column in fields(UnitMetrics)
    }
    return UnitMetrics(**values)
