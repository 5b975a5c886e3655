"""Sample numbers that a recording system counted: where they jump, samples are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from spikesieve.model import I64, Recording
from spikesieve.model.clock import Clock

# Numbers that are read at a time: an hour at 30 kHz has 108 million, and the file may be larger than the memory.
NUMBERS_PER_READ = 4_000_000
SHORT_PIECE = 1_024
# Over this the time of samples is taken as linear.
PIECE_S = 10.0


def find_parts(numbers: Any) -> I64:
    """Find where each uninterrupted part begins.

    Parameters
    ----------
    numbers : array_like of int, shape (n_samples,)
        Number of each sample, as the system counted them; may be memory-mapped.

    Returns
    -------
    ndarray of int64, shape (n_parts,)
        Index of the first sample of each part; within a part numbers go up by 1. Empty without samples.

    Examples
    --------
    >>> find_parts(np.array([7, 8, 9, 20, 21, 5])).tolist()
    [0, 3, 5]
    """
    found = [np.zeros(min(len(numbers), 1), np.int64)]
    for start in range(0, len(numbers), NUMBERS_PER_READ):
        # One number more, so that the step into the next piece is seen.
        piece = np.asarray(numbers[start : start + NUMBERS_PER_READ + 1]).astype(np.int64)
        found.append(np.flatnonzero(np.diff(piece) != 1) + start + 1)
    return np.concatenate(found)


def find_parts_of_times(times_s: Any, sampling_hz: float) -> I64:
    """Find where each uninterrupted part begins, from the time of each sample.

    Parameters
    ----------
    times_s : array_like of float, shape (n_samples,)
        Time of each sample in s; may be on disk.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of int64, shape (n_parts,)
        Index of the first sample of each part; within a part steps are one sample, give or take a half.

    Examples
    --------
    >>> find_parts_of_times(np.array([0.0, 0.1, 0.2, 0.5, 0.6]), 10.0).tolist()
    [0, 3]
    """
    found = [np.zeros(min(len(times_s), 1), np.int64)]
    for start in range(0, len(times_s), NUMBERS_PER_READ):
        steps = np.diff(np.asarray(times_s[start : start + NUMBERS_PER_READ + 1], np.float64)) * sampling_hz
        found.append(np.flatnonzero(~(np.abs(steps - 1) <= 0.5)) + start + 1)
    return np.concatenate(found)


def find_parts_by_halves(read: Callable[[int, int], I64], n_samples: int) -> I64:
    """Find where each uninterrupted part begins, without reading all numbers: for numbers that lie between samples.

    Where the numbers at both ends of a piece differ by its length, no sample is missing between them. This takes for
    granted that numbers never go back.

    Parameters
    ----------
    read : callable
        Reads numbers: (first sample, end) -> ndarray of int64.
    n_samples : int
        Number of all samples.

    Returns
    -------
    ndarray of int64, shape (n_parts,)
        Index of the first sample of each part.

    Examples
    --------
    >>> numbers = np.array([7, 8, 9, 20, 21])
    >>> find_parts_by_halves(lambda start, stop: numbers[start:stop], 5).tolist()
    [0, 3]
    """
    found, pieces = [np.zeros(min(n_samples, 1), np.int64)], [(0, n_samples - 1)]
    while pieces:
        first, last = pieces.pop()
        if last - first <= SHORT_PIECE:
            found.append(np.flatnonzero(np.diff(read(first, last + 1)) != 1) + first + 1)
        elif int(read(last, last + 1)[0]) - int(read(first, first + 1)[0]) != last - first:
            middle = (first + last) // 2
            pieces += [(first, middle), (middle, last)]
    return np.sort(np.concatenate(found))


def with_times_of_samples(recording: Recording, starts: Sequence[int] | I64, times_s: Any, session: str) -> Recording:
    """End a segment at each gap, and give the recording a clock that follows the time of each sample.

    The clock of a session is seldom that of the samples: a difference of 20 in a million is 72 ms after an hour.

    Parameters
    ----------
    recording : Recording
        The recording of one file.
    starts : sequence of int
        First sample of each part.
    times_s : array_like of float, shape (n_samples,)
        Time of each sample in s, rising within a part; may be on disk. It is taken as linear over 10 s.
    session : str
        See `Clock.session`.

    Returns
    -------
    Recording
        With a segment for each part.

    Examples
    --------
    >>> recording = Recording(lambda start, stop: np.empty((0, 2)), 4, 2, 10.0)
    >>> timed = with_times_of_samples(recording, [0, 2], np.array([5.0, 5.2, 9.0, 9.1]), "")
    >>> timed.seconds(np.arange(4)).round(6).tolist()
    [5.0, 5.2, 9.0, 9.1]
    """
    hz = recording.sampling_hz
    firsts, lasts = [], []
    for start, stop in pairwise([*(int(start) for start in starts), recording.n_samples]):
        n_pieces = max(1, round((stop - start) / (PIECE_S * hz)))
        edges = [start + (stop - 1 - start) * k // n_pieces for k in range(n_pieces + 1)]
        firsts += edges[:-1]
        lasts += edges[1:]
    first_s, last_s = ([float(times_s[sample]) for sample in samples] for samples in (firsts, lasts))
    ends = zip(firsts, lasts, first_s, last_s, strict=True)
    rates_hz = tuple((b - a) / (b_s - a_s) if b > a and b_s > a_s else hz for a, b, a_s, b_s in ends)
    clock = Clock(tuple(firsts), tuple(first_s), session, rates_hz)
    return replace(
        with_parts(recording, starts, [float(times_s[int(start)]) for start in starts], session), clock=clock
    )


def with_parts(recording: Recording, starts: Sequence[int] | I64, times_s: Sequence[float], session: str) -> Recording:
    """End a segment at each gap, and give the recording its clock.

    Parameters
    ----------
    recording : Recording
        The recording of one file.
    starts : sequence of int
        First sample of each part.
    times_s : sequence of float
        Time of each of these samples in s.
    session : str
        See `Clock.session`.

    Returns
    -------
    Recording
        With a segment for each part.
    """
    firsts = tuple(int(start) for start in starts)
    ends = (*firsts[1:], recording.n_samples)
    clock = Clock(firsts, tuple(float(time_s) for time_s in times_s), session)
    return replace(recording, segments=tuple(zip(firsts, ends, strict=True)), clock=clock)
