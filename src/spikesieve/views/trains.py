"""What is shown of spike trains: correlograms, intervals, rates."""

from __future__ import annotations

import numpy as np

from spikesieve.kernels import correlogram
from spikesieve.model import F32, F64, I32, I64
from spikesieve.views.result import Result

N_RATE_BINS = 100
"""Bins of the rate over time."""
MOST_SAMPLES = 2**16
"""Intervals of up to this are counted by their length in samples."""


def pair_counts(result: Result, a: I32, b: I32, bin_ms: float, n_bins: int) -> I64:
    """Count the time differences of two units, or of a unit with itself.

    Parameters
    ----------
    result : Result
        The result.
    a, b : ndarray of int32, shape (n,)
        Their spikes; the same array for an autocorrelogram.
    bin_ms : float
        Width of a bin.
    n_bins : int
        Bins on either side of lag 0.

    Returns
    -------
    ndarray of int64, shape (2 n_bins + 1,)
        Pairs of spikes of the same segment by their lag b - a.
    """
    first, second = (result.time.apart(result.samples_of(rows)) for rows in (a, b))
    bin_samples = bin_ms * 1e-3 * result.time.sampling_hz
    return np.asarray(correlogram(first, second, bin_samples, n_bins, a is b), np.int64)


def interval_counts(result: Result, rows: I32, edges_ms: F64) -> I64:
    """Count the intervals between successive spikes of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes.
    edges_ms : ndarray of float64, shape (n_bins + 1,)
        Edges of the bins.

    Returns
    -------
    ndarray of int64, shape (n_bins,)
        Number of intervals.
    """
    times = result.time.apart(result.samples_of(rows))
    intervals, hz = np.diff(times), result.time.sampling_hz
    # Equal intervals are put into bins together: there are few lengths in samples, and many spikes.
    n_each = np.bincount(intervals[intervals <= MOST_SAMPLES], minlength=1)
    few = np.histogram(np.arange(len(n_each)) / hz * 1e3, edges_ms, weights=n_each)[0]
    long = np.histogram(intervals[intervals > MOST_SAMPLES] / hz * 1e3, edges_ms)[0]
    return np.asarray(few + long, np.int64)


def rate_over_time(result: Result, rows: I32) -> F32:
    """Compute the rate of a unit in 100 equal bins from the first to the last sorted sample.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes.

    Returns
    -------
    ndarray of float32, shape (100,)
        In Hz of the time that was used; NaN where nothing was.
    """
    segments = result.time.segments or ((0, 1),)
    edges = np.linspace(segments[0][0], segments[-1][1], N_RATE_BINS + 1)
    used_s = np.diff(result.time.elapsed_s(edges))
    # The last bin holds its end.
    firsts = np.ceil(edges)
    firsts[-1] = np.floor(edges[-1]) + 1
    counts = np.diff(np.searchsorted(result.samples_of(rows), firsts.astype(np.int64))).astype(np.float64)
    rates: F64 = np.divide(counts, used_s, out=np.full(N_RATE_BINS, np.nan), where=used_s > 0)
    return rates.astype(np.float32)
