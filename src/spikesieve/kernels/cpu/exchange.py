"""Second thoughts of matching pursuit: found spikes are replaced by one or two others where these are likelier.

Greedy pursuit takes two similar spikes at once for one spike between them, for one of a third template, or for one with
the wrong time. Nothing that is added later corrects this.
"""

from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.above import may_exceed
from spikesieve.kernels.cpu.residual import TILE, Problem, correlation, mark, subtract
from spikesieve.kernels.cpu.vector import compiled, merged
from spikesieve.kernels.cpu.visible import norm_at, tables_at

Bool = NDArray[np.bool_]

# A spike is examined where a template like its own still scores this many SD of noise in the residual.
UNEXPLAINED_SD = 3.0
# Two spikes hide each other where their templates correlate more than this at their lag. Others are found one by one.
ALIKE = 0.3
# Twice the log likelihood must rise by more than this: the mean of what noise gives to one free number.
LEAST_RISE = 1.0
# Templates that are tried as one spike of a pair, those of largest gain first.
STARTS = 3
# The likelihood rises in every step of the search of a pair, and it ends after two to four.
MAX_STEPS = 20


class FoundSpikes(NamedTuple):
    """Lists of samples, templates and amplitudes, which grow; template -1: removed."""

    sample: list[int]
    template: list[int]
    amplitude: list[np.float32]


class Spike(NamedTuple):
    """A spike; template -1: none."""

    template: int
    sample: int
    amplitude: float


class Explanation(NamedTuple):
    """One or two spikes, and what they gain."""

    gain: float
    first: Spike
    second: Spike


NO_SPIKE = Spike(-1, 0, 0.0)
# In place of a second spike. As a plain -1 it would have the kernel compiled twice.
ALONE = cast(int, np.int64(-1))
NOTHING = Explanation(-np.inf, NO_SPIKE, NO_SPIKE)


@merged
def exchange(problem: Problem, spikes: FoundSpikes, look: Bool, dirty: Bool) -> int:
    """Examine the spikes in order of time, and replace each by one or two others where these are likelier.

    Parameters
    ----------
    problem : Problem
        Scores of the residual.
    spikes : FoundSpikes
        The spikes, changed in place.
    look : ndarray of bool, shape (n_templates, n_tiles)
        Tiles whose scores have changed since spikes were examined. Spikes near which no template that overlaps with
        their own has changed are not examined again.
    dirty : ndarray of bool, shape (n_templates, n_tiles)
        Tiles whose scores have changed are marked.

    Returns
    -------
    int
        Number of replacements. Each raises the likelihood, so that repeated calls come to an end.

    Notes
    -----
    A spike is examined alone, and together with each later spike within `bounds.near_samples` that is like it. One or
    both are put back into the scores, and the best one or two spikes there are searched.
    """
    n, near = len(spikes.sample), problem.bounds.near_samples
    when, order = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        when[i] = spikes.sample[i]
        order[i] = when[i] * n + i
    order.sort()
    n_moves = 0
    for at in range(n):
        i = order[at] % n
        if spikes.template[i] < 0:
            continue
        if not _has_changed(problem, look, _get(spikes, i)) or _is_explained(problem, _get(spikes, i)):
            continue
        # Alone at first. A spike moves by `near` at most; the sample in `when` is that before.
        for later in range(at, n):
            p = order[later] % n
            if later > at and when[p] > spikes.sample[i] + 2 * near:
                break
            if later == at:
                p = ALONE
            elif not _is_alike(problem, _get(spikes, i), _get(spikes, p)):
                continue
            n_moves += _replace(problem, spikes, i, p, dirty)
    return n_moves


@merged
def _is_alike(problem: Problem, spike: Spike, other: Spike) -> bool:
    """Tell whether two spikes are so near and so similar that one may hide the other."""
    lag = other.sample - spike.sample
    if other.template < 0 or abs(lag) > problem.bounds.near_samples:
        return False
    return bool(abs(correlation(problem, spike.template, spike.sample, other.template, lag)) > ALIKE)


@compiled
def _get(spikes: FoundSpikes, i: int) -> Spike:
    """Return spike i; none for i = -1."""
    if i < 0:
        return NO_SPIKE
    return Spike(spikes.template[i], spikes.sample[i], np.float64(spikes.amplitude[i]))


@merged
def _has_changed(problem: Problem, look: Bool, spike: Spike) -> bool:
    """Tell whether the score of a template that overlaps with the spike's own has changed around it."""
    pairs, far = problem.pairs, 2 * problem.bounds.near_samples
    first, last = max(0, spike.sample - far) // TILE, min(problem.scores.shape[1] - 1, spike.sample + far) // TILE
    for j in pairs.neighbours[pairs.offsets[spike.template] : pairs.offsets[spike.template + 1]]:
        for tile in range(first, last + 1):
            if look[j, tile]:
                return True
    return False


@merged
def _is_explained(problem: Problem, spike: Spike) -> bool:
    """Tell whether templates like the spike's own score no more than noise in the residual around it.

    Of noise r^2 / (1 - g^2) has mean 1, where r is the score and g the correlation of the two templates.
    """
    scores, pairs = problem.scores, problem.pairs
    k, t, reach, near = spike.template, spike.sample, pairs.tables.shape[1] // 2, problem.bounds.near_samples
    low, high = max(0, t - near, t - reach), min(scores.shape[1] - 1, t + near, t + reach)
    tables, first = tables_at(pairs, problem.visible, problem.kept, k, t), pairs.offsets[k]
    all_visible = problem.visible.norms.shape[1] == 0
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        if all_visible and pairs.largest[q] <= ALIKE:
            continue
        row, table = scores[pairs.neighbours[q]], tables[q - first]
        for s in range(low, high + 1):
            g = table[reach + s - t]
            if abs(g) > ALIKE and row[s] * row[s] > UNEXPLAINED_SD**2 * (1.05 - g * g):
                return False
    return True


@merged
def _replace(problem: Problem, spikes: FoundSpikes, i: int, p: int, dirty: Bool) -> int:
    """Replace spike i, and p unless it is -1, by a likelier explanation; return 1 if there is one."""
    own, other = _get(spikes, i), _get(spikes, p)
    _subtract(problem, own, -1.0)
    _subtract(problem, other, -1.0)
    best = _best_explanation(problem, own)
    if p >= 0:
        best = _likelier(best, _climb(problem, own, own.sample))
        best = _likelier(best, _climb(problem, other, own.sample))
    is_better = best.gain > _gain(problem, own, other) + LEAST_RISE
    if is_better:
        for spike in (own, other, best.first, best.second):
            if spike.template >= 0:
                mark(dirty, problem, spike.template, spike.sample)
        own, other = best.first, best.second
        _put(spikes, i, own)
        if p >= 0 or other.template >= 0:
            _put(spikes, p, other)
    _subtract(problem, own, 1.0)
    _subtract(problem, other, 1.0)
    return int(is_better)


@compiled
def _put(spikes: FoundSpikes, i: int, spike: Spike) -> None:
    """Write spike i; append it for i = -1."""
    if i < 0:
        spikes.sample.append(spike.sample)
        spikes.template.append(spike.template)
        spikes.amplitude.append(np.float32(spike.amplitude))
    else:
        spikes.sample[i], spikes.template[i] = spike.sample, spike.template
        spikes.amplitude[i] = np.float32(spike.amplitude)


@compiled
def _subtract(problem: Problem, spike: Spike, sign: float) -> None:
    """Subtract a spike from the scores (sign 1) or put it back (sign -1)."""
    if spike.template >= 0:
        norm = norm_at(problem.worth, problem.visible, spike.template, spike.sample)
        value = np.float32(sign) * np.float32(spike.amplitude) * norm
        subtract(problem, spike.template, spike.sample, value)


@compiled
def _terms(problem: Problem, k: int, t: int) -> tuple[float, float, float]:
    """Return v, s and c: a spike of amplitude a gains 2 a v - a^2 s - c."""
    worth = problem.worth
    norm, w = np.float64(norm_at(worth, problem.visible, k, t)), np.float64(worth.precision[k])
    return problem.scores[k, t] * norm + w, norm * norm + w, w + worth.cost[k]


@merged
def _gain(problem: Problem, one: Spike, other: Spike) -> float:
    """Return what two spikes gain with the amplitudes that they have."""
    gain = 0.0
    for spike in (one, other):
        if spike.template >= 0:
            v, size, price = _terms(problem, spike.template, spike.sample)
            gain += 2 * spike.amplitude * v - spike.amplitude**2 * size - price
    if other.template >= 0:
        worth, visible = problem.worth, problem.visible
        norm = np.float64(norm_at(worth, visible, one.template, one.sample))
        norms = norm * norm_at(worth, visible, other.template, other.sample)
        lag = other.sample - one.sample
        g = correlation(problem, one.template, one.sample, other.template, lag)
        gain -= 2 * one.amplitude * other.amplitude * norms * g
    return gain


@compiled
def _likelier(one: Explanation, other: Explanation) -> Explanation:
    return other if other.gain > one.gain else one


@merged
def _best_explanation(problem: Problem, spike: Spike) -> Explanation:
    """Return the best single spike near a spike that was put back, or the best pair that begins with a good one."""
    scores, pairs, near = problem.scores, problem.pairs, problem.bounds.near_samples
    low, high = max(1, spike.sample - near), min(scores.shape[1] - 2, spike.sample + near)
    neighbours = pairs.neighbours[pairs.offsets[spike.template] : pairs.offsets[spike.template + 1]]
    gain, sample, amplitude = np.empty(neighbours.size), np.empty(neighbours.size, np.int64), np.empty(neighbours.size)
    for i in range(neighbours.size):
        t = low
        for s in range(low + 1, high + 1):
            if scores[neighbours[i], s] > scores[neighbours[i], t]:
                t = s
        v, size, price = _terms(problem, int(neighbours[i]), t)
        a = max(v / size, problem.bounds.low)
        gain[i], sample[i], amplitude[i] = 2 * a * v - a**2 * size - price, t, a
    best = NOTHING
    for _ in range(min(STARTS, gain.size)):
        i = int(np.argmax(gain))
        first = Spike(int(neighbours[i]), int(sample[i]), float(amplitude[i]))
        best = _likelier(best, Explanation(float(gain[i]), first, NO_SPIKE))
        if gain[i] > 0:
            best = _likelier(best, _climb(problem, first, spike.sample))
        gain[i] = -np.inf
    return best


@compiled
def _climb(problem: Problem, spike: Spike, centre: int) -> Explanation:
    """Return the pair that is reached from a spike by choosing the best other one for one of the two, in turns."""
    best = NOTHING
    for _ in range(MAX_STEPS):
        found = _best_with(problem, spike.template, spike.sample, centre, best.gain)
        if not found.gain > best.gain:
            break
        best, spike = found, found.second
    return best


@merged
def _best_with(problem: Problem, k: int, t: int, centre: int, best: float) -> Explanation:
    """Return the best pair of template k at sample t and another spike near `centre`, if it gains more than `best`.

    With v and s of both spikes and m = d1 d2 g, a pair of free amplitudes gains v1^2 / s1 + r^2 / l minus both prices.
    Here r = v2 - m v1 / s1, l = s2 - m^2 / s1, and the amplitudes are a2 = r / l and a1 = (v1 - m a2) / s1.
    A template is left out where none of its scores b is enough: from |g| <= G, its largest correlation, follow
    r <= b d2 + w2 + d1 d2 G |v1 / s1| and l >= s2 - (d1 d2 G)^2 / s1, and r must exceed both l times the least
    amplitude and the square root of l times what r^2 / l must be to gain more than the best pair so far.
    """
    scores, pairs, worth, bounds, visible, kept = problem
    reach, norm = pairs.tables.shape[1] // 2, np.float64(norm_at(worth, visible, k, t))
    tables, start = tables_at(pairs, visible, kept, k, t), pairs.offsets[k]
    v, size, price = _terms(problem, k, t)
    alone = v / size
    base = alone * v - price
    low = max(centre - bounds.near_samples, t - reach, 1)
    high = min(centre + bounds.near_samples, t + reach, scores.shape[1] - 2)
    first, second = NO_SPIKE, NO_SPIKE
    all_visible = visible.norms.shape[1] == 0
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        j = pairs.neighbours[q]
        if j == k:
            continue
        w_j = np.float64(worth.precision[j])
        least = w_j + worth.cost[j] - base
        d, most = np.float64(worth.norms[j]), norm * worth.norms[j] * pairs.largest[q]
        smallest = d * d + w_j - most * most / size
        if all_visible and smallest > 0:
            needed = bounds.low * smallest
            if best + least > 0:
                needed = max(needed, np.sqrt((best + least) * smallest))
            at = j * scores.shape[1]
            if not may_exceed(scores, at + low, at + high + 1, (needed - w_j - most * abs(alone)) / d):
                continue
        row, table = scores[j], tables[q - start]
        for s in range(low, high + 1):
            norm_j = np.float64(norm_at(worth, visible, int(j), s))
            m = norm * norm_j * table[reach + s - t]
            rest, left = row[s] * norm_j + w_j - m * alone, norm_j * norm_j + w_j - m * m / size
            if rest > 0 and rest * rest > (best + least) * left and left > 0:
                b = rest / left
                a = alone - m / size * b
                if a >= bounds.low and b >= bounds.low:
                    best, first, second = rest * b - least, Spike(k, t, a), Spike(int(j), s, b)
    return Explanation(best, first, second)
