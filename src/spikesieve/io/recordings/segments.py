"""Which parts of a recording are sorted: a time range, and intervals to leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spikesieve.errors import InputError
from spikesieve.model import Recording

Interval = tuple[float, float]
Segments = tuple[tuple[int, int], ...]


def select_times(
    recording: Recording, time_range_s: Interval | None = None, exclude_s: Sequence[Interval] = ()
) -> Recording:
    """The same recording with only some of it to sort; spike times still count from the first sample of the first file.

    time_range_s  (start, end) in seconds, end may be inf; None: all
    exclude_s     intervals (start, end) in seconds to leave out, in any order, overlapping or not

    Both count from the first sample of the first file and are rounded to the nearest sample; what was already left out
    stays out. What remains are segments; no filter and no spike crosses their ends, nor the border between two files.
    Segments of a few ms are kept, though hardly a spike fits into them.
    Raises InputError for an interval that is reversed, empty, not a number or outside the recording, and when nothing
    is left.
    """
    segments = recording.segments
    if time_range_s is not None:
        segments = _keep(segments, _to_samples(time_range_s, recording, "time range"))
    for interval in exclude_s:
        segments = _cut_out(segments, _to_samples(interval, recording, "interval to leave out"))
    if not segments:
        raise InputError(
            f"Nothing of {recording.name} is left to sort: the time range and the intervals to leave out cover all "
            f"of its {_seconds(recording):g} s. Leave less out."
        )
    return recording.with_segments(segments)


def _to_samples(interval_s: Interval, recording: Recording, what: str) -> tuple[int, int]:
    """An interval in samples, its end clipped to the recording."""
    start_s, end_s = interval_s
    if not start_s < end_s:  # also true of NaN
        raise InputError(
            f"The {what} {start_s:g} to {end_s:g} s is reversed or empty. Give the start first, then the end."
        )
    length_s = _seconds(recording)
    start = round(start_s * recording.sampling_hz) if math.isfinite(start_s) else -1
    stop = round(end_s * recording.sampling_hz) if math.isfinite(end_s) else recording.n_samples
    if start < 0 or start >= recording.n_samples or stop > recording.n_samples:
        raise InputError(
            f"The {what} {start_s:g} to {end_s:g} s lies outside {recording.name}, which is {length_s:.6g} s long. "
            "Give seconds between 0 and its length, or inf for its end."
        )
    return start, stop


def _seconds(recording: Recording) -> float:
    """Length of all files together, sorted or not."""
    return recording.n_samples / recording.sampling_hz


def _keep(segments: Segments, wanted: tuple[int, int]) -> Segments:
    pieces = ((max(start, wanted[0]), min(stop, wanted[1])) for start, stop in segments)
    return tuple((start, stop) for start, stop in pieces if start < stop)


def _cut_out(segments: Segments, unwanted: tuple[int, int]) -> Segments:
    pieces = (
        (s, e)
        for start, stop in segments
        for s, e in ((start, min(stop, unwanted[0])), (max(start, unwanted[1]), stop))
    )
    return tuple((start, stop) for start, stop in pieces if start < stop)
