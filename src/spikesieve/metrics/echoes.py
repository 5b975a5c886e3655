"""Do the spikes of a unit stand at one lag of another unit's spikes? Then they may be a later phase of those."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.model import F64, I64, SortedTime

# Lags that are searched, and how far spikes may be from the lag: a phase of a waveform does not jitter, a synapse does.
MAX_LAG_MS, JITTER_MS = 3.0, 0.15
# Pairs by chance are counted beside the lag, where spikes of the same bursts are, and farther away.
BESIDE_MS, FAR_MS = (0.3, 1.0), (5.0, 25.0)
# Smallest probability of as many pairs by chance: there are about 100 lags and 10 000 pairs of units.
MAX_PROBABILITY = 1e-6


class Echo(NamedTuple):
    """Spikes at one lag of another train.

    Attributes
    ----------
    share : float
        Share of the spikes that stand at this lag, or at others like it, beyond those by chance; 0 if chance explains
        them all.
    lag_samples : int
        The lag of most of them; positive if they come after the spikes of the other train.
    """

    share: float
    lag_samples: int


NO_ECHO = Echo(0.0, 0)


def echo(train: I64, other: I64, time: SortedTime) -> Echo:
    """Find the lags within 3 ms at which spikes of a train follow, or precede, another one.

    Parameters
    ----------
    train, other : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    Echo
        Share and lag; `NO_ECHO` if there are not more pairs at any lag than by chance.

    Notes
    -----
    The pairs within 0.15 ms of a lag are compared with those expected from the correlogram 0.3 to 1 ms beside that lag
    and 5 to 25 ms away, whichever is larger. So neither common changes of the rate nor the intervals of a burst count.
    Two phases of one waveform may be found as one unit, so the shares of all such lags are added.

    Examples
    --------
    A third of the spikes comes 1.3 ms after those of another train.

    >>> rng = np.random.default_rng(0)
    >>> other = np.sort(rng.integers(0, 3_000_000, 1000))
    >>> train = np.sort(np.concatenate([other[::5] + 39, rng.integers(0, 3_000_000, 400)]))
    >>> found = echo(train, other, SortedTime(((0, 3_000_000),), 30_000.0))
    >>> round(found.share, 2), found.lag_samples
    (0.33, 39)
    """
    if not (len(train) and len(other)):
        return NO_ECHO
    reach, jitter, far, farthest = (round(ms * 1e-3 * time.sampling_hz) for ms in (MAX_LAG_MS, JITTER_MS, *FAR_MS))
    counts = kernels.correlogram(time.apart(other), time.apart(train), 1.0, farthest, False).astype(np.float64)
    lag = np.arange(-farthest, farthest + 1)
    searched = np.flatnonzero(np.abs(lag) <= reach)
    width = 2 * jitter + 1
    n_pairs = np.convolve(counts, np.ones(width), "same")[searched]
    # One more than was counted: no pair at all does not prove that there can be none.
    far_mean = (counts[np.abs(lag) >= far].sum() + 1) / np.count_nonzero(np.abs(lag) >= far)
    by_chance = width * np.maximum(_mean_beside(counts, time.sampling_hz)[searched], far_mean)
    excess = np.where(n_pairs > 0, n_pairs - by_chance, 0.0)
    first, total = int(excess.argmax()), 0.0
    while excess[best := int(excess.argmax())] > 0:
        if scipy.special.pdtrc(n_pairs[best] - 1, by_chance[best]) > MAX_PROBABILITY:
            break
        total += excess[best]
        excess[max(0, best - width) : best + width + 1] = 0.0
    if total == 0:
        return NO_ECHO
    around = slice(searched[first] - jitter, searched[first] + jitter + 1)
    lag_samples = round(float(np.average(lag[around], weights=counts[around])))
    return Echo(float(min(1.0, total / len(train))), lag_samples)


def _mean_beside(counts: F64, sampling_hz: float) -> F64:
    """Mean of the correlogram beside each lag, on both sides together."""
    first, last = (round(ms * 1e-3 * sampling_hz) for ms in BESIDE_MS)
    kernel = np.ones(2 * last + 1)
    kernel[last - first + 1 : last + first] = 0.0
    return np.convolve(counts, kernel / kernel.sum(), "same")
