"""Do spike trains take turns, as the parts of a neuron do that drift carries from one template to another?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.model import F64, I64, SortedTime

# Spikes of both trains in a bin, about; numbers of bins.
SPIKES_OF_BIN = 10
MIN_BINS, MAX_BINS = 10, 1000
# Dispersions that are tried: from spikes in few bins to spikes at an even rate.
PRECISIONS = np.logspace(-2, 4, 25)[:, None]
# Trains of one neuron overlap less than this, and are likelier one train by more than e^10. There are some ten
# thousand pairs of neighbours, and slow changes of the rates make neighbouring bins alike.
MAX_OVERLAP, MIN_GAIN = 0.25, 10.0
# Both are silent (at less than a fifth of the mean of the sum) in at most this share of the bins: neurons with places
# or times of their own take turns as well, but rest in between.
SILENT, MAX_SILENCE = 0.2, 0.1


class Alternation(NamedTuple):
    """How two trains share the time.

    Attributes
    ----------
    overlap : float
        1: their rates change together. 0: one is silent whenever the other one fires.
    gain : float
        Log likelihood that they are the parts of one train, above that of two independent ones.
    silence : float
        Share of the time in which both are silent.
    """

    overlap: float
    gain: float
    silence: float

    @property
    def is_one_train(self) -> bool:
        """Whether they take turns, and together have the rate of one neuron."""
        return self.overlap < MAX_OVERLAP and self.gain > MIN_GAIN and self.silence < MAX_SILENCE


def alternation(first: I64, second: I64, time: SortedTime, others: I64 | None = None) -> Alternation:
    """Compare two explanations of how two spike trains share the time: one neuron that is found as two, or two neurons.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n,)
        Spike times in samples, in any order.
    time : SortedTime
        What was sorted.
    others : ndarray of int64, shape (n,), optional
        Spikes of more parts of the same neuron, if it is one: bins in which it is their turn are left out.

    Returns
    -------
    Alternation
        Overlap 1, gain 0 and silence 1 if there are too few spikes to tell.

    Notes
    -----
    The spikes are counted in bins that hold 10 of them on average. As two neurons, the counts of each are negative
    binomial. As one, their sum is negative binomial, and the part of the first is beta-binomial. Both explanations have
    two means and two dispersions, at their likeliest values. So it is not enough that one is silent while the other one
    fires, as with neurons of two places: one must also begin where the other one ends, at the same rate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = np.sort(rng.integers(0, 3_000_000, 1000))
    >>> is_up = (train // 150_000) % 2 == 1
    >>> time = SortedTime(((0, 3_000_000),), 30_000.0)
    >>> alternation(train[is_up], train[~is_up], time).is_one_train
    True
    >>> alternation(train[::2], train[1::2], time).is_one_train
    False
    """
    trains = (first, second, np.empty(0, np.int64) if others is None else others)
    n_bins = min(sum(map(len, trains)) // SPIKES_OF_BIN, MAX_BINS)
    if n_bins < MIN_BINS:
        return Alternation(1.0, 0.0, 1.0)
    span = (0.0, time.used_s)
    n = np.stack([np.histogram(time.elapsed_s(train), n_bins, span)[0] for train in trains]).astype(np.float64)
    a, b, _ = n[:, n[2] <= SILENT * n.sum(axis=0).mean()]
    if len(a) < MIN_BINS or not (a.any() and b.any()):
        return Alternation(1.0, 0.0, 1.0)
    overlap = np.minimum(a / a.sum(), b / b.sum()).sum()
    gain = _negative_binomial(a + b) + _beta_binomial(a, a + b) - _negative_binomial(a) - _negative_binomial(b)
    silence = np.mean(a + b < SILENT * (a + b).mean())
    return Alternation(float(overlap), gain, float(silence))


def are_parts_of_one(first: I64, second: I64, more: Sequence[I64], time: SortedTime) -> bool:
    """Tell whether two spike trains are parts of one neuron, which may have more parts.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n,)
        Spike times in samples, in any order.
    more : sequence of ndarray of int64
        Trains that may be further parts. Those that fire together with one of the two are none.
    time : SortedTime
        What was sorted.

    Returns
    -------
    bool
        True if the two take turns alone; or where the others are silent, and as one train with the others.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = np.sort(rng.integers(0, 3_000_000, 1000))
    >>> low, middle, high = (train[(train // 150_000) % 3 == k] for k in range(3))
    >>> time = SortedTime(((0, 3_000_000),), 30_000.0)
    >>> are_parts_of_one(low, middle, [], time), are_parts_of_one(low, middle, [high], time)
    (False, True)
    """
    found = alternation(first, second, time)
    if found.is_one_train or found.overlap >= MAX_OVERLAP:
        return found.is_one_train
    apart = [one for one in more if max(alternation(one, own, time).overlap for own in (first, second)) < MAX_OVERLAP]
    if not apart:
        return False
    others, both = np.concatenate(apart), np.concatenate([first, second])
    return alternation(first, second, time, others).is_one_train and alternation(both, others, time).is_one_train


def _negative_binomial(n: F64) -> float:
    """Largest log likelihood of counts (n_bins,) around their mean, over all dispersions."""
    mean, r = n.mean(), PRECISIONS
    terms = (
        scipy.special.gammaln(n + r)
        - scipy.special.gammaln(r)
        - scipy.special.gammaln(n + 1)
        + r * np.log(r / (r + mean))
        + n * np.log(mean / (r + mean))
    )
    return float(terms.sum(axis=1).max())


def _beta_binomial(k: F64, n: F64) -> float:
    """Largest log likelihood of parts k of counts n (n_bins,), over all dispersions."""
    share = k.sum() / n.sum()
    a, b = share * PRECISIONS, (1 - share) * PRECISIONS
    terms = (
        scipy.special.gammaln(n + 1)
        - scipy.special.gammaln(k + 1)
        - scipy.special.gammaln(n - k + 1)
        + scipy.special.betaln(k + a, n - k + b)
        - scipy.special.betaln(a, b)
    )
    return float(terms.sum(axis=1).max())
