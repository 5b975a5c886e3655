"""The score at which a unit ends and its contamination begins: each unit gets a threshold of its own.

Kilosort2 lowers a unit's threshold as long as its autocorrelogram stays refractory. A few hundred spikes cannot show
that, but their scores can: those of the unit scatter around one value, those of smaller neurons pile up at the
threshold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, I64
from spikesieve.settings.kilosort2 import Kilosort2Params

# All scores are in noise SD.
BIN_SD = 0.1
# The mode of the unit's own spikes lies at least this far above the threshold.
MODE_ABOVE_SD = 1.0
# The histogram is smoothed by this much, or by Silverman's bandwidth if spikes are few.
SMOOTHING_SD = 0.4
# A pile: the histogram is this many times higher at the threshold than in the valley.
MIN_PILE_RATIO = 1.2
STEP_SD = 0.5


def lowest_score(sample: I64, score: F32, params: Kilosort2Params, other_neuron: Callable[[I64, I64], bool]) -> float:
    """Find the score below which a unit's spikes are left out.

    Parameters
    ----------
    sample : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    score : ndarray of float32, shape (n,)
        Scores in noise SD, none below ``params.threshold``.
    params : Kilosort2Params
        Threshold of the matching, and the highest cut-off (``learn_threshold``).
    other_neuron : callable
        Tells from their cross-correlogram whether two spike trains are two neurons.

    Returns
    -------
    float
        Lowest score of the unit's spikes in noise SD.

    Notes
    -----
    It starts at the valley of the histogram between the threshold and the mode. From there it rises in steps of 0.5 as
    long as the spikes below are, by their times, another neuron's.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score = np.concatenate([4 + rng.exponential(0.5, 300), rng.normal(9.0, 1.0, 600)]).astype(np.float32)
    >>> cutoff = lowest_score(np.arange(900), score, Kilosort2Params(), lambda below, above: False)
    >>> bool(5 < cutoff < 7)
    True
    """
    lowest = _valley(score.astype(np.float64), params.threshold)
    for higher in np.arange(lowest + STEP_SD, params.learn_threshold + STEP_SD / 2, STEP_SD).tolist():
        below = (score >= lowest) & (score < higher)
        if other_neuron(sample[below], sample[score >= higher]):
            lowest = higher
    return lowest


def _valley(score: F64, threshold: float) -> float:
    """The emptiest score between a pile at the threshold and the mode; the threshold if there is no pile."""
    if len(score) < 2:
        return threshold
    edges = np.arange(threshold, score.max() + 2 * MODE_ABOVE_SD, BIN_SD)
    width_sd = max(SMOOTHING_SD, 0.9 * float(score.std()) * len(score) ** -0.2)
    density = gaussian_filter1d(np.histogram(score, edges)[0].astype(np.float64), width_sd / BIN_SD, mode="nearest")
    first = round(MODE_ABOVE_SD / BIN_SD)
    mode = first + int(density[first:].argmax())
    valley = int(density[: mode + 1].argmin())
    return float(edges[valley]) if density[0] > MIN_PILE_RATIO * density[valley] else threshold
