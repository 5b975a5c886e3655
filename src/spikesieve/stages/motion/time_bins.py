"""Time bins for drift estimation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F64, I64


@dataclass(frozen=True, eq=False)
class TimeBins:
    """Time bins that never cross the end of a segment.

    Attributes
    ----------
    start, stop : ndarray of int64, shape (n_bins,)
        First sample of each bin and of what follows it, ascending. Samples between segments lie in no bin.
    """

    start: I64
    stop: I64

    def __len__(self) -> int:
        return len(self.start)

    @property
    def centre(self) -> F64:
        """Centre of each bin in samples: (n_bins,) float64."""
        return np.asarray((self.start + self.stop) / 2.0)

    @property
    def gap(self) -> F64:
        """Distance of neighbouring centres divided by the median distance: (n_bins - 1,) float64."""
        steps = np.diff(self.centre)
        return np.asarray(steps / np.median(steps) if steps.size else steps)

    def knots(self, segments: tuple[tuple[int, int], ...]) -> tuple[F64, I64]:
        """Choose the times between which what was measured in the bins is taken as linear.

        At the border of two segments the tissue may have jumped: it stays where it was in the last bin until the end of
        a segment, and is where it is in the first bin from the start of the next.

        Parameters
        ----------
        segments : tuple of (int, int)
            The segments (start, stop) that were divided into these bins.

        Returns
        -------
        sample : ndarray of float64, shape (n_knots,)
            The centre of each bin, and the last and the first sample at each border, ascending.
        index : ndarray of int64, shape (n_knots,)
            The bin of each.

        Examples
        --------
        >>> segments = ((0, 100), (100, 160))
        >>> time_bins(segments, 50).knots(segments)
        (array([ 25.,  75.,  99., 100., 130.]), array([0, 1, 1, 2, 2]))
        """
        first = np.searchsorted(self.start, [start for start, _ in segments[1:]])
        index = np.concatenate([np.arange(len(self)), first - 1, first])
        sample = np.concatenate([self.centre, self.stop[first - 1] - 1.0, self.start[first]])
        order = np.lexsort((sample, index))
        rises = np.diff(sample[order], prepend=-1.0) > 0
        return sample[order][rises], index[order][rises]

    def index_of(self, sample: I64) -> I64:
        """Find the bin of each sample.

        Parameters
        ----------
        sample : ndarray of int64, shape (n,)
            Samples.

        Returns
        -------
        ndarray of int64, shape (n,)
            Indices of bins; -1 for samples outside of all.
        """
        row = np.searchsorted(self.start, sample, side="right") - 1
        return np.where((row >= 0) & (sample < self.stop[np.maximum(row, 0)]), row, -1)


def time_bins(segments: tuple[tuple[int, int], ...], bin_samples: float) -> TimeBins:
    """Divide every segment into bins of equal length.

    Parameters
    ----------
    segments : tuple of (int, int)
        Segments (start, stop) in samples.
    bin_samples : float
        Wanted length of a bin in samples; the bins of a segment are as near to it as possible.

    Returns
    -------
    TimeBins
        The bins of all segments.

    Examples
    --------
    >>> time_bins(((0, 100), (500, 530)), 40).start
    array([  0,  50, 500])
    """
    starts, stops = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first, last in segments:
        n = max(1, round((last - first) / bin_samples))
        edges = first + (np.arange(n + 1) * (last - first)) // n
        starts.append(edges[:-1])
        stops.append(edges[1:])
    return TimeBins(np.concatenate(starts), np.concatenate(stops))
