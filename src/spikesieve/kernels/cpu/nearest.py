"""Find the nearest landmarks of each spike."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.marked import list_marked, no_marks

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

# Few landmarks are near enough to be kept: so long a piece of a row is looked at as a whole first.
PIECE = 32


@nb.njit(cache=True, nogil=True)
def keep_nearest(
    products: F32, a: int, b: int, norm2: F32, landmark_norm2: F32, both: bool, distance2: F32, nearest: I32
) -> None:
    """Put landmarks into the lists of the spikes that they are nearer to than the last one of the list.

    Parameters
    ----------
    products : ndarray of float32, shape (n_a, n_b)
        Scalar products of the spikes a, a + 1 ... with the landmarks b, b + 1 ...
    a, b : int
        First spike and first landmark.
    norm2 : ndarray of float32, shape (n_spikes,)
        Squared norm of each spike.
    landmark_norm2 : ndarray of float32, shape (n_landmarks,)
        Squared norm of each landmark.
    both : bool
        The landmarks are the spikes: also put spikes a, a + 1 ... into the lists of b, b + 1 ...
    distance2 : ndarray of float32, shape (n_spikes, n_kept)
        Squared distances of each list, ascending; infinite where it is not full. Changed.
    nearest : ndarray of int32, shape (n_spikes, n_kept)
        The landmarks. Changed.

    Examples
    --------
    >>> distance2, nearest = np.full((1, 2), np.inf, np.float32), np.zeros((1, 2), np.int32)
    >>> products, landmark_norm2 = np.array([[2, 0, 1]], np.float32), np.array([4, 0, 1], np.float32)
    >>> keep_nearest(products, 0, 0, np.array([1], np.float32), landmark_norm2, False, distance2, nearest)
    >>> nearest
    array([[2, 0]], dtype=int32)
    """
    n_a, n_b = products.shape
    row, last_b = np.empty(n_b, np.float32), np.full(n_b, -np.inf, np.float32)
    is_near, near = no_marks(n_b), np.empty(n_b, np.int64)
    if both:
        last_b[:] = distance2[b : b + n_b, -1]
    for i in range(n_a):
        last_a = distance2[a + i, -1]
        for j in range(n_b):
            row[j] = norm2[a + i] + landmark_norm2[b + j] - np.float32(2) * products[i, j]
            is_near[j] = (row[j] < last_a) | (row[j] < last_b[j])
        for j in near[: list_marked(is_near, near)]:
            if row[j] < distance2[a + i, -1]:
                _insert(distance2[a + i], nearest[a + i], row[j], b + j)
            if row[j] < last_b[j]:
                _insert(distance2[b + j], nearest[b + j], row[j], a + i)
                last_b[j] = distance2[b + j, -1]


@nb.njit(cache=True, nogil=True)
def _insert(distance2: Floats, nearest: Ints, new: float, landmark: int) -> None:
    """Put a landmark into one list; the last one falls out."""
    k = distance2.size - 1
    while k > 0 and distance2[k - 1] > new:
        distance2[k], nearest[k] = distance2[k - 1], nearest[k - 1]
        k -= 1
    distance2[k], nearest[k] = new, landmark


@nb.njit(cache=True, nogil=True)
def nearest_first(spikes: F32, landmarks: F32, nearest: I32, n: int) -> I64:
    """Sort the landmarks of each spike by their distance in double precision.

    Parameters
    ----------
    spikes : ndarray of float32, shape (n_spikes, n_features)
        Features of each spike.
    landmarks : ndarray of float32, shape (n_landmarks, n_features)
        Features of each landmark.
    nearest : ndarray of int32, shape (n_spikes, n_kept)
        Landmarks of each spike.
    n : int
        Number of landmarks that are returned.

    Returns
    -------
    ndarray of int64, shape (n_spikes, n)
        The nearest ones, the nearest first.

    Examples
    --------
    >>> landmarks = np.array([[3], [1], [2]], np.float32)
    >>> nearest_first(np.zeros((1, 1), np.float32), landmarks, np.array([[0, 1, 2]], np.int32), 2)
    array([[1, 2]])
    """
    n_spikes, n_kept = nearest.shape
    out, distance2 = np.full((n_spikes, n), -1, np.int64), np.empty(n, np.float64)
    for i in range(n_spikes):
        distance2[:] = np.inf
        for k in range(n_kept):
            new = _distance2(spikes[i], landmarks[nearest[i, k]])
            if new < distance2[-1]:
                _insert(distance2, out[i], new, nearest[i, k])
    return out


@nb.njit(cache=True, nogil=True)
def _distance2(x: F32, y: F32) -> float:
    """Squared distance in four sums, which the processor adds up at the same time."""
    s0 = s1 = s2 = s3 = 0.0
    whole = x.size - x.size % 4
    for f in range(0, whole, 4):
        s0 += (np.float64(x[f]) - np.float64(y[f])) ** 2
        s1 += (np.float64(x[f + 1]) - np.float64(y[f + 1])) ** 2
        s2 += (np.float64(x[f + 2]) - np.float64(y[f + 2])) ** 2
        s3 += (np.float64(x[f + 3]) - np.float64(y[f + 3])) ** 2
    for f in range(whole, x.size):
        s0 += (np.float64(x[f]) - np.float64(y[f])) ** 2
    return s0 + s1 + s2 + s3
