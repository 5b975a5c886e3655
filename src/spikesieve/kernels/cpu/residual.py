"""Scores of the residual while spikes are subtracted and put back, and which parts of them have changed."""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

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


@nb.njit(cache=True, nogil=True)
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
    n_samples, reach = scores.shape[1], pairs.tables.shape[1] // 2
    tables, first = tables_at(pairs, problem.visible, problem.kept, k, t), pairs.offsets[k]
    low, high = max(0, t - reach), min(n_samples, t + reach + 1)
    shift = reach - t
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        row, table = scores[pairs.neighbours[q]], tables[q - first]
        for s in range(low, high):
            row[s] -= value * table[s + shift]


@nb.njit(cache=True, nogil=True)
def mark(dirty: Bool, pairs: Overlaps, k: int, t: int, n_samples: int) -> None:
    """Mark the tiles in which a spike of template k at sample t makes or removes a local maximum.

    Parameters
    ----------
    dirty : ndarray of bool, shape (n_templates, n_tiles)
        Changed in place. A tile is `TILE` samples.
    pairs : Overlaps
        Correlations of the templates.
    k, t : int
        Template and sample of the spike.
    n_samples : int
        Number of samples of the scores.
    """
    reach = pairs.tables.shape[1] // 2
    # A maximum just outside the changed samples can appear or vanish with them.
    first, last = max(0, t - reach - 1) // TILE, min(n_samples - 1, t + reach + 1) // TILE
    for q in range(pairs.offsets[k], pairs.offsets[k + 1]):
        for tile in range(first, last + 1):
            dirty[pairs.neighbours[q], tile] = True


@nb.njit(cache=True, nogil=True)
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
