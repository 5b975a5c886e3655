"""Matching pursuit on template scores: many spikes a round, each far enough from the others not to touch them."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.vector import LANES, load, minus, splat, store, times_plus

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

TILE = 64
# Samples that are scored at once, with all templates: four vectors in registers, their projections in the cache.
STRETCH = 4 * LANES


@nb.njit(cache=True, nogil=True)
def template_scores(projections: F32, contacts: I64, weights: F32, out: F32) -> None:
    """out[k, t] = sum_cp weights[k, c, p] projections[contacts[k, c], p, t] over contacts c and components p.

    projections  (n_contacts, n_components, n_samples) float32
    contacts     (n_templates, n_near) int64, -1 = unused
    weights      (n_templates, n_near, n_components) float32, n_components a multiple of 6
    out          (n_templates, n_samples) float32
    """
    n_channels, n_components, n_samples = projections.shape
    # Templates that share contacts one after the other, so that these are still in the cache.
    order = np.argsort(contacts[:, 0])
    whole = n_samples - n_samples % STRETCH
    # Side by side: rows of a block lie so far apart that they would push each other out of the cache.
    near = np.zeros((n_channels, n_components, STRETCH), np.float32)
    for start in range(0, whole, STRETCH):
        for row in range(n_channels * n_components):
            for s in range(0, STRETCH, LANES):
                store(near, row * STRETCH + s, load(projections, row * n_samples + start + s))
        for k in order:
            _score_stretch(near, contacts, weights, k, out, k * n_samples + start)
    for k in order:
        for t in range(whole, n_samples):
            total = np.float32(0.0)
            for c in range(weights.shape[1]):
                if contacts[k, c] >= 0:
                    for p in range(n_components):
                        total = times_plus(weights[k, c, p], projections[contacts[k, c], p, t], total)
            out[k, t] = total


@nb.njit(cache=True, nogil=True)
def _score_stretch(near: F32, contacts: I64, weights: F32, k: int, out: F32, at: int) -> None:
    """out.ravel()[at : at + STRETCH] = the score of template k on the projections `near`."""
    v0 = v1 = v2 = v3 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * STRETCH
            for p in range(weights.shape[2]):
                weight = splat(weights[k, c, p])
                v0 = times_plus(weight, load(near, row), v0)
                v1 = times_plus(weight, load(near, row + LANES), v1)
                v2 = times_plus(weight, load(near, row + 2 * LANES), v2)
                v3 = times_plus(weight, load(near, row + 3 * LANES), v3)
                row += STRETCH
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)


@nb.njit(cache=True, nogil=True)
def peel(
    scores: F32, offsets: I64, neighbours: I64, tables: F32, threshold: F32, max_rounds: int
) -> tuple[I64, I64, F32, int]:
    """Greedy matching pursuit. Changes `scores` to what is left.

    In a round every local maximum above the threshold that no overlapping template exceeds within the reach of its
    waveform is accepted; such maxima cannot touch each other. Their contributions are subtracted and the touched
    stretches searched again, until nothing is above the threshold.

    scores      (n_templates, n_samples) float32, scores of unit-norm templates
    offsets     (n_templates + 1,) int64: template k touches neighbours[offsets[k]:offsets[k+1]], ascending and
                with itself among them
    neighbours  (n_pairs,) int64
    tables      (n_pairs, 2 reach + 1) float32: tables[q, reach + s] = change of the neighbour's score at t + s when
                template k is at t with score 1
    threshold   (n_templates,) float32
    Returns (sample, template int64, score float32, n_left) ordered by (sample, template); n_left counts the maxima
    that were still above the threshold when max_rounds was reached.
    """
    return _pursue(scores, offsets, neighbours, tables, threshold, np.zeros(len(scores)), 0.0, max_rounds)


@nb.njit(cache=True, nogil=True)
def peel_with_prior(
    scores: F32,
    offsets: I64,
    neighbours: I64,
    tables: F32,
    threshold: F32,
    norms: F64,
    penalty: float,
    max_rounds: int,
) -> tuple[I64, I64, F32, int]:
    """The same with a prior that holds amplitudes to the templates' norms.

    A score b of template k is a spike of amplitude (b + penalty norms[k]) / (1 + penalty), which is what is returned
    and subtracted; candidates compete by (b + penalty norms[k])^2 / (1 + penalty) - penalty norms[k]^2. What is left of
    a spike much larger than its template can be accepted again at the same sample: both are returned, the first first.

    norms  (n_templates,) float64;  penalty >= 0;  the others as in `peel`, threshold > 0 being one of b
    """
    return _pursue(scores, offsets, neighbours, tables, threshold, norms, penalty, max_rounds)


@nb.njit(cache=True, nogil=True)
def _pursue(
    scores: F32,
    offsets: I64,
    neighbours: I64,
    tables: F32,
    threshold: F32,
    norms: F64,
    penalty: float,
    max_rounds: int,
) -> tuple[I64, I64, F32, int]:
    n_templates, n_samples = scores.shape
    reach = tables.shape[1] // 2
    n_tiles = (n_samples + TILE - 1) // TILE
    dirty = np.ones((n_templates, n_tiles), np.bool_)
    cand_t, cand_k = np.empty(0, np.int64), np.empty(0, np.int64)
    out_t, out_k, out_v = (
        [np.int64(0) for _ in range(0)],
        [np.int64(0) for _ in range(0)],
        [np.float32(0) for _ in range(0)],
    )
    n_left = 0
    for round_ in range(max_rounds + 1):
        cand_t, cand_k = _candidates(scores, threshold, dirty, cand_t, cand_k)
        if cand_t.size == 0:
            break
        if round_ == max_rounds:
            n_left = cand_t.size
            break
        gain = np.empty(cand_t.size)
        for c in range(cand_t.size):
            gain[c] = _gain(scores[cand_k[c], cand_t[c]], norms[cand_k[c]], penalty)
        accepted = _independent(gain, cand_t, cand_k, offsets, neighbours, reach)
        dirty[:] = False
        for i in np.flatnonzero(accepted):
            t, k = cand_t[i], cand_k[i]
            value = np.float32((scores[k, t] + penalty * norms[k]) / (1.0 + penalty))
            out_t.append(t)
            out_k.append(k)
            out_v.append(value)
            _subtract(scores, dirty, offsets, neighbours, tables, k, t, value)
    return _in_order(out_t, out_k, out_v, n_templates, n_left)


@nb.njit(cache=True, nogil=True)
def _gain(score: np.float32, norm: np.float64, penalty: float) -> float:
    with_prior = np.float64(score) + penalty * norm
    return with_prior * with_prior / (1.0 + penalty) - penalty * norm * norm


@nb.njit(cache=True, nogil=True)
def _candidates(scores: F32, threshold: F32, dirty: Bool, old_t: I64, old_k: I64) -> tuple[I64, I64]:
    """Maxima in time above the threshold, ordered by time: old ones outside dirty tiles, new ones inside."""
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
def _independent(gain: F64, cand_t: I64, cand_k: I64, offsets: I64, neighbours: I64, reach: int) -> Bool:
    """Which candidates no overlapping candidate within reach exceeds; of equal ones the first in order wins."""
    n = cand_t.size
    keep = np.ones(n, np.bool_)
    for i in range(n):
        value = gain[i]
        mine = neighbours[offsets[cand_k[i]] : offsets[cand_k[i] + 1]]
        j = i - 1
        while keep[i] and j >= 0 and cand_t[i] - cand_t[j] <= reach:
            if gain[j] >= value and _holds(mine, cand_k[j]):
                keep[i] = False
            j -= 1
        j = i + 1
        while keep[i] and j < n and cand_t[j] - cand_t[i] <= reach:
            if gain[j] > value and _holds(mine, cand_k[j]):
                keep[i] = False
            j += 1
    return keep


@nb.njit(cache=True, nogil=True)
def _holds(ascending: I64, value: np.int64) -> np.bool_:
    i = np.searchsorted(ascending, value)
    return i < ascending.size and ascending[i] == value


@nb.njit(cache=True, nogil=True)
def _subtract(
    scores: F32,
    dirty: Bool,
    offsets: I64,
    neighbours: I64,
    tables: F32,
    k: np.int64,
    t: np.int64,
    value: np.float32,
) -> None:
    n_samples = scores.shape[1]
    reach = tables.shape[1] // 2
    low, high = max(0, t - reach), min(n_samples, t + reach + 1)
    shift = reach - t
    for q in range(offsets[k], offsets[k + 1]):
        row = scores[neighbours[q]]
        table = tables[q]
        for s in range(low, high):
            row[s] -= value * table[s + shift]
        # A maximum just outside the stretch can appear or vanish because its neighbour changed.
        for tile in range(max(0, low - 1) // TILE, min(n_samples - 1, high) // TILE + 1):
            dirty[neighbours[q], tile] = True


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


@nb.njit(cache=True, nogil=True)
def subtract_from_projections(
    projections: F32, sample: I64, template: I64, value: F32, contacts: I64, weights: F32, component_lags: F32
) -> None:
    """In place: remove every matched spike from the projections.

    component_lags  (n_components, n_components, 2 reach + 1) float32: [q, p, reach + s] = sum_j w_p(j) w_q(j + s)
    value           (n_spikes,) float32 scores of unit-norm templates; the others as in `template_scores`
    """
    n_components, n_samples = projections.shape[1:]
    n_lags = component_lags.shape[2]
    width = -(-n_lags // LANES) * LANES
    lags = np.zeros((n_components, n_components, width), np.float32)
    lags[:, :, :n_lags] = component_lags
    change = np.empty(width, np.float32)
    for i in range(sample.size):
        k, start = template[i], sample[i] - n_lags // 2
        inside = start >= 0 and start + width <= n_samples
        for c in range(contacts.shape[1]):
            if contacts[k, c] < 0:
                continue
            for p in range(n_components):
                row = (contacts[k, c] * n_components + p) * n_samples + start
                for s in range(0, width, LANES):
                    total = splat(np.float32(0.0))
                    for q in range(n_components):
                        lag = load(lags, (q * n_components + p) * width + s)
                        total = times_plus(splat(value[i] * weights[k, c, q]), lag, total)
                    if inside:
                        store(projections, row + s, minus(load(projections, row + s), total))
                    else:
                        store(change, s, total)
                if not inside:
                    for s in range(max(0, -start), min(n_lags, n_samples - start)):
                        projections[contacts[k, c], p, start + s] -= change[s]
