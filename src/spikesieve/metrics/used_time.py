"""Spike times on the axis of what was sorted, and its division into bins, as SpikeInterface divides it."""

from __future__ import annotations

import numpy as np

from spikesieve.model import I64, SortedTime


def used_samples(train: I64, time: SortedTime) -> I64:
    """Place spikes on an axis on which what lies between segments, or is blanked, takes no time.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    ndarray of int64, shape (n,)
        Samples that had been used before each spike.

    Examples
    --------
    >>> used_samples(np.array([5, 35]), SortedTime(((0, 10), (30, 40)), 10.0))
    array([ 5, 15])
    """
    return np.rint(time.elapsed_s(train) * time.sampling_hz).astype(np.int64)


def segments_used(time: SortedTime) -> list[tuple[int, int]]:
    """Return where each segment begins and ends on the axis of `used_samples`.

    Parameters
    ----------
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    list of (int, int)
        First sample and end of each segment.

    Examples
    --------
    >>> segments_used(SortedTime(((0, 10), (30, 45)), 10.0))
    [(0, 10), (10, 25)]
    """
    ends = used_samples(np.array(time.segments, np.int64).reshape(-1), time)
    return [(int(a), int(b)) for a, b in ends.reshape(-1, 2)]


def bin_edges(time: SortedTime, bin_s: float) -> I64:
    """Divide what was used into bins: each segment from its start on. What is left of the last one is no bin.

    Parameters
    ----------
    time : SortedTime
        The time that was sorted.
    bin_s : float
        Length of a bin in s.

    Returns
    -------
    ndarray of int64, shape (n_bins + 1,)
        Edges on the axis of `used_samples`. The last bin of a segment ends where the next segment begins.

    Examples
    --------
    >>> bin_edges(SortedTime(((0, 25), (30, 55)), 10.0), 1.0)
    array([ 0, 10, 20, 25, 35, 45])
    """
    step = max(1, int(bin_s * time.sampling_hz))
    spans = segments_used(time)
    ends = [stop for _, stop in spans[:-1]] + [start + (stop - start) // step * step + 1 for start, stop in spans[-1:]]
    parts = [np.arange(start, end, step) for (start, _), end in zip(spans, ends, strict=True)]
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
