"""`artifacts.csv`: when samples were left out of a sort, and why."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
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


def read_artifacts_csv(path: Path, n_samples: int, sampling_hz: float) -> Blanked:
    """Read the intervals that were left out.

    Parameters
    ----------
    path : Path
        The file.
    n_samples : int
        Samples that were sorted.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Blanked
        The intervals.

    Raises
    ------
    InputError
        If the file cannot be read, or has other columns or an unknown reason.
    """
    reasons = {reason.text: reason for reason in Reason}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        times = np.array([[float(row[name]) for name in ("start_s", "stop_s")] for row in rows]).reshape(-1, 2)
        reason = np.array([reasons[row["reason"]] for row in rows], np.int64)
        share = np.array([float(row["share_of_contacts"]) for row in rows], np.float64)
        start, stop = np.round(times.T * sampling_hz).astype(np.int64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}). Sort again.") from error
    return Blanked(start, stop, reason, share, n_samples)
