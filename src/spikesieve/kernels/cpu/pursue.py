"""Matching pursuit on template scores: many spikes per round, each too far from the others to overlap."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.pursuit import Bounds, Overlaps, Worth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Samples that are searched again together when a spike has changed one of them.
TILE = 64


@nb.njit(cache=True, nogil=True)
def pursue(scores: F32, pairs: Overlaps, worth: Worth, bounds: Bounds, max_rounds: int) -> tuple[I64, I64, F32, int]:
    """Find spikes by greedy matching pursuit, those of largest gain first.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_templates, n_samples)
        Scores of unit-norm templates in SD of the noise; changed to the scores of the residual.
    pairs : Overlaps
        Correlations of the templates.
    worth : Worth
        Gain of a spike.
    bounds : Bounds
        Limits of the amplitudes.
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
    the samples around them are searched again.
    """
    n_templates, n_samples = scores.shape
    dirty = np.ones((n_templates, (n_samples + TILE - 1) // TILE), np.bool_)
    cand_t, cand_k = np.empty(0, np.int64), np.empty(0, np.int64)
    out_t, out_k, out_a = (
        [np.int64(0) for _ in range(0)],
        [np.int64(0) for _ in range(0)],
        [np.float32(0) for _ in range(0)],
    )
    n_left = 0
    for round_ in range(max_rounds + 1):
        cand_t, cand_k = _candidates(scores, worth.least, dirty, cand_t, cand_k)
        if cand_t.size == 0:
            break
        if round_ == max_rounds:
            n_left = cand_t.size
            break
        amplitude, gain = np.empty(cand_t.size), np.empty(cand_t.size)
        for c in range(cand_t.size):
            amplitude[c], gain[c] = _alone(scores[cand_k[c], cand_t[c]], cand_k[c], worth, bounds)
        accepted = _independent(gain, cand_t, cand_k, pairs)
        dirty[:] = False
        for i in np.flatnonzero(accepted):
            t, k = cand_t[i], cand_k[i]
            if amplitude[i] > bounds.unusual:
                amplitude[i] = _in_best_pair(scores, pairs, worth, bounds, k, t, amplitude[i], gain[i])
            out_t.append(t)
            out_k.append(k)
            out_a.append(np.float32(amplitude[i]))
            value = np.float32(amplitude[i]) * worth.norms[k]
            _subtract(scores, dirty, pairs, k, t, value)
    return _in_order(out_t, out_k, out_a, n_templates, n_left)


@nb.njit(cache=True, nogil=True)
def _alone(score: np.float32, k: np.int64, worth: Worth, bounds: Bounds) -> tuple[float, float]:
    """Return amplitude and gain of a spike of template k with a score."""
    norm, precision = np.float64(worth.norms[k]), np.float64(worth.precision[k])
    with_prior, size = score * norm + precision, norm * norm + precision
    a = max(with_prior / size, bounds.low)
    return a, 2 * a * with_prior - a * a * size - precision - worth.cost[k]


@nb.njit(cache=True, nogil=True)
def _in_best_pair(
    scores: F32,
    pairs: Overlaps,
    worth: Worth,
    bounds: Bounds,
    k: np.int64,
    t: np.int64,
    amplitude: float,
    gain: float,
) -> float:
    """Return the amplitude of template k at t in the pair with another spike that gains most, where a pair gains more.

    With v = b d + w for both, M = ((d1^2 + w1, d1 d2 g), (d1 d2 g, d2^2 + w2)) and g the tables' entry, a pair with
    amplitudes a = M^-1 v gains v a - w1 - w2 - cost1 - cost2.
    """
    n_samples, reach = scores.shape[1], pairs.tables.shape[1] // 2
    norm, precision = np.float64(worth.norms[k]), np.float64(worth.precision[k])
    own_score, size = scores[k, t] * norm + precision, norm * norm + precision
    price = precision + worth.cost[k]
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        j = pairs.neighbours[q]
        if j == k:
            continue
        other_norm, other_precision = np.float64(worth.norms[j]), np.float64(worth.precision[j])
        other_size = other_norm * other_norm + other_precision
        for s in range(max(-reach, -t), min(reach + 1, n_samples - t)):
            shared = pairs.tables[q, reach + s] * norm * other_norm
            other_score = scores[j, t + s] * other_norm + other_precision
            det = size * other_size - shared * shared
            a, b = own_score * other_size - other_score * shared, other_score * size - own_score * shared
            if a < bounds.low * det or b < bounds.low * det or det <= 0:
                continue
            together = (own_score * a + other_score * b) / det - price - other_precision - worth.cost[j]
            if together > gain:
                amplitude, gain = a / det, together
    return amplitude


@nb.njit(cache=True, nogil=True)
def _candidates(scores: F32, threshold: F32, dirty: Bool, old_t: I64, old_k: I64) -> tuple[I64, I64]:
    """Return local maxima above the threshold, ordered by time: old ones outside dirty tiles, new ones inside."""
    n_templates, n_samples = scores.shape
    times, rows = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    for i in range(old_t.size):
        if not dirty[old_k[i], old_t[i] // TILE]:
            times.append(old_t[i])
            rows.append(old_k[i])
    for k in range(n_templates):
        row = scores[k]
        limit = threshold[k]
        for tile in range(dirty.shape[1]):
            if not dirty[k, tile]:
                continue
            for t in range(max(1, tile * TILE), min(n_samples - 1, (tile + 1) * TILE)):
                if row[t] > limit and row[t] > row[t - 1] and row[t] >= row[t + 1]:
                    times.append(np.int64(t))
                    rows.append(np.int64(k))
    n = len(times)
    key = np.empty(n, np.int64)
    for i in range(n):
        key[i] = times[i] * n_templates + rows[i]
    key.sort()
    return key // n_templates, key % n_templates


@nb.njit(cache=True, nogil=True)
def _independent(gain: F64, cand_t: I64, cand_k: I64, pairs: Overlaps) -> Bool:
    """Mark candidates that no overlapping candidate within reach exceeds; of equal ones the first in order wins."""
    n, reach = cand_t.size, pairs.tables.shape[1] // 2
    keep = np.ones(n, np.bool_)
    for i in range(n):
        value = gain[i]
        overlapping = pairs.neighbours[pairs.offsets[cand_k[i]] : pairs.offsets[cand_k[i] + 1]]
        j = i - 1
        while keep[i] and j >= 0 and cand_t[i] - cand_t[j] <= reach:
            if gain[j] >= value and _contains(overlapping, cand_k[j]):
                keep[i] = False
            j -= 1
        j = i + 1
        while keep[i] and j < n and cand_t[j] - cand_t[i] <= reach:
            if gain[j] > value and _contains(overlapping, cand_k[j]):
                keep[i] = False
            j += 1
    return keep


@nb.njit(cache=True, nogil=True)
def _contains(ascending: I64, value: np.int64) -> np.bool_:
    i = np.searchsorted(ascending, value)
    return i < ascending.size and ascending[i] == value


@nb.njit(cache=True, nogil=True)
def _subtract(scores: F32, dirty: Bool, pairs: Overlaps, k: np.int64, t: np.int64, value: np.float32) -> None:
    n_samples, reach = scores.shape[1], pairs.tables.shape[1] // 2
    low, high = max(0, t - reach), min(n_samples, t + reach + 1)
    shift = reach - t
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        row = scores[pairs.neighbours[q]]
        table = pairs.tables[q]
        for s in range(low, high):
            row[s] -= value * table[s + shift]
        # A maximum just outside the changed samples can appear or vanish with them.
        for tile in range(max(0, low - 1) // TILE, min(n_samples - 1, high) // TILE + 1):
            dirty[pairs.neighbours[q], tile] = True


@nb.njit(cache=True, nogil=True)
def _in_order(
    out_t: list[np.int64], out_k: list[np.int64], out_v: list[np.float32], n_templates: int, n_left: int
) -> tuple[I64, I64, F32, int]:
    n = len(out_t)
    key = np.empty(n, np.int64)
    for i in range(n):
        key[i] = out_t[i] * n_templates + out_k[i]
    order = np.argsort(key, kind="mergesort")
    sample, template, value = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.float32)
    for i in range(n):
        sample[i], template[i], value[i] = out_t[order[i]], out_k[order[i]], out_v[order[i]]
    return sample, template, value, n_left
