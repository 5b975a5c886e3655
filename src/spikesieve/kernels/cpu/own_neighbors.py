"""Count how many of the nearest neighbours of points are in one group."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

# Loops over this number of values use vector instructions.
LANES = 64


@nb.njit(cache=True, nogil=True)
def own_neighbors(points: F32, products: F32, n_own: int, n_nearest: int) -> I64:
    """Count the points of the first group among the nearest neighbours of each point.

    Parameters
    ----------
    points : ndarray of float32, shape (n, n_dims)
        Points, those of the first group first.
    products : ndarray of float32, shape (n, n)
        Scalar products of all points, as rounded as single precision makes them.
    n_own : int
        Points of the first group.
    n_nearest : int
        Neighbours of each point, itself not counted; less than n.

    Returns
    -------
    ndarray of int64, shape (n,)
        How many of its neighbours are in the first group.

    Notes
    -----
    The products tell which points may be neighbours, within the bound of their rounding errors. The distances of those
    few are then computed in double precision.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [3.0], [9.0]], np.float32)
    >>> own_neighbors(points, points @ points.T, 2, 1)
    array([1, 1, 1, 0])
    """
    n = points.shape[0]
    norm2, longest = np.zeros(n, np.float32), 0.0
    for i in range(n):
        for d in range(points.shape[1]):
            norm2[i] += points[i, d] * points[i, d]
        longest = np.sqrt(norm2[i]) if norm2[i] > longest**2 else longest
    away, least, counts = np.empty(n, np.float32), np.empty(LANES, np.float32), np.zeros(n, np.int64)
    distances, which = np.empty(n_nearest), np.empty(n_nearest, np.int64)
    for i in range(n):
        _compare(norm2, products[i], i, away, least)
        distances[:] = np.inf
        for lane in range(LANES):
            if least[lane] < distances[-1]:
                _insert(least[lane], lane, distances, which)
        error = (2 * points.shape[1] + 4) * np.finfo(np.float32).eps * longest * (longest + np.sqrt(norm2[i]))
        limit = np.float32(distances[-1] + 2 * error)
        distances[:], which[:] = np.inf, n
        for j in range(n):
            if away[j] <= limit and j != i:
                _insert(_squared_distance(points, i, j), j, distances, which)
        counts[i] = (which < n_own).sum()
    return counts


@nb.njit(cache=True, nogil=True)
def _compare(norm2: F32, products: F32, i: int, away: F32, least: F32) -> None:
    """Squared distances of point i less its norm, and the least of every 64th of them."""
    for j in range(norm2.size):
        away[j] = norm2[j] - np.float32(2) * products[j]
    away[i], least[:] = np.inf, np.inf
    n_full = norm2.size // LANES * LANES
    for start in range(0, n_full, LANES):
        for lane in range(LANES):
            value = away[start + lane]
            least[lane] = value if value < least[lane] else least[lane]
    for j in range(n_full, norm2.size):
        least[j - n_full] = min(least[j - n_full], away[j])


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})
def _squared_distance(points: F32, i: int, j: int) -> float:
    total = 0.0
    for d in range(points.shape[1]):
        total += (np.float64(points[i, d]) - np.float64(points[j, d])) ** 2
    return total


@nb.njit(cache=True, nogil=True)
def _insert(distance: float, j: int, distances: F64, which: I64) -> None:
    """Put a neighbour in its place among the nearest, if it is one of them."""
    place = distances.size
    while place > 0 and distance < distances[place - 1]:
        place -= 1
    for k in range(distances.size - 1, place, -1):
        distances[k], which[k] = distances[k - 1], which[k - 1]
    if place < distances.size:
        distances[place], which[place] = distance, j
