"""What is known of the units: found once, since the spikes of a number never change. Large units wait their turn."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spikesieve.curation.measured import DescribedUnit, go_on, measured_after
from spikesieve.model import I32, Label, Unit, UnitMetrics
from spikesieve.views.metrics import metric_columns, metrics_of
from spikesieve.views.result import Result
from spikesieve.views.unit_rows import unit_row
from spikesieve.views.waveforms import Waveform, mean_waveform, template_waveform

WAITS = "is being described"
QUICK = 20_000
"""Units with up to this many spikes are described at once, in some milliseconds."""


@dataclass(frozen=True, eq=False)
class UnitFacts:
    """What is computed once of a unit: its spikes never change.

    Attributes
    ----------
    rows : ndarray of int32, shape (n,)
        Its spikes.
    waveform : Waveform
        Their mean waveform.
    row : Unit
        Its row of the unit table, with the label of the program.
    """

    rows: I32
    waveform: Waveform
    row: Unit


class Descriptions:
    """What is known of the units.

    Parameters
    ----------
    result : Result
        The result.
    rows_of : callable
        Finds the spikes of a unit.

    Attributes
    ----------
    are_made_later : bool
        Whether somebody describes in the background what waits.
    wanted : threading.Event
        Set when there may be something that waits.
    keep : callable
        Called with all descriptions when nothing waits any more.
    """

    def __init__(self, result: Result, rows_of: Callable[[int], I32]) -> None:
        self._result, self._rows_of = result, rows_of
        self._rows: dict[int, Unit] = {}
        self._waveforms: dict[int, Waveform] = {}
        self._best_at: dict[int, set[int]] = {}
        self._shown_at: dict[int, set[int]] = {}
        self._kept: dict[int, tuple[list[int], Unit]] = {}
        self._states: dict[int, list[int]] = {}
        self._metrics = metrics_of(result)
        self.are_made_later = False
        self.wanted = threading.Event()
        self.keep: Callable[[dict[str, Any]], None] = lambda known: None

    def waveform(self, unit: int) -> Waveform:
        """Compute the mean waveform of a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        Waveform
            Of all its spikes.
        """
        found = self._waveforms.get(unit)
        if found is None:
            rows = self._rows_of(unit)
            if len(rows) and rows is self._result.units.rows.get(unit):
                template = self._result.template[rows[0]]
                self._result.columns.know("template", rows, np.broadcast_to(template, len(rows)))
                found = template_waveform(self._result, int(template))
            else:
                found = mean_waveform(self._result, rows)
            for contact in found.contacts.tolist():
                self._shown_at.setdefault(contact, set()).add(unit)
            self._best_at.setdefault(int(found.contacts[0]), set()).add(unit)
            self._waveforms[unit] = found
        return found

    def row(self, unit: int) -> Unit:
        """Describe a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        Unit
            Its row of the unit table.
        """
        found = self._rows.get(unit)
        if found is None:
            # Its waveform takes longer than all else that a table shows, and is not needed where the row is known.
            found = self._result.described.get(unit) or self._of_earlier_start(unit)
            if found is None:
                found = unit_row(self._result, unit, self._rows_of(unit), self.waveform(unit))
            self._rows[unit] = found
        return found

    def waits(self, unit: int) -> bool:
        """Say whether a unit is described later.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        bool
            Whether it is not described yet, is large, and somebody does that in the background.
        """
        if unit in self._rows or not self.are_made_later:
            return False
        return unit not in self._result.described and self._of_earlier_start(unit) is None

    def columns(self, unit: int) -> dict[str, Any]:
        """List what is known now of a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        dict
            The columns of `Unit`; None for those that take longer.
        """
        if not self.waits(unit):
            return dict(vars(self.row(unit))) | self._new_metrics(unit)
        probe, rows, waveform = self._result.probe, self._rows_of(unit), self.waveform(unit)
        best = int(waveform.contacts[0])
        quick: dict[str, Any] = dict.fromkeys(column.name for column in fields(Unit))
        return quick | {
            "unit": unit,
            "label": "",
            "why": WAITS,
            "chan_best": best,
            "file_channel": int(probe.channels[best]),
            "shank": int(probe.shanks[best]),
            "depth_um": float(probe.positions_um[best, 1]),
            "n_spikes": len(rows),
            "firing_rate_hz": len(rows) / max(self._result.time.used_s, 1e-9),
            "amplitude_uv": waveform.amplitude_uv,
        }

    def metrics(self, unit: int) -> UnitMetrics | None:
        """Find the metrics of a unit.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        UnitMetrics or None
            Those of `metrics.csv`, or of `measure`; None if it is not measured.
        """
        return self._metrics.get(unit)

    def unmeasured(self, units: tuple[int, ...]) -> Iterator[int]:
        """List the units that decisions made and that have no metrics yet, the newest first.

        Parameters
        ----------
        units : tuple of int
            The units now.

        Yields
        ------
        int
            Numbers; none where the result has no metrics.
        """
        there = self._result.sorting is not None and self._result.sorting.metrics
        known = {*self._metrics, *self._result.units.rows}
        yield from (
            unit for unit in sorted(units, reverse=True) if there and unit not in known and len(self._rows_of(unit))
        )

    def measure(self, unit: int, near: Iterable[int], pause: Callable[[], None] = go_on) -> None:
        """Measure the metrics of a unit that a decision made, and look for its echoes.

        Parameters
        ----------
        unit : int
            Its number.
        near : iterable of int
            The units near it.
        pause : callable, optional
            Called again and again meanwhile. Default: go on.
        """
        if self._result.sorting is not None:
            own, *others = (DescribedUnit(self._rows_of(k), self.row(k), self.waveform(k).uv) for k in (unit, *near))
            self._rows[unit], self._metrics[unit] = measured_after(self._result.sorting, own, others, pause)

    def near(self, unit: int) -> set[int]:
        """Find the units that may be the same neuron, of those whose waveforms are known.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        set of int
            Those that are shown where it is largest, or largest where it is shown; see `are_near`.
        """
        contacts = self.waveform(unit).contacts.tolist()
        found = set(self._shown_at.get(contacts[0], ()))
        for contact in contacts:
            found |= self._best_at.get(contact, set())
        return found - {unit}

    def known(self) -> dict[str, Any]:
        """List the descriptions that are worth keeping for the next start.

        Returns
        -------
        dict
            By number of the unit: what tells its spikes apart from others, and its row; for JSON.
        """
        made = {unit: row for unit, row in tuple(self._rows.items()) if unit not in self._result.described}
        return {str(unit): [self.state(unit), dict(vars(row))] for unit, row in made.items()}

    def take(self, kept: Mapping[str, Any]) -> None:
        """Use descriptions of an earlier start, for the units that have the same spikes.

        Parameters
        ----------
        kept : mapping
            From `known`.
        """
        for unit, (state, row) in kept.items():
            self._kept[int(unit)] = state, Unit(**{**row, "label": Label(row["label"])})

    def waiting(self, units: tuple[int, ...]) -> Iterator[int]:
        """List the units that wait, the newest first.

        Parameters
        ----------
        units : tuple of int
            The units now.

        Yields
        ------
        int
            Numbers.
        """
        yield from (unit for unit in sorted(units, reverse=True) if self.waits(unit))

    def _new_metrics(self, unit: int) -> dict[str, Any]:
        """Columns of `metrics.csv` of a unit that a decision made. Those of the others are sent once."""
        found = None if unit in self._result.units.rows else self.metrics(unit)
        return {} if found is None else {name: getattr(found, name) for name in metric_columns()}

    def _of_earlier_start(self, unit: int) -> Unit | None:
        state, row = self._kept.get(unit, ([], None))
        return row if row is not None and state == self.state(unit) else None

    def state(self, unit: int) -> list[int]:
        """Tell the spikes of a unit apart from those of another result, or of another curation.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        list of int
            Their number, and a checksum of their rows where they are not those of a unit of the result.
        """
        found = self._states.get(unit)
        if found is None:
            rows = self._rows_of(unit)
            is_of_result = rows is self._result.units.rows.get(unit)
            crc32 = 0 if is_of_result else zlib.crc32(np.ascontiguousarray(rows).data)
            found = self._states[unit] = [len(rows), crc32]
        return found
