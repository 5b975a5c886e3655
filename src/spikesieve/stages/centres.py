"""Greedy k-means++: centres that explain most of the spikes of a group."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from spikesieve import kernels
from spikesieve.model import F32, I64

# Candidates that are tried for each centre.
N_CANDIDATES = 100
# Most listed pairs of spikes, one of which would explain more of the other: 12 bytes each, twice while sorted.
MAX_PAIRS = 400_000
# Spikes whose products with as many others are computed at once: 1 MB.
TILE = 512


def draw_centres(spikes: F32, n_centres: int, rng: np.random.Generator) -> I64:
    """Draw spikes as centres, one after the other: each is the best of 100 candidates.

    Candidates are drawn by their unexplained squared norm; the best one explains most. A centre c explains
    ``2 x.c - |c|^2`` of a spike x.

    Parameters
    ----------
    spikes : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    n_centres : int
        Number of centres.
    rng : numpy.random.Generator
        Draws the candidates.

    Returns
    -------
    ndarray of int64, shape (n,)
        The spike of each centre: fewer than asked for where all is explained.

    Notes
    -----
    Explained norm only grows: where a candidate explains no more of a spike now, it never will. Once few pairs are left
    they are listed, and a candidate is tried on its own list instead of on all spikes.

    Examples
    --------
    >>> spikes = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    >>> np.sort(draw_centres(spikes, 5, np.random.default_rng(0)) // 10)
    array([0, 1])
    """
    norm2 = (spikes.astype(np.float64) ** 2).sum(axis=1)
    norm2_f32, explained = norm2.astype(np.float32), np.zeros(len(spikes), np.float32)
    uniform = rng.random((n_centres, N_CANDIDATES))
    centres: list[int] = []
    for n in range(n_centres):
        # To count the pairs takes as long as a centre: it is done after 1, 2, 4, 8 ... centres.
        if n.bit_count() == 1 and _n_pairs(spikes, norm2_f32, explained) <= MAX_PAIRS:
            pairs = _gaining_pairs(spikes, norm2_f32, explained)
            arrays = pairs.indptr, pairs.indices, pairs.data
            centres += kernels.centres_of_pairs(*arrays, norm2, explained, uniform[n:]).tolist()
            break
        # As rng.choice(..., p=unexplained / sum) draws.
        below = np.maximum(norm2 - explained, 0.0).cumsum()
        if not len(below) or below[-1] <= 0:
            break
        candidates = np.unique((below / below[-1]).searchsorted(uniform[n], side="right"))
        products = spikes @ spikes[candidates].T
        best = int(kernels.explained_more(products, norm2_f32[candidates], explained).argmax())
        explained = np.maximum(explained, 2 * products[:, best] - norm2_f32[candidates[best]])
        centres.append(int(candidates[best]))
    return np.array(centres, np.int64)


def _n_pairs(spikes: F32, norm2: F32, explained: F32) -> float:
    """Estimate the number of pairs from evenly spaced candidates."""
    n = len(spikes)
    some = np.arange(0, n, max(1, n // N_CANDIDATES))
    gains = 2 * (spikes @ spikes[some].T) - norm2[some] > explained[:, None]
    return np.count_nonzero(gains) * n / len(some)


def _gaining_pairs(spikes: F32, norm2: F32, explained: F32) -> csr_array:
    """What a spike (row) would explain of another (column), where that is more than is explained already."""
    n = len(spikes)
    tiles = []
    for a in range(0, n, TILE):
        for b in range(a, n, TILE):
            products = spikes[a : a + TILE] @ spikes[b : b + TILE].T
            tiles.append(kernels.gaining_pairs(products, a, b, norm2, explained))
    candidate, spike, value = (np.concatenate(column) for column in zip(*tiles, strict=True))
    return coo_array((value, (candidate, spike)), shape=(n, n)).tocsr()
