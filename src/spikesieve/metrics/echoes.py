"""Do the spikes of a unit stand at one lag of another unit's spikes? Then they may be a later phase of those."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.model import I64, SortedTime

# Lags that are searched, and how far spikes may be from the lag: a phase of a waveform does not jitter, a synapse does.
MAX_LAG_MS, JITTER_MS = 3.0, 0.15
# Pairs by chance are counted beside the lag, where spikes of the same bursts are, and farther away. One more than was
# counted there is assumed: no pair at all does not prove that there can be none.
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


def largest_share(train: I64, other: I64, time: SortedTime) -> float:
    """Compute what the share of an echo cannot exceed: pairs within 3.15 ms per spike. It takes far less time.

    Parameters
    ----------
    train, other : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        0 for no pair; more than 1 if spikes have several partners.

    Examples
    --------
    >>> largest_share(np.array([100, 900]), np.array([130]), SortedTime(((0, 1000),), 30_000.0))
    0.5
    """
    if not (len(train) and len(other)):
        return 0.0
    reach = sum(round(ms * 1e-3 * time.sampling_hz) for ms in (MAX_LAG_MS, JITTER_MS))
    return float(kernels.correlogram(time.apart(other), time.apart(train), 1.0, reach, False).sum() / len(train))


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
    widths_ms = MAX_LAG_MS, JITTER_MS, *BESIDE_MS, *FAR_MS
    reach, jitter, first, last, far, farthest = (round(ms * 1e-3 * time.sampling_hz) for ms in widths_ms)
    counts = kernels.correlogram(time.apart(other), time.apart(train), 1.0, farthest, False)
    n_pairs, by_chance = kernels.pairs_at_lags(counts, reach, jitter, (max(1, first), last), far)
    excess = np.where(n_pairs > 0, n_pairs - by_chance, 0.0)
    main, total, width = int(excess.argmax()), 0.0, 2 * jitter + 1
    while excess[best := int(excess.argmax())] > 0:
        if scipy.special.pdtrc(n_pairs[best] - 1, by_chance[best]) > MAX_PROBABILITY:
            break
        total += excess[best]
        excess[max(0, best - width) : best + width + 1] = 0.0
    if total == 0:
        return NO_ECHO
    around = farthest - reach + main + np.arange(-jitter, jitter + 1)
    lag_samples = round(float(np.average(around - farthest, weights=counts[around])))
    return Echo(float(min(1.0, total / len(train))), lag_samples)
