"""When spikes and segments were recorded: spike_times_sec.npy and segments.csv."""

from __future__ import annotations

import csv
from bisect import bisect_right
from pathlib import Path

import numpy as np

from spikesieve.io.results.phy import save_array
from spikesieve.model import Recording, Sorting

COLUMNS = ("segment", "file", "start_sample", "stop_sample", "start_s", "gap_before_s")
"""The columns of segments.csv."""


def write_clock_files(folder: Path, sorting: Sorting, recording: Recording) -> None:
    """Write spike_times_sec.npy, the time of each spike, and segments.csv, a row for each segment that was sorted.

    Times are those of the session where the recording system counted them, else since the first sample.

    Parameters
    ----------
    folder : Path
        Existing folder.
    sorting : Sorting
        The result.
    recording : Recording
        The recording that was sorted.

    Raises
    ------
    OSError
        If the files cannot be written.
    """
    save_array(folder / "spike_times_sec.npy", recording.seconds(sorting.spikes.sample), np.float64)
    starts_s = recording.seconds(np.array([start for start, _ in recording.segments], np.int64))
    # A part that ends at a border belongs to the clock before it.
    ends_s = recording.seconds(np.array([stop - 1 for _, stop in recording.segments], np.int64))
    ends_s += 1 / recording.sampling_hz
    with (folder / "segments.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, (start, stop) in enumerate(recording.segments):
            gap_s = starts_s[number] - ends_s[number - 1] if number and _is_gap_known(recording, number) else None
            gap = "" if gap_s is None else f"{gap_s:.6f}"
            writer.writerow([number, _file_of(recording, start), start, stop, f"{starts_s[number]:.6f}", gap])


def _is_gap_known(recording: Recording, number: int) -> bool:
    """Without a clock, the time between two files is not known."""
    before, start = recording.segments[number - 1][0], recording.segments[number][0]
    return recording.clock is not None or not any(before < first <= start for first in recording.file_starts)


def _file_of(recording: Recording, sample: int) -> str:
    """The file that holds a sample; empty if a segment is not in one file."""
    if len(recording.paths) != len(recording.file_starts):
        return ""
    return recording.paths[bisect_right(recording.file_starts, sample) - 1]
