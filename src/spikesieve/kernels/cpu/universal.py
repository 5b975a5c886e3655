"""Detect spikes: scores of universal templates (shape x position x size), and their maxima in space and time."""

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

# Bounds are compared with a threshold lowered by this share, so that their rounding loses no spike.
SLACK = 1e-5
# Frames of 16 samples that are projected before they are scored: their projections stay in the cache.
FRAMES = 8


@compiled
def universal_scores(
    traces: F32, shapes: F32, peak_index: int, first: int, near: I64, weights: F32, threshold: float, out: F32
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
    With projections[c, j, t] = sum_s shapes[j, s] traces[c, t - peak_index + s], out[u, t] is the value of largest
    magnitude, over sizes k and shapes j, of sum_i weights[u, k, i] projections[near[u, i], j, first + t].

    Two bounds skip what cannot reach the threshold. With M(c) the largest |projection| of channel c over shapes,
    |score|^2 <= sum_i M(near_i)^2 (Cauchy-Schwarz), and for each size |score| <= sum_i |weights_i| M(near_i).
    Projections are kept for a few samples only, never for the whole block.
    """
    n_channels, n_samples = traces.shape
    n_window = shapes.shape[1]
    on_shapes = np.zeros((FRAMES, n_channels + 1, shapes.shape[0], LANES), np.float32)
    largest = np.zeros((2, n_channels + 1, LANES), np.float32)
    # An extra row of zeros stands for the missing channels.
    rows = np.where(near < 0, n_channels, near)
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
            _score_frame(on_shapes[f], largest, rows, weights, np.float32(threshold), out, t, n)
            t += n


@compiled
def _project_frames(traces: F32, begin: int, n_frames: int, shapes: F32, on_shapes: F32) -> None:
    """Write frame f, whose windows begin at samples begin + 16 f, to on_shapes[f, c, j]."""
    n_shapes, rows = shapes.shape[0], on_shapes.shape[1]
    for c in range(traces.shape[0]):
        for j in range(0, n_shapes, 6):
            at, apart = (c * n_shapes + j) * LANES, rows * n_shapes * LANES
            six_components(traces, c * traces.shape[1] + begin, n_frames, shapes, j, on_shapes, at, LANES, apart)


@compiled
def _largest(on_shapes: F32, largest: F32) -> None:
    """Set largest[0, c] to max_j |on_shapes[c, j]|, and largest[1, c] to its square."""
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
    """Write the scores of n samples from `t` on."""
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
