"""The time that was sorted: what lies between its parts is no time, and two spikes on either side of it are no pair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve.model.blanked import Blanked
from spikesieve.model.types import F64, I64

# Longer than any lag at which spikes are compared.
APART_S = 10.0


@dataclass(frozen=True, eq=False)
class SortedTime:
    """The parts of a recording that were sorted, and what was left out in them.

    Whatever compares the times of spikes does so on `apart`; whatever counts spikes per time does so on `elapsed_s`.

    Attributes
    ----------
    segments : tuple of (int, int)
        First sample and end of each part that was sorted, in order of time.
    sampling_hz : float
        Sampling rate in Hz.
    blanked : Blanked or None
        What was left out; None where that is not known (yet).

    Examples
    --------
    Two files of 1 s. Nothing is known of the time between them, so their spikes are no pair.

    >>> time = SortedTime(((0, 30_000), (30_000, 60_000)), 30_000.0)
    >>> time.apart(np.array([29_990, 30_010])).tolist()
    [29990, 330010]
    >>> time.used_s
    2.0
    """

    segments: tuple[tuple[int, int], ...]
    sampling_hz: float
    blanked: Blanked | None = None

    @property
    def used_s(self) -> float:
        """Duration that was sorted and not blanked, in s."""
        return float(self._knots[1][-1]) / self.sampling_hz if self.segments else 0.0

    @property
    def middle(self) -> int:
        """First sample of the second half of what was sorted, blanked or not."""
        left = sum(stop - start for start, stop in self.segments) // 2
        for start, stop in self.segments:
            if left < stop - start:
                return start + left
            left -= stop - start
        return 0

    def apart(self, samples: I64) -> I64:
        """Move spike times apart so that those of two segments lie farther from each other than any lag.

        Parameters
        ----------
        samples : ndarray of int64, shape (n,)
            Spike times in samples of the recording.

        Returns
        -------
        ndarray of int64, shape (n,)
            Times in samples of an axis on which only differences within a segment mean something. Order is kept.
        """
        if len(self.segments) < 2:
            return samples
        segment = np.searchsorted([start for start, _ in self.segments[1:]], samples, side="right")
        return np.asarray(samples + segment * round(APART_S * self.sampling_hz), np.int64)

    def elapsed_s(self, samples: I64 | F64) -> F64:
        """Compute how much had been sorted before a sample. What lies between segments, or is blanked, takes no time.

        Parameters
        ----------
        samples : ndarray of int64 or float64, shape (n,)
            Samples of the recording, in any order.

        Returns
        -------
        ndarray of float64, shape (n,)
            Seconds, from 0 to `used_s`. A time at which some of the contacts are blanked counts in part.

        Examples
        --------
        >>> SortedTime(((0, 10), (30, 40)), 10.0).elapsed_s(np.array([5, 20, 35, 90]))
        array([0.5, 1. , 1.5, 2. ])
        """
        if not self.segments:
            return np.zeros(len(samples))
        at, used = self._knots
        return np.asarray(np.interp(samples, at, used) / self.sampling_hz, np.float64)

    def pieces(self, piece_s: float) -> tuple[I64, F64]:
        """Cut each segment into pieces of one length, the last one shorter. What is wholly blanked is left out.

        Parameters
        ----------
        piece_s : float
            Length of a piece in s.

        Returns
        -------
        start : ndarray of int64, shape (n_pieces,)
            First sample of each piece.
        used_s : ndarray of float64, shape (n_pieces,)
            Seconds of it that were used, above 0.

        Examples
        --------
        >>> SortedTime(((0, 10), (30, 45)), 10.0).pieces(1.0)
        (array([ 0, 30, 40]), array([1. , 1. , 0.5]))
        """
        step = max(1, round(piece_s * self.sampling_hz))
        start = np.concatenate([np.empty(0, np.int64), *(np.arange(a, b, step) for a, b in self.segments)])
        stop = np.concatenate(
            [np.empty(0, np.int64), *(np.minimum(np.arange(a, b, step) + step, b) for a, b in self.segments)]
        )
        used_s = self.elapsed_s(stop) - self.elapsed_s(start)
        return start[used_s > 0], used_s[used_s > 0]

    @cached_property
    def _knots(self) -> tuple[I64, F64]:
        """Samples between which the share of what is used does not change, and how many were used before each."""
        ends = np.array(self.segments, np.int64)
        starts, stops, weights = ends[:, 0], ends[:, 1], np.ones(len(ends))
        blanked = self.blanked
        left_out = np.empty(0, np.int64) if blanked is None else np.concatenate([blanked.start, blanked.stop])
        at = np.unique(np.concatenate([starts, stops, left_out]))
        inside = np.minimum(_level(at, starts, stops, weights), 1.0)
        lost = 0.0 if blanked is None else np.minimum(_level(at, blanked.start, blanked.stop, blanked.share), 1.0)
        share = np.maximum(inside - lost, 0.0)[:-1]
        return at, np.concatenate([[0.0], np.cumsum(share * np.diff(at))])


def _level(at: I64, starts: I64, stops: I64, weights: F64) -> F64:
    """Sum of the weights of the intervals that cover what follows each of the samples `at`."""
    steps = np.zeros(len(at))
    np.add.at(steps, np.searchsorted(at, starts), weights)
    np.add.at(steps, np.searchsorted(at, stops), -weights)
    return np.asarray(np.cumsum(steps))
