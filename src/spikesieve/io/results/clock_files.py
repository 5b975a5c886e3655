"""When spikes and segments were recorded: spike_times_sec.npy and segments.csv, written and read back."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.results.phy import save_array
from spikesieve.model import F64, Recording, Sorting

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
    rows = []
    starts_s = recording.seconds(np.array([start for start, _ in recording.segments], np.int64))
    # A part that ends at a border belongs to the clock before it.
    ends_s = recording.seconds(np.array([stop - 1 for _, stop in recording.segments], np.int64))
    ends_s += 1 / recording.sampling_hz
    for number, (start, stop) in enumerate(recording.segments):
        gap_s = starts_s[number] - ends_s[number - 1] if number and _is_gap_known(recording, number) else None
        gap = "" if gap_s is None else f"{gap_s:.6f}"
        rows.append(SegmentRow(_file_of(recording, start), start, stop, f"{starts_s[number]:.6f}", gap))
    write_segment_rows(folder, rows)


def _is_gap_known(recording: Recording, number: int) -> bool:
    """Without a clock, the time between two files is not known."""
    before, start = recording.segments[number - 1][0], recording.segments[number][0]
    return recording.clock is not None or not any(before < first <= start for first in recording.file_starts)


def _file_of(recording: Recording, sample: int) -> str:
    """The file that holds a sample; empty if a segment is not in one file."""
    if len(recording.paths) != len(recording.file_starts):
        return ""
    return recording.paths[bisect_right(recording.file_starts, sample) - 1]


class SegmentRow(NamedTuple):
    """A row of segments.csv after its number.

    Attributes
    ----------
    file : str
        The file; empty where a segment is not in one file.
    start_sample, stop_sample : int
        First sample, and the one after the last.
    start_s : str
        Time of the first sample in s.
    gap_before_s : str
        Time in s that is missing before it; empty where that is not known.
    """

    file: str
    start_sample: int
    stop_sample: int
    start_s: str
    gap_before_s: str


def write_segment_rows(folder: Path, rows: Iterable[SegmentRow]) -> None:
    """Write segments.csv.

    Parameters
    ----------
    folder : Path
        Existing folder.
    rows : iterable of SegmentRow
        The segments, in order of time.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with (folder / "segments.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((number, *row) for number, row in enumerate(rows))


def read_clock_files(folder: Path) -> tuple[F64, tuple[SegmentRow, ...]]:
    """Read spike_times_sec.npy and segments.csv of a result folder.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    spike_s : ndarray of float64, shape (n_spikes,)
        Time of each spike in s.
    segments : tuple of SegmentRow
        The segments, in order of time.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    try:
        spike_s = np.load(folder / "spike_times_sec.npy", mmap_mode="r", allow_pickle=False)
        with (folder / "segments.csv").open(encoding="utf-8", newline="") as file:
            rows = [
                SegmentRow(
                    row["file"], int(row["start_sample"]), int(row["stop_sample"]), row["start_s"], row["gap_before_s"]
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"The times in {folder} cannot be read ({type(error).__name__}: {error}). Copy the folder again from its "
            "source, or sort again."
        ) from error
    return spike_s, tuple(rows)
