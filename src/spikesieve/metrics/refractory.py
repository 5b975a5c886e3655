"""Is a correlogram refractory? The ratio R and the probability Q of Kilosort4 (Pachitariu et al. 2024)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import erf

from spikesieve.kernels import correlogram
from spikesieve.model import I64

HALF_BINS = 500
BIN_MS = 1.0
LONGEST_MS = 10


class Refractoriness(NamedTuple):
    """How empty a correlogram is around lag 0.

    ratio          R: rate inside the emptiest window over the rate around it; inf where nothing can be told
    probability    Q: probability of so few spikes by chance in the least likely window; 1 where nothing can be told
    window_ratios, window_probabilities   the same for each window of 1..10 ms, which R and Q are the smallest of
    """

    ratio: float
    probability: float
    window_ratios: tuple[float, ...] = ()
    window_probabilities: tuple[float, ...] = ()

    def holds(self, largest_ratio: float, largest_probability: float) -> bool:
        """Whether one and the same window meets both criteria.

        Kilosort4 lets R come from one window and Q from another, which calls a pair of independent trains refractory
        as soon as chance leaves the +-1 ms bins empty.
        """
        both = zip(self.window_ratios, self.window_probabilities, strict=True)
        return any(r < largest_ratio and q < largest_probability for r, q in both)


NOT_REFRACTORY = Refractoriness(np.inf, 1.0)


def counts_1ms(a: I64, b: I64, sampling_hz: float, same: bool) -> I64:
    """Correlogram of two sorted trains in 1 ms bins, lags -500..500 ms: (1001,) int64, 0 within 0.5 ms of lag 0."""
    counts = correlogram(a, b, sampling_hz * BIN_MS * 1e-3, HALF_BINS, same)
    counts[HALF_BINS] = 0
    return np.asarray(counts, dtype=np.int64)


def refractoriness(counts: I64, n_pairs: float, duration_s: float) -> Refractoriness:
    """R and Q of a correlogram.

    With K the counts, E = n1 n2 bin / T and i = 1..10 ms:
        R_i = sum_{|lag| <= i} K / (2 i E),  R = min R_i / max(mean of K / E over the shoulders)
        Q_i = Phi((n_i - q i) / sqrt(q i)),  n_i = sum_{|lag| <= i} K / 2,  q = largest mean count of the shoulders
    counts   (1001,) int64 of `counts_1ms`
    n_pairs  n1 n2
    Returns R = inf, Q = 1 where nothing can be told (no pairs in the shoulders).
    """
    lag = np.arange(-HALF_BINS, HALF_BINS + 1)
    far = ((lag >= -499) & (lag <= -251)) | ((lag >= 250) & (lag <= 499))
    before, after = (lag >= -50) & (lag <= -11), (lag >= 10) & (lag <= 49)
    shoulder = max(counts[far].mean(), counts[before].mean(), counts[after].mean())
    if shoulder <= 0 or n_pairs <= 0:
        return NOT_REFRACTORY
    window = np.arange(1, LONGEST_MS + 1)
    total = np.cumsum(counts[HALF_BINS + window] + counts[HALF_BINS - window])
    chance = n_pairs * BIN_MS * 1e-3 / duration_s
    ratio = (total / (2 * window * chance)) / (shoulder / chance)
    expected = shoulder * window
    probability = 0.5 * (1 + erf((total / 2 - expected) / np.sqrt(2 * expected)))
    return Refractoriness(
        float(ratio.min()), float(probability.min()), tuple(ratio.tolist()), tuple(probability.tolist())
    )


# Contamination that a train is granted, and the window in bins, when it is asked whether its pair is one neuron.
GRANTED = 0.2
CORE_BINS = 2


def log_odds_one_train(counts: I64) -> float:
    """Log of how much likelier the pairs within 0.5-2.5 ms are from one neuron than from two independent ones.

    n pairs are there, E would be by chance (mean of the shoulders): Poisson(0.2 E) against Poisson(E), so
    n log 0.2 + 0.8 E. Above 3: one neuron; below -3: two; between: these spikes cannot tell.
    counts  (1001,) int64 of `counts_1ms`
    """
    near = counts[HALF_BINS - CORE_BINS : HALF_BINS + CORE_BINS + 1].sum()
    shoulder = np.concatenate([counts[HALF_BINS - 50 : HALF_BINS - 10], counts[HALF_BINS + 11 : HALF_BINS + 51]])
    chance = max(shoulder.mean(), counts.mean()) * 2 * CORE_BINS
    return float(near * np.log(GRANTED) + (1 - GRANTED) * chance)


def of_train(train: I64, sampling_hz: float, duration_s: float) -> Refractoriness:
    """R and Q of the autocorrelogram of a sorted train (samples)."""
    return refractoriness(counts_1ms(train, train, sampling_hz, True), float(len(train)) ** 2, duration_s)


def of_pair(a: I64, b: I64, sampling_hz: float, duration_s: float) -> Refractoriness:
    """R and Q of the cross-correlogram of two sorted trains (samples)."""
    return refractoriness(counts_1ms(a, b, sampling_hz, False), float(len(a)) * len(b), duration_s)
