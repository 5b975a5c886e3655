"""Where a unit ends and what contaminates it begins: a threshold of its own for every unit.

Kilosort2 lowers a unit's threshold as long as its autocorrelogram stays refractory. A few hundred spikes cannot show
that; their scores can: those of the unit scatter around one value, those of smaller neurons pile up at the threshold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, I64
from spikesieve.settings.kilosort2 import Kilosort2Params

BIN = 0.1
# The mode of the unit's own spikes lies at least so far above the threshold.
MODE_ABOVE = 1.0
# The histogram is smoothed by this much, or Silverman's bandwidth where spikes are few.
SMOOTHING = 0.4
# At the threshold there are so many times more spikes than in the valley, if there is one.
PILE = 1.2
STEP = 0.5


def lowest_score(sample: I64, score: F32, params: Kilosort2Params, other_neuron: Callable[[I64, I64], bool]) -> float:
    """The score below which a unit's spikes are left out.

    sample  (n,) int64, ascending;  score (n,) float32, none below `threshold`
    other_neuron  whether two trains are two neurons by their cross-correlogram

    It is the valley of the scores' histogram between the threshold and the mode. From there it goes up in steps of 0.5
    to at most learn_threshold while the spikes below are, by their times, another neuron's.
    """
    lowest = _valley(score.astype(np.float64), params.threshold)
    for higher in np.arange(lowest + STEP, params.learn_threshold + STEP / 2, STEP).tolist():
        below = (score >= lowest) & (score < higher)
        if other_neuron(sample[below], sample[score >= higher]):
            lowest = higher
    return lowest


def _valley(score: F64, threshold: float) -> float:
    """The emptiest place between a pile of spikes at the threshold and the mode; the threshold without a pile."""
    if len(score) < 2:
        return threshold
    edges = np.arange(threshold, score.max() + 2 * MODE_ABOVE, BIN)
    width = max(SMOOTHING, 0.9 * float(score.std()) * len(score) ** -0.2)
    density = gaussian_filter1d(np.histogram(score, edges)[0].astype(np.float64), width / BIN, mode="nearest")
    first = round(MODE_ABOVE / BIN)
    mode = first + int(density[first:].argmax())
    valley = int(density[: mode + 1].argmin())
    return float(edges[valley]) if density[0] > PILE * density[valley] else threshold
