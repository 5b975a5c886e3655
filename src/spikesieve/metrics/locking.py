"""Is a spike train locked to a clock? Phases of spikes that lie too far apart for any rhythm of neurons to hold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.model import F64, I64, Bool, SortedTime

# Rhythms of neurons lose their phase within this; a clock does not.
MIN_LAG_S = 1.0
# Each spike is compared with the next 5 after a lag between the smallest and twice that, another for each spike, and
# with none that comes later than this.
N_LATER, MAX_LAG_S = 5, 4.0
GOLDEN_RATIO = 0.6180339887498949
# A spike jitters by more than 0.2 ms around what drives it. Phases of periods this short are therefore lost.
LOWEST_HZ, HIGHEST_HZ = 800.0, 5000.0
# A third of the spikes in step: a train with that many foreign spikes is no single neuron.
MIN_SHARE = 1 / 3
# Probability that an unlocked train has a larger value at any frequency.
CHANCE = 1e-6
MIN_SPIKES = 20
# The lags do not tell slower clocks apart: of these a harmonic is given.
SLOWEST_HZ = 5.0
# How well a known frequency is known.
KNOWN_WITHIN_HZ = 0.5


class Locking(NamedTuple):
    """A frequency that a spike train is locked to.

    Attributes
    ----------
    hz : float
        Frequency of the clock in Hz.
    share : float
        Share of the spikes that are in step with it.
    """

    hz: float
    share: float


def locking(train: I64, time: SortedTime, known_hz: Sequence[float] = ()) -> Locking | None:
    """Find the clock that a spike train is locked to.

    Parameters
    ----------
    train : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.
    known_hz : sequence of float, optional
        Frequencies below 800 Hz that are looked at as well: the mains, lines of interference.

    Returns
    -------
    Locking or None
        None if there is no lock, or if the spikes are too few to tell.

    Notes
    -----
    S(f) is the mean of cos(2 pi f (t_j - t_i)) over pairs of spikes 1 to 4 s apart. If a share q of the spikes is in
    step with a clock of frequency f, S = q^2. Without a lock S has variance 1 / 2N for N pairs, so that the largest of
    M frequencies exceeds sqrt(log(M / p) / N) with probability p. Pairs of a few spikes are not independent: with n
    spikes log(M / p) / n is added. A clock makes S large at its harmonics as well: its frequency is the lowest one of
    which the largest is a multiple.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = np.sort(rng.choice(60_000, 800, replace=False)) * 30
    >>> time = SortedTime(((0, 1_800_000),), 30_000.0)
    >>> locking(train, time)
    Locking(hz=1000.0, share=1.0)
    >>> locking(np.sort(rng.integers(0, 1_800_000, 800)), time) is None
    True
    """
    sampling_hz = time.sampling_hz
    lags = _lags(time.apart(train), sampling_hz)
    n_pairs = int(lags.sum())
    if len(train) < MIN_SPIKES or not n_pairs:
        return None
    # Twice as long as the longest lag, so that no frequency is missed between two of the spectrum.
    n = 2 * int(MAX_LAG_S * sampling_hz)
    strength = scipy.fft.rfft(lags.astype(np.float32), n).real / n_pairs
    bins = _Bins.of(sampling_hz, n, tuple(known_hz))
    for looked_at in bins.looked_at:
        if not len(looked_at):
            continue
        best = int(looked_at[strength[looked_at].argmax()])
        odds = np.log(len(looked_at) / CHANCE)
        by_chance = np.sqrt(odds / n_pairs) + odds / len(train)
        if strength[best] < max(MIN_SHARE**2, by_chance):
            continue
        lowest = _fundamental(strength, best, int(SLOWEST_HZ * n / sampling_hz))
        # A stimulus that repeats, with a response that jitters, has harmonics at the mains as well: it is no clock.
        if bins.fast[best] or bins.known[lowest]:
            return Locking(float(bins.hz[lowest]), float(np.sqrt(min(1.0, strength[best]))))
    return None


class _Bins(NamedTuple):
    """Frequencies of a spectrum, which of them are fast and which are known, and those of either that are looked at."""

    hz: F64
    fast: Bool
    known: Bool
    looked_at: tuple[I64, I64]

    @classmethod
    @lru_cache(maxsize=2)
    def of(cls, sampling_hz: float, n: int, known_hz: tuple[float, ...]) -> _Bins:
        """Divide the frequencies of a transform of n samples."""
        hz = np.arange(n // 2 + 1) * sampling_hz / n
        fast = (hz >= LOWEST_HZ) & (hz <= min(HIGHEST_HZ, 0.49 * sampling_hz))
        known = np.any([np.abs(hz - f) <= KNOWN_WITHIN_HZ for f in known_hz], axis=0) & np.ones_like(fast)
        return cls(hz, fast, known, (np.flatnonzero(fast), np.flatnonzero(known & ~fast)))


def _lags(train: I64, sampling_hz: float) -> I64:
    """Number of lags of each length in samples, from each spike to some that come at least half a second later."""
    away = MIN_LAG_S * sampling_hz * (1 + np.arange(len(train)) * GOLDEN_RATIO % 1.0)
    return np.asarray(
        kernels.count_later(train, away.astype(np.float64), N_LATER, int(np.ceil(MAX_LAG_S * sampling_hz)))
    )


def _fundamental(strength: F64, best: int, lowest: int) -> int:
    """Lowest bin of which `best` is a multiple, at which the train is as well locked, and not at half of it."""
    enough, little = 0.75 * strength[best], 0.5 * strength[best]
    for multiple in range(best // lowest, 1, -1):
        near = np.arange(round(best / multiple) - 1, round(best / multiple) + 2)
        found = int(near[strength[near].argmax()])
        between = np.abs(strength[[found // 2, -(-found // 2), found + found // 2]])
        if strength[found] >= enough and (between < little).all():
            return found
    return best
