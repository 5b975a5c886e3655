"""Choose the next centre of k-means++, from products with all spikes or from a list of pairs of spikes."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def explained_more(products: F32, norm2: F32, explained: F32) -> F32:
    """Sum what each candidate for a centre explains of all spikes beyond what is explained already.

    Parameters
    ----------
    products : ndarray of float32, shape (n_spikes, n_candidates)
        Scalar product x.c of each spike x and each candidate c.
    norm2 : ndarray of float32, shape (n_candidates,)
        Squared norm of each candidate.
    explained : ndarray of float32, shape (n_spikes,)
        What is explained of each spike.

    Returns
    -------
    ndarray of float32, shape (n_candidates,)
        Sums of max(2 x.c - |c|^2 - explained, 0) over the spikes in their order.
    """
    n_spikes, n_candidates = products.shape
    total = np.zeros(n_candidates, np.float32)
    for i in range(n_spikes):
        for j in range(n_candidates):
            total[j] += max(np.float32(2) * products[i, j] - norm2[j] - explained[i], np.float32(0))
    return total


@nb.njit(cache=True, nogil=True)
def gaining_pairs(products: F32, a: int, b: int, norm2: F32, explained: F32) -> tuple[I32, I32, F32]:
    """List the pairs of spikes where one, as a centre, would explain more of the other than is explained already.

    Parameters
    ----------
    products : ndarray of float32, shape (n_a, n_b)
        Scalar products of the spikes a, a + 1 ... with the spikes b, b + 1 ...
    a, b : int
        First spike of the rows and of the columns. If they differ, both spikes of each pair are tried as the centre.
    norm2 : ndarray of float32, shape (n_spikes,)
        Squared norm of each spike.
    explained : ndarray of float32, shape (n_spikes,)
        What is explained of each spike.

    Returns
    -------
    centre : ndarray of int32, shape (n_pairs,)
        The centre of each pair.
    spike : ndarray of int32, shape (n_pairs,)
        The other spike, ascending for each centre.
    value : ndarray of float32, shape (n_pairs,)
        What would be explained of it: 2 x.c - |c|^2.

    Examples
    --------
    >>> gaining_pairs(np.array([[3.0]], np.float32), 0, 1, np.array([4, 9], np.float32), np.ones(2, np.float32))
    (array([0], dtype=int32), array([1], dtype=int32), array([2.], dtype=float32))
    """
    n_a, n_b = products.shape
    norm2_b, explained_b, both = norm2[b : b + n_b], explained[b : b + n_b], a != b
    n_in_row = np.zeros(n_a, np.int64)
    for i in range(n_a):
        for j in range(n_b):
            twice = np.float32(2) * products[i, j]
            n_in_row[i] += twice - norm2_b[j] > explained[a + i]
            n_in_row[i] += both and twice - norm2[a + i] > explained_b[j]
    n = n_in_row.sum()
    centre, spike, value = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.float32)
    k = 0
    # Few columns make a pair: eight that do not are skipped at once.
    is_pair = np.zeros((n_b + 7) // 8 * 8, np.uint8)
    eights = is_pair.view(np.uint64)
    for i in range(n_a):
        if n_in_row[i] == 0:
            continue
        for j in range(n_b):
            twice = np.float32(2) * products[i, j]
            is_pair[j] = (twice - norm2_b[j] > explained[a + i]) | (both & (twice - norm2[a + i] > explained_b[j]))
        for eight in range(eights.size):
            if eights[eight] == 0:
                continue
            for j in range(8 * eight, min(8 * eight + 8, n_b)):
                of_row = np.float32(2) * products[i, j] - norm2_b[j]
                of_column = np.float32(2) * products[i, j] - norm2[a + i]
                if of_row > explained[a + i]:
                    centre[k], spike[k], value[k] = b + j, a + i, of_row
                    k += 1
                if both and of_column > explained_b[j]:
                    centre[k], spike[k], value[k] = a + i, b + j, of_column
                    k += 1
    return centre, spike, value


@nb.njit(cache=True, nogil=True)
def centres_of_pairs(edges: I32, spike: I32, value: F32, norm2: F64, explained: F32, uniform: F64) -> I64:
    """Choose centres: each time candidates are drawn by their unexplained squared norm, and the best is a centre.

    Parameters
    ----------
    edges : ndarray of int32, shape (n_spikes + 1,)
        Spike c is the centre of the pairs edges[c] to edges[c + 1].
    spike : ndarray of int32, shape (n_pairs,)
        The other spike of each pair. A centre explains no more of spikes that it is not paired with.
    value : ndarray of float32, shape (n_pairs,)
        What the centre explains of it.
    norm2 : ndarray of float64, shape (n_spikes,)
        Squared norm of each spike.
    explained : ndarray of float32, shape (n_spikes,)
        What is explained of each spike; not changed.
    uniform : ndarray of float64, shape (n_centres, n_candidates)
        Random numbers from 0 to below 1: each draws one candidate.

    Returns
    -------
    ndarray of int64, shape (n,)
        The spike of each centre: fewer than rows of `uniform` where all is explained. Of equals the first spike.

    Examples
    --------
    >>> edges, spike, value = np.array([0, 1, 3]), np.array([0, 0, 1]), np.array([4, 2, 9], np.float32)
    >>> uniform = np.array([[0.2, 0.4], [0.1, 0.9], [0.5, 0.5]])
    >>> centres_of_pairs(edges, spike, value, np.array([4.0, 9.0]), np.zeros(2, np.float32), uniform)
    array([1, 0])
    """
    explained, below = explained.copy(), np.empty(norm2.size, np.float64)
    centres = np.empty(len(uniform), np.int64)
    for n in range(len(uniform)):
        total = 0.0
        for i in range(norm2.size):
            total += max(norm2[i] - explained[i], 0.0)
            below[i] = total
        if total <= 0:
            return centres[:n]
        best, best_gain = norm2.size, np.float32(-1)
        for draw in uniform[n]:
            c = _drawn(below, total, draw)
            gain = np.float32(0)
            for k in range(edges[c], edges[c + 1]):
                gain += max(value[k] - explained[spike[k]], np.float32(0))
            if gain > best_gain or (gain == best_gain and c < best):
                best, best_gain = c, gain
        for k in range(edges[best], edges[best + 1]):
            explained[spike[k]] = max(explained[spike[k]], value[k])
        centres[n] = best
    return centres


@nb.njit(cache=True, nogil=True)
def _drawn(below: F64, total: float, draw: float) -> int:
    """Find the first spike whose share of all, with those before it, is more than a random number."""
    low, high = 0, below.size
    while low < high:
        middle = (low + high) // 2
        if below[middle] / total <= draw:
            low = middle + 1
        else:
            high = middle
    return low
