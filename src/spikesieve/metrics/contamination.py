"""What share of a unit's spikes belongs to other neurons, from its refractory violations, with an exact interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from spikesieve.kernels import correlogram
from spikesieve.model import I64

# Pairs closer than this are double detections; pairs up to the second are violations for any cortical neuron.
CENSORED_MS = 0.3
REFRACTORY_MS = 1.5
RATE_BIN_S = 10.0


class Contamination(NamedTuple):
    """Estimated share of foreign spikes and its 95 % interval, each between 0 and 1."""

    estimate: float
    low: float
    high: float


def violations(train: I64, sampling_hz: float) -> int:
    """Pairs of spikes (not only consecutive ones) more than 0.3 and at most 1.5 ms apart."""
    upper = correlogram(train, train, 2 * REFRACTORY_MS * 1e-3 * sampling_hz, 0, True)[0] // 2
    lower = correlogram(train, train, 2 * CENSORED_MS * 1e-3 * sampling_hz, 0, True)[0] // 2
    return int(upper - lower)


def contamination(train: I64, sampling_hz: float, duration_s: float) -> Contamination | None:
    """Llobet's estimator with an exact Poisson interval: C = 1 - sqrt(1 - n / n_1), n_1 = expected violations at C = 1.

    If a share C of the spikes comes from many independent neurons, n is Poisson with mean n_1 (1 - (1 - C)^2), where
    n_1 = w sum_b r_b^2 dt over bins of 10 s (rates change: N^2 / T would be too small), w = 1.2 ms.
    Source: Llobet, Wyngaard, Barbour (bioRxiv 2022.02.08.479192), eq. for many contaminating neurons.

    train  (n,) int64 samples, sorted. None for fewer than 2 spikes.
    """
    if len(train) < 2:
        return None
    width_s = (REFRACTORY_MS - CENSORED_MS) * 1e-3
    bin_s = min(RATE_BIN_S, duration_s)
    counts = np.bincount(((train - train[0]) / (sampling_hz * bin_s)).astype(np.int64)).astype(np.float64)
    pairs_per_s = max((counts * (counts - 1)).sum() / bin_s, 1e-12)
    all_foreign = width_s * pairs_per_s
    n = violations(train, sampling_hz)
    low = chi2.ppf(0.025, 2 * n) / 2 if n else 0.0
    high = chi2.ppf(0.975, 2 * n + 2) / 2
    return Contamination(*(float(1 - np.sqrt(max(0.0, 1 - x / all_foreign))) for x in (n, low, high)))


def presence(train: I64, segments: tuple[tuple[int, int], ...], n_bins: int = 30) -> float:
    """Share of 30 equal stretches of the sorted time in which the unit fires at least once."""
    starts = np.array([a for a, _ in segments], np.int64)
    lengths = np.array([b - a for a, b in segments], np.int64)
    before = np.cumsum(lengths) - lengths
    segment = np.searchsorted(starts, train, side="right") - 1
    position = before[segment] + train - starts[segment]
    return float((np.bincount((position * n_bins) // max(1, lengths.sum()), minlength=n_bins)[:n_bins] > 0).mean())
