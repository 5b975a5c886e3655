"""A made-up sorting as a session with a clock."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from spikesieve.io.exports.session import Session
from spikesieve.io.results.clock_files import SegmentRow
from spikesieve.model import Sorting, UnitMetrics


def session_of(sorting: Sorting, rate: float = 1.0) -> Session:
    """Two segments on a clock that ran at `rate` times the sampling rate and begins at 100 s, with 5 s between them."""
    border, end = 300_000, 600_000
    sorting = replace(sorting, segments=((0, border), (border, end)))
    sample, late = sorting.spikes.sample, sorting.spikes.sample >= border
    spike_s = 100 + sample / sorting.sampling_hz / rate + np.where(late, 5.0, 0.0)
    starts = f"{100:.6f}", f"{100 + border / sorting.sampling_hz / rate + 5:.6f}"
    rows = SegmentRow("a.bin", 0, border, starts[0], ""), SegmentRow("a.bin", border, end, starts[1], "5.000000")
    return Session(sorting, spike_s, rows, "a")


def metrics_of(n_units: int) -> tuple[UnitMetrics, ...]:
    """Metrics of every type; what may be unknown is so in unit 2."""
    return tuple(
        UnitMetrics(**{field.name: _value(field.name, str(field.type), k) for field in fields(UnitMetrics)})
        for k in range(n_units)
    )


def _value(name: str, kind: str, k: int) -> object:
    if k == 2 and "None" in kind:
        return None
    values = {"bool": k % 2 == 0, "int": k, "float": k / 4, "str": f"{name} {k}"}
    return values[kind.split(" ")[0]]
