"""Slow and obvious matching pursuit, which judges the kernel `pursue`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def pursue(scores, pairs, worth, bounds, visible):
    """Sequential greedy pursuit: of all maxima in time above worth.least take the one with the largest gain (ties:
    earlier, then lower template), subtract, repeat. Where none is left: `exchange`, then on, three times at most.

    Maxima of templates that are partly hidden must gain more than 0 instead. One spike a round, so there is no
    max_rounds; the first and the last sample cannot be peaks. Changes `scores`.
    """
    n_templates, n_samples = scores.shape
    visible = SimpleNamespace(**visible._asdict(), parts={})
    norms, precision, cost = (x.astype(np.float64)[:, None] for x in worth[1:])
    seen = visible.norms if visible.norms.size else np.ones(scores.shape)
    norms, part = (norms * seen)[:, 1:-1], seen[:, 1:-1] < 1
    found, n_exchanges = [], 0
    while n_templates and n_samples > 2:
        inner = scores[:, 1:-1].astype(np.float64)
        amplitude = np.maximum((inner * norms + precision) / (norms**2 + precision), bounds.low)
        gain = 2 * amplitude * (inner * norms + precision) - amplitude**2 * (norms**2 + precision) - precision - cost
        enough = np.where(part, (gain > 0) & (inner > 0), inner > worth.least[:, None])
        peak = enough & (inner > scores[:, :-2]) & (inner >= scores[:, 2:])
        if not peak.any():
            if (
                bounds.near_samples == 0
                or n_exchanges == 3
                or not exchange(scores, pairs, worth, visible, bounds, found)
            ):
                break
            n_exchanges += 1
            continue
        largest = gain[peak].max()
        t, k = min((int(t) + 1, int(k)) for k, t in np.argwhere(peak & (gain == largest)))
        found.append((t, k, amplitude[k, t - 1]))
        add_to_scores(scores, pairs, worth, visible, [found[-1]], -1)
    found.sort(key=lambda spike: spike[:2])
    sample, template = (np.array([row[i] for row in found], np.int64) for i in (0, 1))
    return sample, template, np.array([a for _, _, a in found], np.float32)


def add_to_scores(scores, pairs, worth, visible, spikes, sign):
    """Put spikes (t, k, a) back into the scores, or subtract them (sign -1)."""
    n_samples, reach = scores.shape[1], pairs.tables.shape[1] // 2
    for t, k, a in spikes:
        for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
            j, lags = pairs.neighbours[q], [0, 2 * reach + 1] if visible.norms.size else pairs.lags[q]
            low, high = max(0, t - reach + lags[0]), min(n_samples, t - reach + lags[1])
            row = pairs.tables[q, low - t + reach : high - t + reach].astype(np.float64)
            if visible.norms.size:
                row = np.array([correlation(pairs, visible, k, t, j, s - t) for s in range(low, high)])
            scores[j, low:high] += sign * a * norm_at(worth, visible, k, t) * row


def norm_at(worth, visible, k, t):
    """Norm of what is visible of template k at t."""
    return float(worth.norms[k]) * (float(visible.norms[k, t]) if visible.norms.size else 1.0)


def correlation(pairs, visible, k, t, j, lag):
    """Correlation of what is visible of template j, lag samples later, and of template k at t."""
    reach, first = pairs.tables.shape[1] // 2, pairs.offsets[k]
    neighbours = pairs.neighbours[first : pairs.offsets[k + 1]].tolist()
    if j not in neighbours or abs(lag) > reach:
        return 0
    if not visible.norms.size:
        return float(pairs.tables[first + neighbours.index(j), reach + lag])
    both = float(visible.norms[k, t]) * float(visible.norms[j, t + lag])
    one, other = _part(visible, k, t), _part(visible, j, t + lag)
    one, other = (one[:, lag:], other[:, : one.shape[1] - lag]) if lag >= 0 else (one[:, :lag], other[:, -lag:])
    return (one * other).sum() / both if both else 0


def _part(visible, k, t):
    """What is visible of template k at t, (n_contacts, n_window). Remembered, for the sake of time."""
    if (k, t) not in visible.parts:
        n_window, n_samples = visible.components.shape[1], visible.blanked.shape[1]
        whole = np.zeros((len(visible.blanked), n_window))
        rows = visible.contacts[k] >= 0
        whole[visible.contacts[k][rows]] = visible.weights[k][rows].astype(np.float64) @ visible.components
        at = t - visible.peak_index + np.arange(n_window)
        seen = (at < 0) | (at >= n_samples) | ~visible.blanked[:, np.clip(at, 0, n_samples - 1)]
        visible.parts[k, t] = np.where(seen, whole, 0.0)
    return visible.parts[k, t]


def gain(scores, pairs, worth, visible, where, amplitude=None, low=0.0):
    """Gain of spikes at `where`, a list of (t, k), and their amplitudes; the best amplitudes unless they are given."""
    k = np.array([k for _, k in where])
    d = np.array([norm_at(worth, visible, k, t) for t, k in where])
    w = worth.precision[k].astype(np.float64)
    v = np.array([scores[k, t] for t, k in where]) * d + w
    g = [[correlation(pairs, visible, k, t, j, s - t) for s, j in where] for t, k in where]
    matrix = np.diag(w) + np.outer(d, d) * g
    if amplitude is None:
        amplitude = np.linalg.solve(matrix, v)
        amplitude = np.maximum(amplitude, low) if len(where) == 1 else amplitude
    return 2 * v @ amplitude - amplitude @ matrix @ amplitude - (w + worth.cost[k]).sum(), amplitude


def exchange(scores, pairs, worth, visible, bounds, found):
    """Replace spikes of the list `found` where one or two others are likelier; returns whether any was.

    In order of time, each spike alone and with each later one that correlates with it by more than 0.3. A spike around
    which nothing is left that is like it is not examined.
    """
    near, n_moves = bounds.near_samples, 0
    in_order = [list(spike) for spike in sorted(found)]
    n = len(in_order)
    for i in range(n):
        if in_order[i] is None or _explained(scores, pairs, visible, near, *in_order[i][:2]):
            continue
        for p in [None, *range(i + 1, n)]:
            mine = [in_order[i]] + ([in_order[p]] if p is not None else [])
            if None in mine or (p is not None and not _alike(pairs, visible, near, *mine)):
                continue
            add_to_scores(scores, pairs, worth, visible, mine, 1)
            now, _ = gain(scores, pairs, worth, visible, [s[:2] for s in mine], np.array([s[2] for s in mine]))
            best, spikes = _best_explanation(scores, pairs, worth, visible, bounds, mine)
            if best > now + 1:
                n_moves += 1
                in_order[i], mine = spikes[0], spikes
                if p is not None:
                    in_order[p] = spikes[1] if len(spikes) == 2 else None
                elif len(spikes) == 2:
                    in_order.append(spikes[1])
            add_to_scores(scores, pairs, worth, visible, mine, -1)
    found[:] = [tuple(spike) for spike in in_order if spike is not None]
    return n_moves > 0


def _alike(pairs, visible, near, one, other):
    lag = other[0] - one[0]
    return abs(lag) <= near and abs(correlation(pairs, visible, one[1], one[0], other[1], lag)) > 0.3


def _places(scores, pairs, near, k, centre):
    """(t, j) of all templates that overlap with k, near a sample."""
    times = range(max(1, centre - near), min(scores.shape[1] - 2, centre + near) + 1)
    return [(t, int(j)) for j in pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]] for t in times]


def _explained(scores, pairs, visible, near, t, k):
    likeness = [
        (scores[j, s], correlation(pairs, visible, k, t, j, s - t)) for s, j in _places(scores, pairs, near, k, t)
    ]
    return all(abs(g) <= 0.3 or r * r <= 9 * (1.05 - g * g) for r, g in likeness)


def _best_explanation(scores, pairs, worth, visible, bounds, mine):
    """The largest gain of one or two spikes near the first of `mine`, and these spikes as lists (t, k, a)."""
    (t, k), near = mine[0][:2], bounds.near_samples
    single = {}
    for s, j in _places(scores, pairs, near, k, t):
        if j not in single or scores[j, s] > scores[j, single[j][0]]:
            single[j] = (s, j)
    rated = [(*gain(scores, pairs, worth, visible, [place], low=bounds.low), place) for place in single.values()]
    rated = sorted(rated, key=lambda row: -row[0])[:3]
    best, spikes = rated[0][0], [[*rated[0][2], rated[0][1][0]]]
    starts = [place for rise, _, place in rated if rise > 0] + [tuple(s[:2]) for s in mine if len(mine) == 2]
    for start in starts:
        found, pair = _climb(scores, pairs, worth, visible, bounds, start, t)
        if found > best:
            best, spikes = found, pair
    return best, spikes


def _climb(scores, pairs, worth, visible, bounds, start, centre):
    best, spikes = -np.inf, []
    while True:
        t, k = start
        options = []
        for s, j in _places(scores, pairs, bounds.near_samples, k, centre):
            if j != k and abs(s - t) <= pairs.tables.shape[1] // 2:
                rise, a = gain(scores, pairs, worth, visible, [(t, k), (s, j)])
                options.append((rise if a.min() >= bounds.low else -np.inf, (s, j), a))
        rise, other, a = max(options, key=lambda row: row[0], default=(-np.inf, None, None))
        if not rise > best:
            return best, spikes
        best, spikes, start = rise, [[t, k, a[0]], [*other, a[1]]], other
