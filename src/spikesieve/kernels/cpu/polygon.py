"""Points in a polygon, and points in pixels."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
FEWEST, MOST, MOST_ENTRIES = 64, 4096, 2**22
"""Horizontal stripes: a point is compared with the edges of its own stripe. Many edges have fewer stripes."""


@nb.njit(cache=True, nogil=True)
def in_polygon(x: F64, y: F64, corners: F64) -> NDArray[np.bool_]:
    """Say which points lie in a polygon: those from which a ray crosses an odd number of its edges.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        The points.
    corners : ndarray of float64, shape (n_corners, 2)
        At least three corners in order; the last one is joined with the first.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for a point that is not a number.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> in_polygon(np.array([1.0, 3.0, np.nan]), np.array([1.0, 1.0, 1.0]), square)
    array([ True, False, False])
    """
    left, right, low, high = corners[:, 0].min(), corners[:, 0].max(), corners[:, 1].min(), corners[:, 1].max()
    # Axes may have very unlike units: products of both are taken after they are made alike.
    across, up = 1 / max(right - left, 1e-300), 1 / max(high - low, 1e-300)
    px, py = (corners[:, 0] - left) * across, (corners[:, 1] - low) * up
    n_stripes = max(FEWEST, min(MOST, MOST_ENTRIES // py.size))
    edge, begins = _edges_of_stripes(py, n_stripes)
    found = np.zeros(x.size, np.bool_)
    for i in range(x.size):
        if not (left <= x[i] <= right and low <= y[i] <= high):
            continue
        tx, ty = (x[i] - left) * across, (y[i] - low) * up
        stripe = min(int(ty * n_stripes), n_stripes - 1)
        for k in edge[begins[stripe] : begins[stripe + 1]]:
            x0, y0, x1, y1 = px[k - 1], py[k - 1], px[k], py[k]
            above = y1 >= ty
            if (y0 >= ty) != above and ((y1 - ty) * (x0 - x1) >= (x1 - tx) * (y0 - y1)) == above:
                found[i] = not found[i]
    return found


@nb.njit(cache=True, nogil=True)
def _edges_of_stripes(y: F64, n_stripes: int) -> tuple[I32, I64]:
    """Edges (k - 1, k) that touch each stripe of heights from 0 to 1, stripe by stripe, and where each begins."""
    begins = np.zeros(n_stripes + 1, np.int64)
    for k in range(y.size):
        low, high = _stripes(y[k - 1], y[k], n_stripes)
        begins[low + 1 : high + 2] += 1
    begins = np.cumsum(begins)
    edge, free = np.empty(begins[-1], np.int32), begins[:-1].copy()
    for k in range(y.size):
        low, high = _stripes(y[k - 1], y[k], n_stripes)
        for stripe in range(low, high + 1):
            edge[free[stripe]] = k
            free[stripe] += 1
    return edge, begins


@nb.njit(cache=True, nogil=True)
def _stripes(a: float, b: float, n_stripes: int) -> tuple[int, int]:
    low, high = min(a, b), max(a, b)
    last = n_stripes - 1
    return max(min(int(low * n_stripes), last), 0), max(min(int(high * n_stripes), last), 0)


@nb.njit(cache=True, nogil=True)
def count_in_pixels(x: F64, y: F64, box: tuple[float, float, float, float], width: int, height: int) -> I32:
    """Count points in each pixel of a picture.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        The points. Those that are not in the box are left out.
    box : (float, float, float, float)
        Left, right, bottom and top of the picture.
    width, height : int
        In pixels.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Row 0 is at the top.

    Examples
    --------
    >>> count_in_pixels(np.array([0.1, 0.9, 0.9]), np.array([0.1, 0.9, 0.9]), (0.0, 1.0, 0.0, 1.0), 2, 2)
    array([[0, 2],
           [1, 0]], dtype=int32)
    """
    left, right, bottom, top = box
    per_x, per_y = width / max(right - left, 1e-12), height / max(top - bottom, 1e-12)
    counts = np.zeros((height, width), np.int32)
    for i in range(x.size):
        if left <= x[i] <= right and bottom <= y[i] <= top:
            column, row = int((x[i] - left) * per_x), int((top - y[i]) * per_y)
            counts[min(row, height - 1), min(column, width - 1)] += 1
    return counts
