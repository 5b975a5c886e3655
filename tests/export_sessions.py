"""A made-up sorting as a session with a clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.io.exports.session import Session, unit_columns
from spikesieve.io.results.clock_files import SegmentRow
from spikesieve.model import Sorting


def session_of(sorting: Sorting, folder: Path, rate: float = 1.0) -> Session:
    """Two segments on a clock that ran at `rate` times the sampling rate and begins at 100 s, with 5 s between them."""
    border, end = 300_000, 600_000
    sorting = replace(sorting, segments=((0, border), (border, end)))
    sample, late = sorting.spikes.sample, sorting.spikes.sample >= border
    spike_s = 100 + sample / sorting.sampling_hz / rate + np.where(late, 5.0, 0.0)
    starts = f"{100:.6f}", f"{100 + border / sorting.sampling_hz / rate + 5:.6f}"
    rows = SegmentRow("a.bin", 0, border, starts[0], ""), SegmentRow("a.bin", border, end, starts[1], "5.000000")
    return Session(sorting, spike_s, rows, unit_columns(sorting, folder, {"snr": "Peak over noise."}), "a")
