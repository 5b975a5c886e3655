"""Matching pursuit on template scores: many spikes a round, each far enough from the others not to touch them."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

TILE = 64


@nb.njit(cache=True, nogil=True, fastmath=True)
def template_scores(projections: F32, contacts: I64, weights: F32, out: F32) -> None:
    """out[k, t] = sum_cp weights[k, c, p] projections[contacts[k, c], p, t] over contacts c and components p.

    projections  (n_contacts, n_components, n_samples) float32
    contacts     (n_templates, n_near) int64, -1 = unused
    weights      (n_templates, n_near, n_components) float32, n_components a multiple of 6
    out          (n_templates, n_samples) float32
    """
    n_samples = projections.shape[2]
    n_templates, n_near, n_components = weights.shape
    for start in range(0, n_samples, 512):
        stop = min(n_samples, start + 512)
        for k in range(n_templates):
            total = out[k, start:stop]
            total[:] = 0.0
            for c in range(n_near):
                if contacts[k, c] < 0:
                    continue
                for p in range(0, n_components, 6):
                    w = weights[k, c, p : p + 6]
                    rows = projections[contacts[k, c], p : p + 6, start:stop]
                    r0, r1, r2, r3, r4, r5 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
                    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
                    for t in range(stop - start):
                        total[t] += (w0 * r0[t] + w1 * r1[t] + w2 * r2[t]) + (w3 * r3[t] + w4 * r4[t] + w5 * r5[t])


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
        accepted = _independent(scores, cand_t, cand_k, offsets, neighbours, reach)
        dirty[:] = False
        for i in np.flatnonzero(accepted):
            t, k = cand_t[i], cand_k[i]
            value = scores[k, t]
            out_t.append(t)
            out_k.append(k)
            out_v.append(value)
            _subtract(scores, dirty, offsets, neighbours, tables, k, t, value)
    return _in_order(out_t, out_k, out_v, n_templates, n_left)


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
def _independent(scores: F32, cand_t: I64, cand_k: I64, offsets: I64, neighbours: I64, reach: int) -> Bool:
    """Which candidates no overlapping candidate within reach exceeds; of equal ones the first in order wins."""
    n = cand_t.size
    keep = np.ones(n, np.bool_)
    for i in range(n):
        value = scores[cand_k[i], cand_t[i]]
        mine = neighbours[offsets[cand_k[i]] : offsets[cand_k[i] + 1]]
        j = i - 1
        while keep[i] and j >= 0 and cand_t[i] - cand_t[j] <= reach:
            if scores[cand_k[j], cand_t[j]] >= value and _holds(mine, cand_k[j]):
                keep[i] = False
            j -= 1
        j = i + 1
        while keep[i] and j < n and cand_t[j] - cand_t[i] <= reach:
            if scores[cand_k[j], cand_t[j]] > value and _holds(mine, cand_k[j]):
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
    order = np.argsort(key)
    sample, template, value = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.float32)
    for i in range(n):
        sample[i], template[i], value[i] = out_t[order[i]], out_k[order[i]], out_v[order[i]]
    return sample, template, value, n_left


@nb.njit(cache=True, nogil=True, fastmath=True)
def subtract_from_projections(
    projections: F32, sample: I64, template: I64, value: F32, contacts: I64, weights: F32, component_lags: F32
) -> None:
    """In place: remove every matched spike from the projections.

    component_lags  (n_components, n_components, 2 reach + 1) float32: [q, p, reach + s] = sum_j w_p(j) w_q(j + s)
    value           (n_spikes,) float32 scores of unit-norm templates; the others as in `template_scores`
    """
    n_samples = projections.shape[2]
    n_components = weights.shape[2]
    reach = component_lags.shape[2] // 2
    for i in range(sample.size):
        k, t = template[i], sample[i]
        low, high = max(0, t - reach), min(n_samples, t + reach + 1)
        for c in range(contacts.shape[1]):
            if contacts[k, c] < 0:
                continue
            for p in range(n_components):
                row = projections[contacts[k, c], p]
                for q in range(n_components):
                    w = value[i] * weights[k, c, q]
                    lags = component_lags[q, p]
                    for s in range(low, high):
                        row[s] -= w * lags[s - t + reach]
