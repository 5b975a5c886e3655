"""Scatters of all spikes of a unit, as points or as density on the screen, and what a lasso holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikesieve import kernels
from spikesieve.model import F32, F64, I32, Bool
from spikesieve.views.result import Result
from spikesieve.views.two_clusters import two_clusters

MAX_POINTS = 20_000
"""Units with more spikes are shown as density."""

Kind = Literal["amplitude", "depth", "position", "clusters"]
"""Amplitude over time, depth over time, place on the probe, or place on the axis of `two_clusters` over time."""
KINDS: tuple[Kind, ...] = ("amplitude", "depth", "position", "clusters")
MARGIN = 0.03
"""Of the width or height of a scatter, beyond its outermost spikes."""


@dataclass(frozen=True)
class Frame:
    """The part of a plane that is shown, and its size on the screen.

    Attributes
    ----------
    x, y : (float, float)
        Range of each axis.
    width, height : int
        In pixels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int


def coordinates(result: Result, rows: I32, kind: Kind) -> tuple[F64, F64]:
    """Find where spikes lie in a scatter.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.
    kind : {"amplitude", "depth", "position", "clusters"}
        The scatter.

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        NaN where the result does not have them.
    """
    if kind == "position":
        place_um = result.positions_um_of(rows)
        return (_unknown(rows), _unknown(rows)) if place_um is None else _as_float64(place_um[:, 0], place_um[:, 1])
    time_s = result.samples_of(rows) / result.time.sampling_hz
    if kind == "clusters":
        found = two_clusters(result, rows)
        return time_s, _unknown(rows) if found is None else found.axis.place(result, rows)
    if kind == "depth":
        place_um = result.positions_um_of(rows)
        return _as_float64(time_s, _unknown(rows) if place_um is None else place_um[:, 1])
    amplitude = result.amplitudes_of(rows)
    return _as_float64(time_s, _unknown(rows) if amplitude is None else amplitude)


def _unknown(rows: I32) -> F64:
    return np.full(len(rows), np.nan)


def _as_float64(x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[F64, F64]:
    return np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)


def frame_around(
    kind: Kind, placed: Sequence[tuple[F64, F64]], span_s: tuple[float, float], size: tuple[int, int]
) -> Frame | None:
    """Find the part of a scatter that holds all spikes of some units.

    Parameters
    ----------
    kind : {"amplitude", "depth", "position", "clusters"}
        The scatter.
    placed : sequence of (ndarray of float64, ndarray of float64)
        x and y of the spikes of each unit, from `coordinates`.
    span_s : (float, float)
        The time that is shown.
    size : (int, int)
        Width and height on the screen in pixels.

    Returns
    -------
    Frame or None
        With a margin; an amplitude begins at 0. None if no spike has a place.

    Examples
    --------
    >>> frame_around("depth", [(np.zeros(2), np.array([0.0, 100.0]))], (0.0, 9.0), (5, 5)).y
    (-3.0, 103.0)
    """
    y = _extent([y for _, y in placed])
    x = _extent([x for x, _ in placed]) if kind == "position" else span_s
    if x is None or y is None:
        return None
    low, high = _wider(*y)
    x = _wider(*x) if kind == "position" else x
    return Frame(x, (min(0.0, y[0]) if kind == "amplitude" else low, high), *size)


def _extent(columns: Sequence[F64]) -> tuple[float, float] | None:
    """Smallest and largest known value; None if none is known."""
    # fmin and fmax leave out what is not known.
    ends = np.array([(np.fmin.reduce(values), np.fmax.reduce(values)) for values in columns if len(values)])
    known = ends[np.isfinite(ends).all(axis=1)] if len(ends) else ends
    return (float(known.min()), float(known.max())) if len(known) else None


def _wider(low: float, high: float) -> tuple[float, float]:
    margin = MARGIN * ((high - low) or 1.0)
    return low - margin, high + margin


def density(x: F64, y: F64, frame: Frame) -> NDArray[np.uint16]:
    """Count spikes in each pixel.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Where they lie. Those that are not in the frame are left out.
    frame : Frame
        What is shown.

    Returns
    -------
    ndarray of uint16, shape (height, width)
        Row 0 is at the top; 65535 for that number and more.

    Examples
    --------
    >>> density(np.array([0.1, 0.9, 0.9]), np.array([0.1, 0.9, 0.9]), Frame((0, 1), (0, 1), 2, 2))
    array([[0, 2],
           [1, 0]], dtype=uint16)
    """
    (left, right), (bottom, top) = frame.x, frame.y
    box = float(left), float(right), float(bottom), float(top)
    counts = np.minimum(kernels.count_in_pixels(x, y, box, frame.width, frame.height), 65_535)
    return np.asarray(counts, np.uint16)


def points(x: F64, y: F64) -> F32:
    """Make the points of a small unit.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Where its spikes lie.

    Returns
    -------
    ndarray of float32, shape (2, n)
        x and y.
    """
    return np.stack([x, y]).astype(np.float32)


def inside(x: F64, y: F64, corners: F64) -> Bool:
    """Say which points lie in a polygon.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        The points.
    corners : ndarray of float64, shape (n_corners, 2)
        At least three corners in order; the last one is joined with the first.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for a point that is not known.

    Examples
    --------
    >>> inside(np.array([1.0, 3.0]), np.array([1.0, 1.0]), np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]))
    array([ True, False])
    """
    return np.asarray(kernels.in_polygon(x, y, np.ascontiguousarray(corners)), np.bool_)
