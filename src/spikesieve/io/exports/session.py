"""What an export is made of."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.results.clock_files import SegmentRow
from spikesieve.model import F64, I64, Sorting, Unit

METRICS = "metrics.csv"
Value = str | int | float | None


@dataclass(frozen=True, eq=False)
class UnitColumn:
    """A column of the unit table.

    Attributes
    ----------
    name : str
        Its name.
    meaning : str
        A sentence.
    values : list of str, int, float or None
        A value for each unit; None where it is not known.
    """

    name: str
    meaning: str
    values: list[Value]


@dataclass(frozen=True, eq=False)
class Session:
    """A sorting on the clock of its session, with the table of its units.

    Attributes
    ----------
    sorting : Sorting
        The sorting.
    spike_s : ndarray of float64, shape (n_spikes,)
        Time of each spike in s.
    segments : tuple of SegmentRow
        Rows of `segments.csv`.
    columns : tuple of UnitColumn
        The unit table and, where there are, further metrics.
    name : str
        Name of the recording.
    """

    sorting: Sorting
    spike_s: F64
    segments: tuple[SegmentRow, ...]
    columns: tuple[UnitColumn, ...]
    name: str = ""

    def spikes_of(self, row: int) -> I64:
        """Find the spikes of a unit.

        Parameters
        ----------
        row : int
            Row of the unit table.

        Returns
        -------
        ndarray of int64
            Their rows in `Spikes`, in order of time.
        """
        order, edges = self._by_unit
        return order[edges[row] : edges[row + 1]]

    @cached_property
    def _by_unit(self) -> tuple[I64, I64]:
        unit = self.sorting.spikes.unit
        order = np.argsort(unit, kind="stable")
        return order, np.searchsorted(unit[order], np.arange(len(self.sorting.units) + 1)).astype(np.int64)

    def observed_s(self) -> F64:
        """Compute when each segment began and ended on the clock of the session.

        Returns
        -------
        ndarray of float64, shape (n_segments, 2)
            Start and end in s. Its last spike shows how fast the clock ran; without spikes it is the sampling rate.
        """
        sample, hz = self.sorting.spikes.sample, self.sorting.sampling_hz
        ends = []
        for row in self.segments:
            first, last = np.searchsorted(sample, [row.start_sample, row.stop_sample])
            start_s, at, at_s = float(row.start_s), row.start_sample, float(row.start_s)
            if last > first:
                start_s = min(start_s, float(self.spike_s[first]))
                at, at_s = int(sample[last - 1]), float(self.spike_s[last - 1])
            ends.append((start_s, at_s + (row.stop_sample - at) / hz))
        return np.array(ends, np.float64).reshape(-1, 2)


def unit_columns(sorting: Sorting, folder: Path, meanings: Mapping[str, str]) -> tuple[UnitColumn, ...]:
    """Collect the columns of the unit table, and those of metrics.csv where the result has it.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    folder : Path
        The result folder.
    meanings : mapping of str to str
        What columns mean.

    Returns
    -------
    tuple of UnitColumn
        Without the number of the unit. A name in both tables comes from the unit table.

    Raises
    ------
    InputError
        If metrics.csv is damaged or has other units.
    """
    columns = [
        UnitColumn(
            field.name, meanings.get(field.name, field.name), [getattr(unit, field.name) for unit in sorting.units]
        )
        for field in fields(Unit)
        if field.name != "unit"
    ]
    known = {column.name for column in columns} | {"unit"}
    more = _metrics(folder / METRICS, sorting)
    columns += [
        UnitColumn(name, meanings.get(name, f"{name}, as in {METRICS}"), values)
        for name, values in more.items()
        if name not in known
    ]
    return tuple(columns)


def _metrics(path: Path, sorting: Sorting) -> dict[str, list[Value]]:
    """Columns of metrics.csv, each row that of a unit; empty if there is none."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {int(row["unit"]): row for row in csv.DictReader(file)}
        ordered = [rows[unit.unit] for unit in sorting.units]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not have a row for each unit of units.csv ({type(error).__name__}: {error}). Copy the folder "
            "again from its source, or sort again."
        ) from error
    names = list(ordered[0]) if ordered else []
    return {name: _typed([row[name] for row in ordered]) for name in names}


def _typed(texts: list[str]) -> list[Value]:
    """Numbers if all are numbers or empty, else texts."""
    try:
        return [float(text) if text else None for text in texts]
    except ValueError:
        return list(texts)
