"""Detect spikes: scores of universal templates (shape x position x size), and their maxima in space and time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.project import SPAN, project_span, span_phases
from spikesieve.kernels.cpu.put import put
from spikesieve.kernels.cpu.vector import (
    LANES,
    any_above,
    compiled,
    inlined,
    load,
    magnitude,
    merged,
    plus,
    splat,
    store,
    times,
    times_plus,
    where_above,
)

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Bounds are compared with a threshold lowered by this share, so that their rounding loses no spike.
SLACK = 1e-5
# Sizes, and shapes, whose sums are kept in registers at once; each projection is loaded once for all of them.
SIZES_AT_ONCE, SHAPES_AT_ONCE = 5, 6


@compiled
def universal_scores(
    traces: F32,
    shapes: F32,
    peak_index: int,
    first: int,
    near: I64,
    weights: F32,
    threshold: float,
    out: F32,
) -> None:
    """Score the best universal template at every centre and sample from `first` on.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous.
    shapes : ndarray of float32, shape (n_shapes, n_window)
        Temporal shapes; n_shapes is a multiple of 6.
    peak_index : int
        Sample of the shapes at which the spike's time lies.
    first : int
        Sample of the first score.
    near : ndarray of int64, shape (n_centres, n_near)
        Channels around each centre; -1: none.
    weights : ndarray of float32, shape (n_centres, n_sizes, n_near)
        Of unit norm along the last axis.
    threshold : float
        Smaller scores are set to 0.
    out : ndarray of float32, shape (n_centres, n_out)
        Signed scores; 0 where a window leaves the traces.

    Notes
    -----
    With projections[c, j, t] = sum_s shapes[j, s] traces[c, t - peak_index + s], out[u, n] is the value of largest
    magnitude, over sizes k and shapes j, of sum_i weights[u, k, i] projections[near[u, i], j, first + n].

    Two bounds skip what cannot reach the threshold. With M(c) the largest |projection| of channel c over shapes,
    |score|^2 <= sum_i M(near_i)^2 (Cauchy-Schwarz), and for each size |score| <= sum_i |weights_i| M(near_i).
    Projections are kept for a few samples only, never for the whole block.
    """
    n_channels, n_samples = traces.shape
    n_shapes, n_window = shapes.shape
    # A further row of zeros stands for the missing channels.
    on_shapes = np.zeros((n_channels + 1, n_shapes, SPAN), np.float32)
    largest = np.zeros((2, n_channels + 1, SPAN), np.float32)
    rows, by_contact = _rows_of(near, n_channels), _by_contact(weights)
    space, space_of_one = span_phases(n_window, 1), np.empty(SPAN + SIZES_AT_ONCE * LANES, np.float32)
    out[:] = 0.0
    start, stop = max(0, peak_index - first), min(out.shape[1], n_samples - n_window + peak_index - first + 1)
    for n in range(start, stop, SPAN):
        project_span(traces, first + n - peak_index, 1, shapes, space, on_shapes)
        _largest(on_shapes, largest)
        length = min(SPAN, stop - n)
        for u in range(len(rows)):
            _score_centre(on_shapes, largest, rows, by_contact, u, np.float32(threshold), space_of_one, out, n, length)


@merged
def _rows_of(near: I64, missing: int) -> I64:
    """Return the channels, with the row `missing` for those that are."""
    rows = np.empty(near.shape, np.int64)
    for u in range(near.shape[0]):
        for i in range(near.shape[1]):
            rows[u, i] = near[u, i] if near[u, i] >= 0 else missing
    return rows


@merged
def _by_contact(weights: F32) -> F32:
    """Weights with sizes last, padded with zeros to a multiple of `SIZES_AT_ONCE`: (n_centres, n_near, n)."""
    n_centres, n_sizes, n_near = weights.shape
    out = np.zeros((n_centres, n_near, n_sizes + -n_sizes % SIZES_AT_ONCE), np.float32)
    for u in range(n_centres):
        for k in range(n_sizes):
            put(weights[u, k], out[u, :, k])
    return out


@compiled
def _largest(on_shapes: F32, largest: F32) -> None:
    """Set largest[0, c] to max_j |on_shapes[c, j]|, and largest[1, c] to its square."""
    rows, n_shapes = on_shapes.shape[:2]
    for c in range(rows):
        for at in range(0, SPAN, LANES):
            top = splat(np.float32(0.0))
            for j in range(n_shapes):
                size = magnitude(load(on_shapes, (c * n_shapes + j) * SPAN + at))
                top = where_above(size, top, size, top)
            store(largest, c * SPAN + at, top)
            store(largest, (rows + c) * SPAN + at, times(top, top))


@inlined
def _score_centre(
    on_shapes: F32,
    largest: F32,
    place: I64,
    weights: F32,
    u: int,
    threshold: np.float32,
    space: F32,
    out: F32,
    n: int,
    length: int,
) -> None:
    """Write the scores of centre u on the first `length` projections to out[u, n : n + length]."""
    zero, limit = splat(np.float32(0.0)), splat(threshold * np.float32(1.0 - SLACK))
    square = times(limit, limit)
    _energy(largest, place, u, space)
    for at in range(0, length, LANES):
        if not any_above(load(space, at), square):
            continue
        best = zero
        for k in range(weights.shape[2]):
            if k % SIZES_AT_ONCE == 0:
                _bounds(largest, place, weights, u, k, at, space)
            if any_above(load(space, SPAN + k % SIZES_AT_ONCE * LANES), limit):
                for j in range(0, on_shapes.shape[1], SHAPES_AT_ONCE):
                    best = _best_of_six(on_shapes, place, weights, u, k, j, at, best)
        above = where_above(magnitude(best), splat(threshold), best, zero)
        if any_above(magnitude(above), zero):
            store(space, SPAN, above)
            for i in range(min(LANES, length - at)):
                out[u, n + at + i] = space[SPAN + i]


@inlined
def _energy(largest: F32, place: I64, u: int, space: F32) -> None:
    """Set space[:SPAN] to the bound on the squared scores of centre u."""
    e0 = e1 = e2 = e3 = splat(np.float32(0.0))
    for i in range(place.shape[1]):
        row = (largest.shape[1] + place[u, i]) * SPAN
        e0 = plus(e0, load(largest, row))
        e1 = plus(e1, load(largest, row + LANES))
        e2 = plus(e2, load(largest, row + 2 * LANES))
        e3 = plus(e3, load(largest, row + 3 * LANES))
    store(space, 0, e0)
    store(space, LANES, e1)
    store(space, 2 * LANES, e2)
    store(space, 3 * LANES, e3)


@inlined
def _bounds(largest: F32, place: I64, weights: F32, u: int, k: int, at: int, space: F32) -> None:
    """Set space[SPAN:] to what templates of sizes k to k + 4 can reach at centre u on 16 projections from `at` on."""
    b0 = b1 = b2 = b3 = b4 = splat(np.float32(0.0))
    for i in range(place.shape[1]):
        x = load(largest, place[u, i] * SPAN + at)
        b0 = times_plus(splat(abs(weights[u, i, k])), x, b0)
        b1 = times_plus(splat(abs(weights[u, i, k + 1])), x, b1)
        b2 = times_plus(splat(abs(weights[u, i, k + 2])), x, b2)
        b3 = times_plus(splat(abs(weights[u, i, k + 3])), x, b3)
        b4 = times_plus(splat(abs(weights[u, i, k + 4])), x, b4)
    store(space, SPAN, b0)
    store(space, SPAN + LANES, b1)
    store(space, SPAN + 2 * LANES, b2)
    store(space, SPAN + 3 * LANES, b3)
    store(space, SPAN + 4 * LANES, b4)


@inlined
def _best_of_six(on_shapes: F32, place: I64, weights: F32, u: int, k: int, j: int, at: int, best: Any) -> Any:
    """Return the larger of `best` and the scores of shapes j to j + 5 of size k at centre u."""
    v0 = v1 = v2 = v3 = v4 = v5 = splat(np.float32(0.0))
    for i in range(place.shape[1]):
        row = (place[u, i] * on_shapes.shape[1] + j) * SPAN + at
        w = splat(weights[u, i, k])
        v0 = times_plus(w, load(on_shapes, row), v0)
        v1 = times_plus(w, load(on_shapes, row + SPAN), v1)
        v2 = times_plus(w, load(on_shapes, row + 2 * SPAN), v2)
        v3 = times_plus(w, load(on_shapes, row + 3 * SPAN), v3)
        v4 = times_plus(w, load(on_shapes, row + 4 * SPAN), v4)
        v5 = times_plus(w, load(on_shapes, row + 5 * SPAN), v5)
    best = where_above(magnitude(v0), magnitude(best), v0, best)
    best = where_above(magnitude(v1), magnitude(best), v1, best)
    best = where_above(magnitude(v2), magnitude(best), v2, best)
    best = where_above(magnitude(v3), magnitude(best), v3, best)
    best = where_above(magnitude(v4), magnitude(best), v4, best)
    return where_above(magnitude(v5), magnitude(best), v5, best)


@compiled
def pick(scores: F32, neighbours: I64, half_window: int, first: int, last: int) -> tuple[I64, I64, F32]:
    """Return the scores that no other exceeds in magnitude nearby in time and space.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_centres, n_samples)
        0 where nothing was found.
    neighbours : ndarray of int64, shape (n_centres, n_neighbours)
        Neighbours of each centre; -1: none; a centre may list itself.
    half_window : int
        Samples before and after that count as nearby.
    first, last : int
        Only samples first <= t < last are returned.

    Returns
    -------
    sample, centre : ndarray of int64, shape (n,)
        Ordered by sample, then centre. Of equal magnitudes the earlier one wins, then the lower centre.
    value : ndarray of float32, shape (n,)
        The scores.

    Examples
    --------
    >>> scores = np.zeros((2, 8), np.float32)
    >>> scores[0, 3], scores[1, 4] = -5.0, 4.0
    >>> pick(scores, np.array([[1], [0]]), 2, 0, 8)
    (array([3]), array([0]), array([-5.], dtype=float32))
    """
    n_centres, n_samples = scores.shape
    zero = splat(np.float32(0.0))
    keys = [np.int64(0) for _ in range(0)]
    # How many were found at each sample, and where the next one of each goes.
    place = np.zeros(max(0, last - first) + 1, np.int64)
    for u in range(n_centres):
        row = scores[u]
        for start in range(first, last, LANES):
            stop = min(start + LANES, last)
            if start + LANES <= n_samples and not any_above(magnitude(load(scores, u * n_samples + start)), zero):
                continue
            for t in range(start, stop):
                if row[t] != 0.0 and _is_largest(scores, neighbours, half_window, u, t):
                    keys.append(t * n_centres + u)
                    place[t - first + 1] += 1
    for t in range(1, place.size):
        place[t] += place[t - 1]
    n = len(keys)
    samples, centres, values = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.float32)
    for key in keys:
        t, u = key // n_centres, key % n_centres
        at = place[t - first]
        samples[at], centres[at], values[at] = t, u, scores[u, t]
        place[t - first] += 1
    return samples, centres, values


@compiled
def _is_largest(scores: F32, neighbours: I64, half_window: int, u: int, t: int) -> bool:
    value = abs(scores[u, t])
    low, high = max(0, t - half_window), min(scores.shape[1], t + half_window + 1)
    # The adjacent samples first, then the rest of its own centre: most candidates fail there.
    if (t > low and abs(scores[u, t - 1]) >= value) or (t + 1 < high and abs(scores[u, t + 1]) > value):
        return False
    if _exceeded(scores, u, value, low, high, t, False):
        return False
    for i in range(neighbours.shape[1]):
        v = neighbours[u, i]
        if v >= 0 and v != u and _exceeded(scores, v, value, low, high, t, v < u):
            return False
    return True


@compiled
def _exceeded(scores: F32, v: int, value: np.float32, low: int, high: int, t: int, wins_tie_now: bool) -> bool:
    for s in range(low, high):
        other = abs(scores[v, s])
        if other > value or (other == value and (s < t or (s == t and wins_tie_now))):
            return True
    return False
