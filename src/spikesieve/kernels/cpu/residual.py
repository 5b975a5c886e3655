"""Scores of the residual while spikes are subtracted and put back, and which parts of them have changed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times_plus
from spikesieve.kernels.cpu.visible import Kept, tables_at
from spikesieve.kernels.pursuit import Bounds, Overlaps, Visible, Worth

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

# Samples that are searched again together when a spike has changed one of them.
TILE = 64


class Problem(NamedTuple):
    """Scores of the residual, changed in place, and what the gain of a spike is computed from.

    `kept` holds tables of what is visible, see `visible.tables_at`.
    """

    scores: F32
    pairs: Overlaps
    worth: Worth
    bounds: Bounds
    visible: Visible
    kept: Kept


@compiled
def subtract(problem: Problem, k: int, t: int, value: np.float32) -> None:
    """Subtract a spike of template k at sample t from all scores.

    Parameters
    ----------
    problem : Problem
        Its scores are changed.
    k, t : int
        Template and sample of the spike.
    value : float32
        Its amplitude times the norm of what is visible of its template; a negative value puts it back.
    """
    scores, pairs = problem.scores, problem.pairs
    tables, first = tables_at(pairs, problem.visible, problem.kept, k, t), pairs.offsets[k]
    shift = pairs.tables.shape[1] // 2 - t
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        low, high = changed(problem, q, t)
        row, table = pairs.neighbours[q] * scores.shape[1], (q - first) * tables.shape[1] + shift
        whole = high - max(0, high - low) % LANES
        for s in range(low, whole, LANES):
            store(scores, row + s, times_plus(splat(-value), load(tables, table + s), load(scores, row + s)))
        for s in range(whole, high):
            j = pairs.neighbours[q]
            scores[j, s] = times_plus(-value, tables[q - first, s + shift], scores[j, s])


@compiled
def changed(problem: Problem, q: int, t: int) -> tuple[int, int]:
    """Find which scores of a neighbour a spike changes.

    Parameters
    ----------
    problem : Problem
        Correlations of whole templates. Where a part is hidden, all lags count.
    q : int
        Row of the spike's template and the neighbour in the list of pairs.
    t : int
        Sample of the spike.

    Returns
    -------
    low, high : int
        First sample that changes, and the one after the last.
    """
    pairs, n_samples = problem.pairs, problem.scores.shape[1]
    first, last = pairs.lags[q, 0], pairs.lags[q, 1]
    if problem.visible.norms.shape[1] > 0:
        first, last = 0, pairs.tables.shape[1]
    begin = t - pairs.tables.shape[1] // 2
    return max(0, begin + first), min(n_samples, begin + last)


@compiled
def mark(dirty: Bool, problem: Problem, k: int, t: int) -> None:
    """Mark the tiles in which a spike of template k at sample t makes or removes a local maximum.

    Parameters
    ----------
    dirty : ndarray of bool, shape (n_templates, n_tiles)
        Changed in place. A tile is `TILE` samples.
    problem : Problem
        Correlations of the templates.
    k, t : int
        Template and sample of the spike.
    """
    pairs, last_sample = problem.pairs, problem.scores.shape[1] - 1
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        low, high = changed(problem, q, t)
        if low < high:
            # A maximum just outside the changed samples can appear or vanish with them.
            for tile in range(max(0, low - 1) // TILE, min(last_sample, high) // TILE + 1):
                dirty[pairs.neighbours[q], tile] = True


@compiled
def correlation(problem: Problem, k: int, t: int, j: int, lag: int) -> float:
    """Look up the correlation of what is visible of two templates.

    Parameters
    ----------
    problem : Problem
        Correlations of whole templates, and what is visible.
    k, t : int
        One template, and its sample.
    j : int
        The other template.
    lag : int
        Samples by which j comes later.

    Returns
    -------
    float
        0 for templates that do not overlap.
    """
    pairs = problem.pairs
    reach = pairs.tables.shape[1] // 2
    row = pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]]
    i = np.searchsorted(row, j)
    if abs(lag) > reach or i == row.size or row[i] != j:
        return 0.0
    return float(tables_at(pairs, problem.visible, problem.kept, k, t)[i, reach + lag])
