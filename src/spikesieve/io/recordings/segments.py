"""The parts of a recording that are sorted: a time range, without excluded intervals."""

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
    """Choose which parts of a recording are sorted.

    No filter and no spike crosses the end of a part, or the border between two files. Parts of a few ms are kept,
    although they hold few spikes.

    Parameters
    ----------
    recording : Recording
        The recording. Parts that were excluded before stay excluded.
    time_range_s : tuple of float, optional
        Start and end in s; the end may be inf. Default: everything.
    exclude_s : sequence of tuple of float, optional
        Intervals (start, end) in s to exclude, in any order. They may overlap.

    Returns
    -------
    Recording
        The same recording with other segments. Times are rounded to the nearest sample. Spike times still count from
        the first sample of the first file.

    Raises
    ------
    InputError
        If an interval is reversed, empty, NaN or outside the recording, or if nothing is left.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.io.recordings.binary import recording_from_array
    >>> recording = recording_from_array(np.zeros((100, 4), np.int16), sampling_hz=10.0)
    >>> select_times(recording, (1.0, 9.0), exclude_s=[(2.0, 3.0)]).segments
    ((10, 20), (30, 90))
    """
    segments = recording.segments
    if time_range_s is not None:
        segments = _keep(segments, _to_samples(time_range_s, recording, "time range"))
    for interval in exclude_s:
        segments = _cut_out(segments, _to_samples(interval, recording, "interval to exclude"))
    if not segments:
        raise InputError(
            f"Nothing of {recording.name} is left to sort: the time range and the excluded intervals leave none of its "
            f"{_length_s(recording):g} s. Exclude less."
        )
    return recording.with_segments(segments)


def _to_samples(interval_s: Interval, recording: Recording, what: str) -> tuple[int, int]:
    """An interval in samples, its end clipped to the recording."""
    start_s, end_s = interval_s
    if not start_s < end_s:  # also true of NaN
        raise InputError(
            f"The {what} {start_s:g} to {end_s:g} s is reversed or empty. Give the start first, then the end."
        )
    length_s = _length_s(recording)
    start = round(start_s * recording.sampling_hz) if math.isfinite(start_s) else -1
    stop = round(end_s * recording.sampling_hz) if math.isfinite(end_s) else recording.n_samples
    if start < 0 or start >= recording.n_samples or stop > recording.n_samples:
        raise InputError(
            f"The {what} {start_s:g} to {end_s:g} s lies outside {recording.name}, which is {length_s:.6g} s long. "
            "Give times between 0 s and its length; inf means its end."
        )
    return start, stop


def _length_s(recording: Recording) -> float:
    """Length of all files together, excluded parts too."""
    return recording.n_samples / recording.sampling_hz


def _keep(segments: Segments, wanted: tuple[int, int]) -> Segments:
    pieces = ((max(start, wanted[0]), min(stop, wanted[1])) for start, stop in segments)
    return tuple((start, stop) for start, stop in pieces if start < stop)


def _cut_out(segments: Segments, unwanted: tuple[int, int]) -> Segments:
    pieces = (
        (first, last)
        for start, stop in segments
        for first, last in ((start, min(stop, unwanted[0])), (max(start, unwanted[1]), stop))
    )
    return tuple((start, stop) for start, stop in pieces if start < stop)
