"""`artifacts.csv`: when samples were left out of a sort, and why; written, and read back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

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


def read_artifacts_csv(path: Path, sampling_hz: float, n_samples: int) -> Blanked | None:
    """Read the intervals that were left out.

    Parameters
    ----------
    path : Path
        The file.
    sampling_hz : float
        Sampling rate in Hz.
    n_samples : int
        Samples that were sorted, used or not.

    Returns
    -------
    Blanked or None
        The intervals, shares of contacts rounded as in the file; None if there is no such file.

    Raises
    ------
    OSError, ValueError, KeyError
        If the file cannot be read or is damaged.
    """
    if not path.exists():
        return None
    reasons = {reason.text: int(reason) for reason in Reason}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row[name] for name in COLUMNS) for row in csv.DictReader(file)]
    times_s = np.array([row[:2] for row in rows], np.float64).reshape(-1, 2)
    start, stop = np.rint(times_s * sampling_hz).astype(np.int64).T
    reason = np.array([reasons[row[2]] for row in rows], np.int64)
    return Blanked(start, stop, reason, np.array([row[3] for row in rows], np.float64), n_samples)
