"""What is shown of spike trains: correlograms, intervals, rates."""

from __future__ import annotations

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, F64, I32, I64
from spikesieve.views.result import Result

PER_DECADE = 12
"""Bins of logarithmic time in a factor of ten."""
LAGS_MS = (0.3, 1000.0)
"""Shortest and longest lag of correlograms over logarithmic time."""
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
    return np.asarray(kernels.correlogram(first, second, bin_samples, n_bins, a is b), np.int64)


def log_edges_ms(first_ms: float, last_ms: float) -> F64:
    """Make edges of bins that are equally wide in logarithmic time.

    Parameters
    ----------
    first_ms, last_ms : float
        First and last edge.

    Returns
    -------
    ndarray of float64, shape (n_bins + 1,)
        Twelve bins in a factor of ten.

    Examples
    --------
    >>> log_edges_ms(1.0, 100.0).shape
    (25,)
    """
    return np.geomspace(first_ms, last_ms, round(PER_DECADE * np.log10(last_ms / first_ms)) + 1)


def log_lags(result: Result) -> I64:
    """Make the lags of a correlogram over logarithmic time, from 0.3 ms to 1 s.

    Parameters
    ----------
    result : Result
        The result.

    Returns
    -------
    ndarray of int64, shape (n_bins + 1,)
        Edges of the bins in whole samples: all bins hold a whole number of lags.
    """
    per_ms = 1e-3 * result.time.sampling_hz
    return np.unique(np.round(log_edges_ms(*LAGS_MS) * per_ms).astype(np.int64).clip(1))


def log_pair_counts(result: Result, a: I32, b: I32, lags: I64) -> I64:
    """Count the time differences of two units, or of a unit with itself, in bins of any width.

    Parameters
    ----------
    result : Result
        The result.
    a, b : ndarray of int32, shape (n,)
        Their spikes; the same array for an autocorrelogram.
    lags : ndarray of int64, shape (n_bins + 1,)
        Ascending edges in samples, above 0; a bin holds its first edge.

    Returns
    -------
    ndarray of int64, shape (2, n_bins)
        Pairs of spikes of the same segment: b before a, and b after a.
    """
    reach = int(lags[-1])
    first, second = (result.time.apart(result.sample[rows]) for rows in (a, b))
    counts = np.asarray(kernels.correlogram(first, second, 1.0, reach, a is b), np.int64)
    return np.stack([np.add.reduceat(one[:reach], lags[:-1]) for one in (counts[reach::-1], counts[reach:])])


def interval_counts(result: Result, rows: I32, *edges_ms: F64) -> list[I64]:
    """Count the intervals between successive spikes of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes.
    *edges_ms : ndarray of float64, shape (n_bins + 1,)
        Edges of the bins, of one histogram after the other.

    Returns
    -------
    list of ndarray of int64, shape (n_bins,)
        Number of intervals, for each histogram.
    """
    times = result.time.apart(result.samples_of(rows))
    intervals, hz = np.diff(times), result.time.sampling_hz
    # Equal intervals are put into bins together: there are few lengths in samples, and many spikes.
    n_each = np.bincount(intervals[intervals <= MOST_SAMPLES], minlength=1)
    short_ms, long_ms = np.arange(len(n_each)) / hz * 1e3, intervals[intervals > MOST_SAMPLES] / hz * 1e3
    return [
        (np.histogram(short_ms, edges, weights=n_each)[0] + np.histogram(long_ms, edges)[0]).astype(np.int64)
        for edges in edges_ms
    ]


def rate_over_time(result: Result, rows: I32, n_bins: int = 100) -> F32:
    """Compute the rate of a unit in equal bins from the first to the last sorted sample.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes.
    n_bins : int, optional
        Number of bins.

    Returns
    -------
    ndarray of float32, shape (n_bins,)
        In Hz of the time that was used; NaN where nothing was.
    """
    segments = result.time.segments or ((0, 1),)
    edges = np.linspace(segments[0][0], segments[-1][1], n_bins + 1)
    used_s = np.diff(result.time.elapsed_s(edges))
    # The last bin holds its end.
    firsts = np.ceil(edges)
    firsts[-1] = np.floor(edges[-1]) + 1
    counts = np.diff(np.searchsorted(result.samples_of(rows), firsts.astype(np.int64))).astype(np.float64)
    rates: F64 = np.divide(counts, used_s, out=np.full(n_bins, np.nan), where=used_s > 0)
    return rates.astype(np.float32)
