"""Metrics of a spike train by SpikeInterface's names: refractory violations, presence, range of the rate, synchrony."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.metrics.used_time import bin_edges, used_samples
from spikesieve.model import F64, I32, I64, SortedTime

# SpikeInterface's defaults.
ISI_MS, REFRACTORY_MS = 1.5, 1.0
PRESENCE_BIN_S, RATE_BIN_S, RATE_PERCENTILES = 60.0, 5.0, (5, 95)
# The refractory periods and contaminations of the sliding test, and its confidence.
SLIDING_BIN_MS, SLIDING_MIN_MS, SLIDING_MAX_MS = 0.25, 0.5, 10.0
CONTAMINATIONS = np.arange(0.5, 35.5, 0.5) / 100
CONFIDENCE = 0.9
SYNCHRONY_SIZES = (2, 4, 8)


class Violations(NamedTuple):
    """Refractory violations of a spike train.

    Attributes
    ----------
    share : float
        What they say of the contamination; NaN where there are no spikes.
    n : int
        How many there are.
    """

    share: float
    n: int


def isi_violations(train: I64, time: SortedTime) -> Violations:
    """Compare intervals shorter than 1.5 ms with those of a train without refractory period at the same rate.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    Violations
        `isi_violations_ratio` (n T / 2 N^2 t, where t = 1.5 ms; it can exceed 1) and `isi_violations_count`.

    References
    ----------
    Hill, Mehta, Kleinfeld, J Neurosci 31:8699 (2011); SpikeInterface `isi_violation`.

    Examples
    --------
    >>> isi_violations(np.array([0, 30, 3000]), SortedTime(((0, 30_000),), 30_000.0)).n
    1
    """
    n = int(np.count_nonzero(np.diff(time.apart(train)) < ISI_MS * 1e-3 * time.sampling_hz))
    if not len(train):
        return Violations(np.nan, 0)
    return Violations(n * time.used_s / (2 * ISI_MS * 1e-3 * len(train) ** 2), n)


def rp_violations(train: I64, time: SortedTime) -> Violations:
    """Estimate the contamination from pairs of spikes at most 1 ms apart.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    Violations
        `rp_contamination` (C = 1 - sqrt(1 - n T / N^2 t), 1 where that has no root, NaN for fewer than two spikes) and
        `rp_violations`.

    References
    ----------
    Llobet, Wyngaard, Barbour, bioRxiv 2022.02.08.479192; SpikeInterface `rp_violation`.

    Examples
    --------
    >>> rp_violations(np.array([0, 30, 3000]), SortedTime(((0, 30_000),), 30_000.0)).n
    1
    """
    window = round(REFRACTORY_MS * 1e-3 * time.sampling_hz)
    lags = lag_counts(train, time, window)
    n = int(lags[1:].sum() + lags[0] // 2)
    if len(train) < 2:
        return Violations(np.nan, n)
    rest = 1 - n * time.used_s * time.sampling_hz / (len(train) ** 2 * window)
    return Violations(float(1 - np.sqrt(rest)) if rest >= 0 else 1.0, n)


def hill_contamination(train: I64, time: SortedTime, refractory_ms: float, censored_ms: float) -> float:
    """Estimate the contamination by one other neuron.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.
    refractory_ms, censored_ms : float
        Violations are intervals between the two.

    Returns
    -------
    float
        Smaller solution f of n = 2 t N^2 f (1 - f) / T, where t is the difference of both times; 1 where there is none.

    References
    ----------
    Hill, Mehta, Kleinfeld, J Neurosci 31:8699 (2011).

    Examples
    --------
    >>> hill_contamination(np.arange(0, 30_000, 300), SortedTime(((0, 30_000),), 30_000.0), 2.0, 0.1)
    0.0
    """
    if len(train) < 2:
        return float("nan")
    apart_ms = np.diff(time.apart(train)) / time.sampling_hz * 1e3
    n = np.count_nonzero((apart_ms > censored_ms) & (apart_ms <= refractory_ms))
    root = 1 - 2 * n * time.used_s / ((refractory_ms - censored_ms) * 1e-3 * len(train) ** 2)
    return float((1 - np.sqrt(root)) / 2) if root >= 0 else 1.0


def sliding_rp_violation(train: I64, time: SortedTime) -> float:
    """Find the smallest contamination that the violations exclude, at whichever refractory period excludes most.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        Of 0.005, 0.01 ... 0.35; NaN if none is excluded with a confidence of 90 %.

    Notes
    -----
    A contamination C of N spikes makes 2 t N_c (N_b + (N_c - 1) / 2) / T violations within t, where N_c = C N and
    N_b = N - N_c. C is excluded at t if a Poisson count with that mean exceeds the observed one with 90 % probability.

    References
    ----------
    IBL, "Spike sorting pipeline for the International Brain Laboratory" (2022), figshare 19705522; SpikeInterface
    `sliding_rp_violation`.

    Examples
    --------
    >>> sliding_rp_violation(np.arange(0, 3_000_000, 997), SortedTime(((0, 3_000_000),), 30_000.0))
    0.005
    """
    width = round(SLIDING_BIN_MS * 1e-3 * time.sampling_hz)
    n_bins = int(SLIDING_MAX_MS * 1e-3 * time.sampling_hz / width)
    if not len(train):
        return float("nan")
    found = lag_counts(train, time, n_bins * width - 1).reshape(n_bins, width).sum(axis=1).cumsum()
    upper_s = np.arange(1, n_bins + 1) * width / time.sampling_hz
    tested = upper_s - width / time.sampling_hz / 2 > SLIDING_MIN_MS * 1e-3
    foreign = CONTAMINATIONS[:, None] * len(train)
    own = len(train) - foreign
    expected = 2 * upper_s / time.used_s * foreign * (own + (foreign - 1) / 2)
    excluded = (scipy.special.pdtrc(found, expected)[:, tested] > CONFIDENCE).any(axis=1)
    return float(CONTAMINATIONS[excluded.argmax()]) if excluded.any() else float("nan")


def lag_counts(train: I64, time: SortedTime, longest_samples: int) -> I64:
    """Count the pairs of spikes at each lag.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.
    longest_samples : int
        Longest lag.

    Returns
    -------
    ndarray of int64, shape (longest_samples + 1,)
        Entry k counts pairs k samples apart; pairs at the same sample count twice.

    Examples
    --------
    >>> lag_counts(np.array([0, 1, 3]), SortedTime(((0, 10),), 10.0), 3)
    array([0, 1, 1, 1])
    """
    apart = time.apart(train)
    return kernels.correlogram(apart, apart, 1.0, longest_samples, True)[longest_samples:]


def presence_ratio(train: I64, time: SortedTime) -> float:
    """Return the share of minutes in which the unit fires.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        Between 0 and 1; NaN without spikes, or if less than a minute was sorted.

    References
    ----------
    SpikeInterface `presence_ratio`.

    Examples
    --------
    >>> presence_ratio(np.array([5, 65]), SortedTime(((0, 240),), 1.0))
    0.5
    """
    edges = bin_edges(time, PRESENCE_BIN_S)
    if not len(train) or time.used_s < PRESENCE_BIN_S or len(edges) < 2:
        return float("nan")
    return float(np.mean(np.histogram(used_samples(train, time), edges)[0] > 0))


def firing_range(train: I64, time: SortedTime) -> float:
    """Return the range of the rates in bins of 5 s, from their 5th to their 95th percentile.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        In Hz; NaN without spikes, or if less than 5 s were sorted.

    References
    ----------
    SpikeInterface `firing_range`.

    Examples
    --------
    >>> firing_range(np.array([1, 2, 3, 4, 7]), SortedTime(((0, 10),), 1.0))
    0.54
    """
    edges = bin_edges(time, RATE_BIN_S)
    if not len(train) or len(edges) < 2:
        return float("nan")
    rates = np.histogram(used_samples(train, time), edges)[0] / RATE_BIN_S
    low, high = np.percentile(rates, RATE_PERCENTILES)
    return float(high - low)


def synchrony(sample: I64, unit: I32, n_units: int) -> F64:
    """Return the share of spikes at samples at which at least 2, 4 and 8 spikes of all units stand.

    Parameters
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times of all units in samples, ascending.
    unit : ndarray of int32, shape (n_spikes,)
        Unit of each spike.
    n_units : int
        Number of units.

    Returns
    -------
    ndarray of float64, shape (n_units, 3)
        `sync_spike_2`, `sync_spike_4` and `sync_spike_8`; NaN for a unit without spikes. Spikes of one unit at one
        sample count once.

    References
    ----------
    Gruen, Diesmann, Aertsen, Neural Comput 14:43 (2002); SpikeInterface `synchrony`.

    Examples
    --------
    >>> synchrony(np.array([3, 3, 9]), np.array([0, 1, 0], np.int32), 2)[:, 0]
    array([0.5, 1. ])
    """
    together, with_next = np.zeros(len(sample), np.bool_), sample[1:] == sample[:-1]
    together[1:] |= with_next
    together[:-1] |= with_next
    rows = np.flatnonzero(together)
    starts = np.flatnonzero(np.diff(sample[rows], prepend=-1))
    sizes = np.diff(np.append(starts, len(rows)))
    once = np.unique(np.repeat(np.arange(len(starts)), sizes) * n_units + unit[rows])
    size, member = sizes[once // max(n_units, 1)], once % max(n_units, 1)
    n = np.stack([np.bincount(member[size >= least], minlength=n_units) for least in SYNCHRONY_SIZES], axis=1)
    n_spikes = np.bincount(unit, minlength=n_units)[:, None]
    return np.where(n_spikes > 0, n / np.maximum(n_spikes, 1), np.nan)


def synchrony_of_train(sample: I64, train: I64) -> F64:
    """Return the row of `synchrony` of one unit.

    Parameters
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times of all units in samples, ascending, those of the unit among them.
    train : ndarray of int64, shape (n,)
        Spike times of the unit in samples, ascending; at least one.

    Returns
    -------
    ndarray of float64, shape (3,)
        `sync_spike_2`, `sync_spike_4` and `sync_spike_8`.

    Examples
    --------
    >>> synchrony_of_train(np.array([3, 3, 9]), np.array([3, 9]))
    array([0.5, 0. , 0. ])
    """
    once = np.unique(train)
    size = np.searchsorted(sample, once, side="right") - np.searchsorted(sample, once)
    return np.array([np.count_nonzero(size >= least) for least in SYNCHRONY_SIZES]) / len(train)
