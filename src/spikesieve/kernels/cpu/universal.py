"""Scores universal templates (shape x position x size) on a stretch and picks the local maxima in space and time."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.project import six_components
from spikesieve.kernels.cpu.vector import (
    LANES,
    any_above,
    compiled,
    load,
    magnitude,
    plus,
    splat,
    store,
    times,
    times_plus,
    where_above,
)

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# The gates stand this much below the threshold, so that the rounding of a bound loses nothing.
SLACK = 1e-5
# Frames of 16 samples that are projected before they are scored: what belongs to them stays in the cache.
FRAMES = 8


@compiled
def universal_scores(
    traces: F32, shapes: F32, peak_index: int, first: int, near: I64, weights: F32, threshold: float, out: F32
) -> None:
    """The best universal template at every centre and sample from `first` on, over sizes k and shapes j.

    With projections[c, j, t] = sum_s shapes[j, s] traces[c, t - peak_index + s], which are never held of a whole block:
    out[u, t] = the sum_i weights[u, k, i] projections[near[u, i], j, first + t] with the largest magnitude, 0 where
    that is not above the threshold or a window leaves the traces. What cannot be is not computed, by two bounds that
    lose nothing. With M(c) the largest |projection| of channel c over shapes, |score|^2 <= sum_i M(near_i)^2
    (Cauchy-Schwarz, weights of unit norm), and for each size |score| <= sum_i |weights_i| M(near_i).

    traces   (n_channels, n_samples) float32, time contiguous
    shapes   (n_shapes, n_window) float32, n_shapes a multiple of 6
    near     (n_centres, n_near) int64, -1 = no channel
    weights  (n_centres, n_sizes, n_near) float32, unit norm along the last axis
    out      (n_centres, n_out) float32, signed
    """
    n_channels, n_samples = traces.shape
    n_window = shapes.shape[1]
    on_shapes = np.zeros((FRAMES, n_channels + 1, shapes.shape[0], LANES), np.float32)
    largest = np.zeros((2, n_channels + 1, LANES), np.float32)
    # One row more, of zeros, is the channel of a place without one.
    place = np.where(near < 0, n_channels, near)
    tail = np.zeros((n_channels, LANES + n_window - 1), np.float32)
    out[:] = 0.0
    t = max(0, peak_index - first)
    stop = min(out.shape[1], n_samples - n_window + 1 + peak_index - first)
    while t < stop:
        begin = first + t - peak_index
        n, n_frames = LANES, min(FRAMES, (stop - t) // LANES)
        if n_frames > 0:
            _project_frames(traces, begin, n_frames, shapes, on_shapes)
        else:
            n, n_frames = stop - t, 1
            tail[:, : n + n_window - 1] = traces[:, begin : begin + n + n_window - 1]
            _project_frames(tail, 0, 1, shapes, on_shapes)
        for f in range(n_frames):
            _largest(on_shapes[f], largest)
            _score_frame(on_shapes[f], largest, place, weights, np.float32(threshold), out, t, n)
            t += n


@compiled
def _project_frames(traces: F32, begin: int, n_frames: int, shapes: F32, on_shapes: F32) -> None:
    """on_shapes[f, c, j]: the 16 samples of frame f, whose windows begin at sample begin + 16 f."""
    n_shapes, rows = shapes.shape[0], on_shapes.shape[1]
    for c in range(traces.shape[0]):
        for j in range(0, n_shapes, 6):
            at, apart = (c * n_shapes + j) * LANES, rows * n_shapes * LANES
            six_components(traces, c * traces.shape[1] + begin, n_frames, shapes, j, on_shapes, at, LANES, apart)


@compiled
def _largest(on_shapes: F32, largest: F32) -> None:
    """largest[0, c] = max_j |on_shapes[c, j]|, and largest[1, c] its square."""
    rows, n_shapes = on_shapes.shape[:2]
    for c in range(rows):
        top = splat(np.float32(0.0))
        for j in range(n_shapes):
            size = magnitude(load(on_shapes, (c * n_shapes + j) * LANES))
            top = where_above(size, top, size, top)
        store(largest, c * LANES, top)
        store(largest, (rows + c) * LANES, times(top, top))


@compiled
def _score_frame(
    on_shapes: F32, largest: F32, place: I64, weights: F32, threshold: np.float32, out: F32, t: int, n: int
) -> None:
    """out[:, t : t + n] from the projections of these samples."""
    n_near, rows, n_shapes = place.shape[1], largest.shape[1], on_shapes.shape[1]
    zero = splat(np.float32(0.0))
    limit = splat(threshold * np.float32(1.0 - SLACK))
    square = times(limit, limit)
    found = np.empty(LANES, np.float32)
    for u in range(place.shape[0]):
        energy = zero
        for i in range(n_near):
            energy = plus(energy, load(largest, (rows + place[u, i]) * LANES))
        if not any_above(energy, square):
            continue
        best = zero
        for k in range(weights.shape[1]):
            bound = zero
            for i in range(n_near):
                bound = times_plus(splat(abs(weights[u, k, i])), load(largest, place[u, i] * LANES), bound)
            if any_above(bound, limit):
                for j in range(n_shapes):
                    value = zero
                    for i in range(n_near):
                        on_shape = load(on_shapes, (place[u, i] * n_shapes + j) * LANES)
                        value = times_plus(splat(weights[u, k, i]), on_shape, value)
                    best = where_above(magnitude(value), magnitude(best), value, best)
        above = where_above(magnitude(best), splat(threshold), best, zero)
        if any_above(magnitude(above), zero):
            store(found, 0, above)
            out[u, t : t + n] = found[:n]


@compiled
def pick(scores: F32, neighbours: I64, half_window: int, first: int, last: int) -> tuple[I64, I64, F32]:
    """Entries whose magnitude is not exceeded within +-half_window samples on any neighbouring centre.

    scores      (n_centres, n_samples) float32, 0 where nothing was found
    neighbours  (n_centres, n_neighbours) int64, -1 = none; a centre may list itself
    first,last  only samples first <= t < last are returned
    Of equal magnitudes the earlier one wins, then the lower centre.
    Returns (sample int64, centre int64, value float32), ordered by sample, then centre.
    """
    n_centres, n_samples = scores.shape
    zero = splat(np.float32(0.0))
    keys = [np.int64(0) for _ in range(0)]
    for u in range(n_centres):
        row = scores[u]
        for start in range(first, last, LANES):
            stop = min(start + LANES, last)
            if start + LANES <= n_samples and not any_above(magnitude(load(scores, u * n_samples + start)), zero):
                continue
            for t in range(start, stop):
                if row[t] != 0.0 and _is_largest(scores, neighbours, half_window, u, t):
                    keys.append(t * n_centres + u)
    n = len(keys)
    ordered = np.empty(n, np.int64)
    for i in range(n):
        ordered[i] = keys[i]
    ordered.sort()
    samples, centres, values = ordered // n_centres, ordered % n_centres, np.empty(n, np.float32)
    for i in range(n):
        values[i] = scores[centres[i], samples[i]]
    return samples, centres, values


@compiled
def _is_largest(scores: F32, neighbours: I64, half_window: int, u: int, t: int) -> bool:
    value = abs(scores[u, t])
    low, high = max(0, t - half_window), min(scores.shape[1], t + half_window + 1)
    # The samples beside it first, then its own centre: most fall there.
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
