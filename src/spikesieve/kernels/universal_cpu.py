"""Scores universal templates (shape x position x size) on a block and picks the local maxima in space and time."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# The gate is looked up over tiles, the templates evaluated over pieces of a tile.
TILE = 64
PIECE = 8


@nb.njit(cache=True, nogil=True, fastmath=True)
def score(projections: F32, near: I64, weights: F32, threshold: float, out: F32) -> None:
    """The best universal template at every centre and sample, over sizes k and shapes j.

    out[u, t] = the sum_i weights[u, k, i] projections[near[u, i], j, t] with the largest magnitude.
    Tiles in which no value can exceed the threshold are left at 0: by Cauchy-Schwarz, with unit-norm weights,
    |score|^2 <= sum_i max_j projections[near_i, j, t]^2, so the gate loses nothing.

    projections  (n_channels, n_shapes, n_samples) float32
    near         (n_centres, n_near) int64, -1 = no channel
    weights      (n_centres, n_sizes, n_near) float32, unit norm along the last axis
    out          (n_centres, n_samples) float32, signed; 0 where not above the threshold
    """
    n_samples = projections.shape[2]
    n_centres, _, n_near = weights.shape
    energy = _largest_square(projections)
    limit = np.float32(threshold * threshold)
    total = np.empty(TILE, np.float32)
    work = np.empty((2, PIECE), np.float32)
    for u in range(n_centres):
        for start in range(0, n_samples, TILE):
            width = min(TILE, n_samples - start)
            total[:] = 0.0
            for i in range(n_near):
                c = near[u, i]
                if c >= 0:
                    for t in range(width):
                        total[t] += energy[c, start + t]
            for first in range(0, width, PIECE):
                last = min(first + PIECE, width)
                top = np.float32(0.0)
                for t in range(first, last):
                    top = max(top, total[t])
                if top <= limit:
                    out[u, start + first : start + last] = 0.0
                else:
                    _evaluate(projections, near, weights, u, start + first, last - first, threshold, work, out)


@nb.njit(cache=True, nogil=True, fastmath=True)
def _largest_square(projections: F32) -> F32:
    n_channels, n_shapes, n_samples = projections.shape
    energy = np.zeros((n_channels, n_samples), np.float32)
    for c in range(n_channels):
        for j in range(n_shapes):
            for t in range(n_samples):
                square = projections[c, j, t] * projections[c, j, t]
                energy[c, t] = max(energy[c, t], square)
    return energy


@nb.njit(cache=True, nogil=True, fastmath=True)
def _evaluate(
    projections: F32,
    near: I64,
    weights: F32,
    u: int,
    start: int,
    width: int,
    threshold: float,
    work: F32,
    out: F32,
) -> None:
    n_sizes, n_near = weights.shape[1], weights.shape[2]
    total, best = work[0], work[1]
    best[:] = 0.0
    for j in range(projections.shape[1]):
        for k in range(n_sizes):
            total[:] = 0.0
            for i in range(n_near):
                c = near[u, i]
                if c >= 0:
                    w = weights[u, k, i]
                    for t in range(width):
                        total[t] += w * projections[c, j, start + t]
            for t in range(width):
                if abs(total[t]) > abs(best[t]):
                    best[t] = total[t]
    for t in range(width):
        out[u, start + t] = best[t] if abs(best[t]) > threshold else np.float32(0.0)


@nb.njit(cache=True, nogil=True)
def pick(scores: F32, neighbours: I64, half_window: int, first: int, last: int) -> tuple[I64, I64, F32]:
    """Entries whose magnitude is not exceeded within +-half_window samples on any neighbouring centre.

    scores      (n_centres, n_samples) float32, 0 where nothing was found
    neighbours  (n_centres, n_neighbours) int64, -1 = none; a centre may list itself
    first,last  only samples first <= t < last are returned
    Of equal magnitudes the earlier one wins, then the lower centre.
    Returns (sample int64, centre int64, value float32), ordered by sample, then centre.
    """
    n_centres = scores.shape[0]
    keys = [np.int64(0) for _ in range(0)]
    for u in range(n_centres):
        for t in range(first, last):
            if scores[u, t] != 0.0 and _is_largest(scores, neighbours[u], half_window, u, t):
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


@nb.njit(cache=True, nogil=True)
def _is_largest(scores: F32, neighbours: I64, half_window: int, u: int, t: int) -> bool:
    value = abs(scores[u, t])
    low, high = max(0, t - half_window), min(scores.shape[1], t + half_window + 1)
    # Its own centre first: most candidates fall there.
    if _exceeded(scores[u], value, low, high, t, False):
        return False
    for v in neighbours:
        if v < 0 or v == u:
            continue
        if _exceeded(scores[v], value, low, high, t, v < u):
            return False
    return True


@nb.njit(cache=True, nogil=True)
def _exceeded(row: F32, value: np.float32, low: int, high: int, t: int, wins_tie_now: bool) -> bool:
    for s in range(low, high):
        other = abs(row[s])
        if other > value or (other == value and (s < t or (s == t and wins_tie_now))):
            return True
    return False
