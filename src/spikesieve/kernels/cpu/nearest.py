"""Find the nearest of other points for each point."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@nb.njit(cache=True, nogil=True)
def keep_nearest(away: F32, a: int, b: int, both: bool, distance2: F64, nearest: I64) -> None:
    """Put points into the lists of those that they are nearer to than the last one of the list.

    Parameters
    ----------
    away : ndarray of float32, shape (n_a, n_b)
        Squared distances of the points a, a + 1 ... from the others b, b + 1 ...
    a, b : int
        First point and first other one.
    both : bool
        The others are the points: also put a, a + 1 ... into the lists of b, b + 1 ...
    distance2 : ndarray of float64, shape (n_points, n_kept)
        Squared distances of each list, ascending; infinite where it is not full. Changed.
    nearest : ndarray of int64, shape (n_points, n_kept)
        The others. Changed.

    Examples
    --------
    >>> distance2, nearest = np.full((1, 2), np.inf), np.zeros((1, 2), np.int64)
    >>> keep_nearest(np.array([[1, 5, 2]], np.float32), 0, 0, False, distance2, nearest)
    >>> nearest
    array([[0, 2]])
    """
    n_a, n_b = away.shape
    last_b = np.empty(n_b)
    for j in range(n_b):
        last_b[j] = distance2[b + j, -1] if both else -np.inf
    for i in range(n_a):
        last_a = distance2[a + i, -1]
        for j in range(n_b):
            new = np.float64(away[i, j])
            if new < last_a:
                _insert(distance2[a + i], nearest[a + i], new, b + j)
                last_a = distance2[a + i, -1]
            if new < last_b[j]:
                _insert(distance2[b + j], nearest[b + j], new, a + i)
                last_b[j] = distance2[b + j, -1]


@nb.njit(cache=True, nogil=True)
def _insert(distance2: F64, nearest: I64, new: float, other: int) -> None:
    """Put a point into one list; the last one falls out."""
    k = distance2.size - 1
    while k > 0 and distance2[k - 1] > new:
        distance2[k], nearest[k] = distance2[k - 1], nearest[k - 1]
        k -= 1
    distance2[k], nearest[k] = new, other


@nb.njit(cache=True, nogil=True)
def nearest_first(points: F32, others: F32, nearest: I64, n: int) -> I64:
    """Sort the nearest others of each point by their distance in double precision.

    Parameters
    ----------
    points : ndarray of float32, shape (n_points, n_dims)
        The points.
    others : ndarray of float32, shape (n_others, n_dims)
        The others.
    nearest : ndarray of int64, shape (n_points, n_kept)
        Others that are near to each point.
    n : int
        Number of others that are returned.

    Returns
    -------
    ndarray of int64, shape (n_points, n)
        The nearest ones, the nearest first.

    Examples
    --------
    >>> nearest_first(np.zeros((1, 1), np.float32), np.array([[3], [1], [2]], np.float32), np.array([[0, 1, 2]]), 2)
    array([[1, 2]])
    """
    n_points, n_kept = nearest.shape
    out, distance2 = np.empty((n_points, n), np.int64), np.empty(n)
    for i in range(n_points):
        for k in range(n):
            out[i, k], distance2[k] = -1, np.inf
        for k in range(n_kept):
            # Four sums, which the processor adds up at the same time.
            s0, s1, s2, s3, j = 0.0, 0.0, 0.0, 0.0, nearest[i, k]
            whole = points.shape[1] // 4 * 4
            for d in range(0, whole, 4):
                s0 += (np.float64(points[i, d]) - np.float64(others[j, d])) ** 2
                s1 += (np.float64(points[i, d + 1]) - np.float64(others[j, d + 1])) ** 2
                s2 += (np.float64(points[i, d + 2]) - np.float64(others[j, d + 2])) ** 2
                s3 += (np.float64(points[i, d + 3]) - np.float64(others[j, d + 3])) ** 2
            for d in range(whole, points.shape[1]):
                s0 += (np.float64(points[i, d]) - np.float64(others[j, d])) ** 2
            new = s0 + s1 + s2 + s3
            if new < distance2[-1]:
                _insert(distance2, out[i], new, j)
    return out
