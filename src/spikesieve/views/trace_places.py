"""Places in a recording that are worth a look: the next spike, refractory violation, blanked part, border of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from spikesieve.metrics.contamination import REFRACTORY_MS
from spikesieve.model import I32, I64
from spikesieve.views.result import Result

What = Literal["spike", "violation", "blanked", "border"]
WHATS: tuple[What, ...] = ("spike", "violation", "blanked", "border")


class Places(NamedTuple):
    """Places of one kind.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Where each begins, ascending.
    stop : ndarray of int64, shape (n,)
        Where it ends.
    word : tuple of str
        Its name for one and for several of them.
    """

    sample: I64
    stop: I64
    word: tuple[str, str]


def places_of(result: Result, what: What, units: Sequence[I32]) -> Places:
    """List all places of a kind.

    Parameters
    ----------
    result : Result
        The result.
    what : {"spike", "violation", "blanked", "border"}
        Spikes of units, refractory violations of units (of all of them as if they were one), blanked parts, borders of
        files and segments.
    units : sequence of ndarray of int32
        Rows of the spikes of each unit.

    Returns
    -------
    Places
        In order of time.
    """
    if what == "blanked":
        blanked, nothing = result.time.blanked, np.empty(0, np.int64)
        start, stop = (nothing, nothing) if blanked is None else (blanked.start, blanked.stop)
        return Places(start, stop, ("blanked part", "blanked parts"))
    if what == "border":
        starts = () if result.recording is None else result.recording.file_starts
        edges = np.unique([*starts, *(edge for segment in result.time.segments for edge in segment)]).astype(np.int64)
        return Places(edges, edges, ("border", "borders"))
    rows = np.sort(np.concatenate([np.empty(0, np.int32), *units]))
    sample = np.asarray(result.sample[rows], np.int64)
    if what == "spike":
        return Places(sample, sample, ("spike", "spikes"))
    apart_ms = np.diff(result.time.apart(sample)) / result.time.sampling_hz * 1e3
    first = np.flatnonzero(apart_ms < REFRACTORY_MS)
    return Places(sample[first], sample[first + 1], ("violation", "violations"))


class Found(NamedTuple):
    """A place that was jumped to.

    Attributes
    ----------
    number : int
        Which of the places it is, from 1.
    sample : int
        Its middle.
    """

    number: int
    sample: int


def next_place(places: Places, sample: int, by: int) -> Found | None:
    """Find the place after or before a sample.

    Parameters
    ----------
    places : Places
        All of them.
    sample : int
        Where one is.
    by : {1, -1}
        Forwards or backwards.

    Returns
    -------
    Found or None
        None if there is none in that direction.

    Examples
    --------
    >>> places = Places(np.array([10, 30]), np.array([20, 30]), ("spike", "spikes"))
    >>> next_place(places, 15, 1), next_place(places, 30, -1), next_place(places, 30, 1)
    (Found(number=2, sample=30), Found(number=1, sample=15), None)
    """
    middle = (places.sample + places.stop) // 2
    row = int(np.searchsorted(middle, sample, side="right" if by > 0 else "left")) - (by < 0)
    return Found(row + 1, int(middle[row])) if 0 <= row < len(middle) else None
