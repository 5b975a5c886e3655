"""When spikes and segments were recorded: spike_times_sec.npy and segments.csv, written and read back."""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, eq=False)
class RecordedTimes:
    """When spikes and segments were recorded, as a result folder says it.

    Attributes
    ----------
    spike_s : ndarray of float64, shape (n_spikes,)
        Time of each spike in s.
    segment_s : tuple of float, length n_segments
        Time of the first sample of each segment in s.
    files : tuple of str, length n_segments
        File of each segment; empty where a segment is not in one file.
    """

    spike_s: F64
    segment_s: tuple[float, ...]
    files: tuple[str, ...]


def read_clock_files(folder: Path) -> RecordedTimes:
    """Read spike_times_sec.npy and segments.csv of a result folder.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    RecordedTimes
        Times of spikes and segments.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    try:
        spike_s = np.load(folder / "spike_times_sec.npy", allow_pickle=False)
        with (folder / "segments.csv").open(encoding="utf-8", newline="") as file:
            rows = [(float(row["start_s"]), row["file"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"The times in {folder} cannot be read ({type(error).__name__}: {error}). Copy the folder again from its "
            "source, or sort again."
        ) from error
    return RecordedTimes(spike_s, tuple(time_s for time_s, _ in rows), tuple(name for _, name in rows))
