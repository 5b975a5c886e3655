"""What an export is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from spikesieve.io.results.clock_files import SegmentRow
from spikesieve.model import F64, I64, Sorting, Unit, UnitMetrics

Value = str | int | float | None
# "names : type" and the indented lines that follow.
ATTRIBUTE = re.compile(r"^([a-z]\w*(?:, \w+)*) : .*\n((?:    .*\n?)+)", re.MULTILINE)


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
    """A sorting on the clock of its session.

    Attributes
    ----------
    sorting : Sorting
        The sorting.
    spike_s : ndarray of float64, shape (n_spikes,)
        Time of each spike in s.
    segments : tuple of SegmentRow
        Rows of `segments.csv`.
    name : str
        Name of the recording.
    """

    sorting: Sorting
    spike_s: F64
    segments: tuple[SegmentRow, ...]
    name: str = ""

    @cached_property
    def columns(self) -> tuple[UnitColumn, ...]:
        """The unit table and, where there are, further metrics."""
        return unit_columns(self.sorting)

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


def unit_columns(sorting: Sorting) -> tuple[UnitColumn, ...]:
    """Collect the columns of units.csv, and those of metrics.csv where the result has it.

    Parameters
    ----------
    sorting : Sorting
        The sorting.

    Returns
    -------
    tuple of UnitColumn
        Without the number of the unit. A name in both tables comes from units.csv.
    """
    columns = _columns(Unit, sorting.units)
    if len(sorting.metrics) == len(sorting.units):
        columns = _columns(UnitMetrics, sorting.metrics) | columns
    names = list(dict.fromkeys([*_names(Unit), *columns]))
    return tuple(columns[name] for name in names if name != "unit")


def _columns(kind: type[Unit] | type[UnitMetrics], rows: Sequence[Unit | UnitMetrics]) -> dict[str, UnitColumn]:
    meaning = meanings(kind)
    return {
        name: UnitColumn(name, meaning.get(name, name), [_plain(getattr(row, name)) for row in rows])
        for name in _names(kind)
    }


def _names(kind: type[Unit] | type[UnitMetrics]) -> list[str]:
    return [field.name for field in fields(kind)]


def _plain(value: Value) -> Value:
    """Labels as texts, NaN as None."""
    if isinstance(value, str):
        return str(value)
    return None if value != value else value


def meanings(kind: type) -> dict[str, str]:
    """Find what the attributes of a class mean, in the section Attributes of its docstring.

    Parameters
    ----------
    kind : type
        A class with a numpydoc docstring.

    Returns
    -------
    dict of str to str
        A text for each attribute.

    Examples
    --------
    >>> meanings(UnitColumn)["name"]
    'Its name.'
    """
    found: dict[str, str] = {}
    for names, text in ATTRIBUTE.findall(inspect.getdoc(kind) or ""):
        found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found
