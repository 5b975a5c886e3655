"""What share of a neuron's spikes is too small to have been found, from the sizes of those that were."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from spikesieve.model import F32, F64, I64

FEWEST = 20
# A neuron's own amplitudes vary by this share of their mean; the noise of a score has SD 1.
AMPLITUDE_CV = 0.15
# Below this quantile lie spikes that were let in by other thresholds (another template, another rate).
LEAST_QUANTILE = 0.01
# A mean farther below the least score than this cannot be told from one that is deeper still.
DEEPEST_SD = 3.0
# A least score farther above the threshold than this was not cut off by it: noise changes a score by 1 SD.
NEAR_SD = 2.0
# SD of the lower 95 % bound of a rate.
SURE_SD = 1.64


def missed(scores: F32, threshold: float) -> float | None:
    """Share of a neuron's spikes below the least score that was found, if scores are Gaussian but for that cut.

    scores     (n,) float32, sizes of a unit's spikes in noise SD; None for fewer than 20
    threshold  the smallest score that is looked for, about

    With c the least score, or the threshold where that is far below all of them, and m the mean of those found, the
    mean mu before the cut solves
        m = mu + sd phi(b) / (1 - Phi(b)),  b = (c - mu) / sd,  sd^2 = 1 + (0.15 mu)^2.
    The SD is given, not fitted: from what is left above a cut mean and SD cannot both be told.
    """
    if len(scores) < FEWEST:
        return None
    least = float(np.quantile(scores, LEAST_QUANTILE)) if is_cut(scores, threshold) else threshold
    seen = float(scores.mean(dtype=np.float64))

    def excess(mean: float) -> float:
        sd = float(np.hypot(1.0, AMPLITUDE_CV * mean))
        below = (least - mean) / sd
        hazard = float(np.exp(-(below**2) / 2) / np.sqrt(2 * np.pi) / ndtr(-below))
        return mean + sd * hazard - seen

    deepest = least - DEEPEST_SD
    mean = deepest if excess(deepest) > 0 else float(brentq(excess, deepest, seen))
    return float(ndtr((least - mean) / np.hypot(1.0, AMPLITUDE_CV * mean)))


def is_cut(scores: F32, threshold: float) -> bool:
    """Whether the least of some scores (n,) float32 lie at the threshold."""
    return bool(np.quantile(scores, LEAST_QUANTILE) <= threshold + NEAR_SD)


def missed_where(n_spikes: I64, seconds: F64) -> float:
    """Share of a neuron's spikes that is missed if it fires as often everywhere as where it is surely seen most.

    n_spikes  (n_places,) int64, found where the tissue was at one place
    seconds   (n_places,) float64 > 0 that it was there
    """
    most = float(((n_spikes - SURE_SD * np.sqrt(n_spikes)) / seconds).max())
    expected = most * float(seconds.sum())
    return max(0.0, 1.0 - float(n_spikes.sum()) / expected) if expected > 0 else 0.0
