"""`artifacts.csv`: when samples were left out of a sort, and why."""

from __future__ import annotations

import csv
from pathlib import Path

from spikesieve.model import Blanked, Reason

COLUMNS = ("start_s", "stop_s", "reason", "share_of_contacts")
"""The columns of artifacts.csv, in this order."""


def write_artifacts_csv(path: Path, blanked: Blanked, sampling_hz: float) -> None:
    """Write the intervals that were left out as UTF-8 CSV with a header line.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    blanked : Blanked
        The intervals.
    sampling_hz : float
        Sampling rate in Hz.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    columns = (blanked.start, blanked.stop, blanked.reason, blanked.share)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for start, stop, reason, share in zip(*(column.tolist() for column in columns), strict=True):
            times_s = f"{start / sampling_hz:.6f}", f"{stop / sampling_hz:.6f}"
            writer.writerow((*times_s, Reason(reason).text, f"{share:.4g}"))
