"""Matching pursuit on template scores: many spikes per round, each too far from the others to overlap."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.above import may_exceed
from spikesieve.kernels.cpu.exchange import FoundSpikes, exchange
from spikesieve.kernels.cpu.residual import TILE, Problem, mark, subtract
from spikesieve.kernels.cpu.vector import compiled, merged
from spikesieve.kernels.cpu.visible import norm_at, nothing_kept
from spikesieve.kernels.pursuit import Bounds, Overlaps, Visible, Worth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
U8 = NDArray[np.uint8]

# Two find nearly all of the likelier spikes. Where templates do not fit, there would always be one more.
MAX_EXCHANGES = 3


@compiled
def pursue(
    scores: F32, pairs: Overlaps, worth: Worth, bounds: Bounds, visible: Visible, max_rounds: int
) -> tuple[I64, I64, F32, int]:
    """Find spikes by greedy matching pursuit, those of largest gain first.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_templates, n_samples)
        Scores in SD of the noise, of what is visible of each template, scaled to unit norm; changed to the scores of
        the residual.
    pairs : Overlaps
        Correlations of the templates.
    worth : Worth
        Gain of a spike.
    bounds : Bounds
        Limits of the amplitudes.
    visible : Visible
        What is visible of each template.
    max_rounds : int
        Largest number of rounds.

    Returns
    -------
    sample, template : ndarray of int64, shape (n_spikes,)
        Ordered by (sample, template).
    amplitude : ndarray of float32, shape (n_spikes,)
        Amplitudes.
    n_left : int
        Local maxima above `worth.least` that remained after `max_rounds`.

    Notes
    -----
    Each round accepts every local maximum of `scores` above `worth.least` that gains more than all maxima of
    overlapping templates within the reach of its waveform; accepted spikes cannot overlap. They are subtracted, and
    the samples around them are searched again. `worth.least` is that of whole templates: where a part is hidden, a
    maximum must gain something. Where no maximum is left, spikes are replaced by likelier ones (`exchange`), unless
    `bounds.near_samples` is 0, and the search goes on. This is done three times at most.
    """
    n_templates, n_samples = scores.shape
    dirty = np.ones((n_templates, (n_samples + TILE - 1) // TILE), np.bool_)
    look = np.ones(dirty.shape, np.bool_)
    most_exchanges = MAX_EXCHANGES if bounds.near_samples > 0 else 0
    problem = Problem(scores, pairs, worth, bounds, visible, nothing_kept())
    spikes = FoundSpikes([0 for _ in range(0)], [0 for _ in range(0)], [np.float32(0) for _ in range(0)])
    cand_t, cand_k = np.empty(0, np.int64), np.empty(0, np.int64)
    n_exchanges = 0
    for _ in range(max_rounds):
        cand_t, cand_k = _candidates(problem, dirty, cand_t, cand_k)
        dirty[:] = False
        if cand_t.size:
            _take(problem, spikes, cand_t, cand_k, dirty)
        elif n_exchanges == most_exchanges or exchange(problem, spikes, look, dirty) == 0:
            break
        else:
            look[:] = False
            n_exchanges += 1
        _add_marks(look, dirty)
    cand_t, cand_k = _candidates(problem, dirty, cand_t, cand_k)
    return _in_order(spikes, n_templates, cand_t.size)


@merged
def _add_marks(marks: Bool, others: Bool) -> None:
    for k in range(marks.shape[0]):
        for i in range(marks.shape[1]):
            marks[k, i] = marks[k, i] or others[k, i]


@merged
def _take(problem: Problem, spikes: FoundSpikes, cand_t: I64, cand_k: I64, dirty: Bool) -> None:
    """Accept the candidates that do not overlap with better ones, and subtract them."""
    pairs, worth, visible = problem.pairs, problem.worth, problem.visible
    amplitude, gain = np.empty(cand_t.size), np.empty(cand_t.size)
    for c in range(cand_t.size):
        amplitude[c], gain[c] = _alone(problem, cand_k[c], cand_t[c])
    keep = _independent(gain, cand_t, cand_k, pairs)
    for i in range(cand_t.size):
        if not keep[i]:
            continue
        t, k, a = cand_t[i], cand_k[i], np.float32(amplitude[i])
        spikes.sample.append(int(t))
        spikes.template.append(int(k))
        spikes.amplitude.append(a)
        subtract(problem, k, t, a * norm_at(worth, visible, k, t))
        mark(dirty, problem, k, t)


@compiled
def _alone(problem: Problem, k: int, t: int) -> tuple[float, float]:
    """Return amplitude and gain of a spike of template k at sample t."""
    worth = problem.worth
    norm, precision = np.float64(norm_at(worth, problem.visible, k, t)), np.float64(worth.precision[k])
    with_prior, size = problem.scores[k, t] * norm + precision, norm * norm + precision
    a = max(with_prior / size, problem.bounds.low)
    return a, 2 * a * with_prior - a * a * size - precision - worth.cost[k]


@merged
def _candidates(problem: Problem, dirty: Bool, old_t: I64, old_k: I64) -> tuple[I64, I64]:
    """Return local maxima that are enough, ordered by time: old ones outside dirty tiles, new ones inside."""
    scores, hides = problem.scores, problem.visible.norms.shape[1] > 0
    n_templates, n_samples = scores.shape
    times, rows = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    for i in range(old_t.size):
        if not dirty[old_k[i], old_t[i] // TILE]:
            times.append(old_t[i])
            rows.append(old_k[i])
    for k in range(n_templates):
        row = scores[k]
        limit = np.float32(0.0) if hides else problem.worth.least[k]
        for tile in range(dirty.shape[1]):
            if not dirty[k, tile]:
                continue
            first, stop = max(1, tile * TILE), min(n_samples - 1, (tile + 1) * TILE)
            if not may_exceed(scores, k * n_samples + first, k * n_samples + stop, float(limit)):
                continue
            for t in range(first, stop):
                is_peak = row[t] > limit and row[t] > row[t - 1] and row[t] >= row[t + 1]
                if is_peak and (not hides or _is_enough(problem, k, t)):
                    times.append(np.int64(t))
                    rows.append(np.int64(k))
    n = len(times)
    key = np.empty(n, np.int64)
    for i in range(n):
        key[i] = times[i] * n_templates + rows[i]
    key.sort()
    cand_t, cand_k = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        cand_t[i], cand_k[i] = key[i] // n_templates, key[i] % n_templates
    return cand_t, cand_k


@compiled
def _is_enough(problem: Problem, k: int, t: int) -> bool:
    """Tell whether a score is accepted where samples are blanked."""
    if problem.visible.norms[k, t] == 1.0:
        return bool(problem.scores[k, t] > problem.worth.least[k])
    return bool(_alone(problem, k, t)[1] > 0)


@merged
def _independent(gain: F64, cand_t: I64, cand_k: I64, pairs: Overlaps) -> Bool:
    """Mark candidates that no overlapping candidate within reach exceeds; of equal ones the first in order wins."""
    n, reach = cand_t.size, pairs.tables.shape[1] // 2
    keep, bits = np.ones(n, np.bool_), _bits(pairs)
    for i in range(n):
        value, overlapping = gain[i], bits[cand_k[i]]
        j = i - 1
        while keep[i] and j >= 0 and cand_t[i] - cand_t[j] <= reach:
            if gain[j] >= value and _has_bit(overlapping, cand_k[j]):
                keep[i] = False
            j -= 1
        j = i + 1
        while keep[i] and j < n and cand_t[j] - cand_t[i] <= reach:
            if gain[j] > value and _has_bit(overlapping, cand_k[j]):
                keep[i] = False
            j += 1
    return keep


@merged
def _bits(pairs: Overlaps) -> U8:
    """Whether templates overlap: bit j of row k. They are few, so that they stay in the cache."""
    n = pairs.offsets.size - 1
    bits = np.zeros((n, n // 8 + 1), np.uint8)
    for k in range(n):
        for j in pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]]:
            bits[k, j // 8] |= np.uint8(1 << (j % 8))
    return bits


@compiled
def _has_bit(row: U8, j: int) -> bool:
    return bool(row[j // 8] >> (j % 8) & 1)


@merged
def _in_order(spikes: FoundSpikes, n_templates: int, n_left: int) -> tuple[I64, I64, F32, int]:
    n_found, n = len(spikes.sample), 0
    order = np.empty(n_found, np.int64)
    for i in range(n_found):
        order[i] = (spikes.sample[i] * n_templates + spikes.template[i]) * n_found + i
    order.sort()
    sample, template, value = np.empty(n_found, np.int64), np.empty(n_found, np.int64), np.empty(n_found, np.float32)
    for at in range(n_found):
        i = order[at] % n_found
        if spikes.template[i] >= 0:
            sample[n], template[n], value[n] = spikes.sample[i], spikes.template[i], spikes.amplitude[i]
            n += 1
    return sample[:n], template[:n], value[:n], n_left
