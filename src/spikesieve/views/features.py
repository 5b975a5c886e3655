"""Features of single spikes: their scores on two contacts, against each other or over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.model import F32, F64, I32
from spikesieve.views.result import Result
from spikesieve.views.scatter import MAX_POINTS, Frame, density

AXIS = re.compile(r"t|(\d+)\.(\d+)")
"""What an axis shows: time, or a contact and a component of its features."""
GRID = 200
"""Cells of a density across and up."""


def axis_values(result: Result, rows: I32, axis: str) -> F32:
    """Find the values of spikes on one axis.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.
    axis : str
        "t" for the time in s, or contact and component as in "12.0".

    Returns
    -------
    ndarray of float32, shape (n,)
        NaN for spikes that have no features on this contact.

    Raises
    ------
    InputError
        There is no such axis.
    """
    match = AXIS.fullmatch(axis)
    if match is None:
        raise InputError(f"{axis!r} is no axis: say t, or contact and component as in 12.0.")
    if axis == "t":
        return (result.sample[rows] / result.time.sampling_hz).astype(np.float32)
    return _scores(result, rows, int(match[1]), int(match[2]))


def _scores(result: Result, rows: I32, contact: int, component: int) -> F32:
    found = np.full(len(rows), np.nan, np.float32)
    features = result.features
    if features is None or component >= features.n_components:
        return found
    template = result.template[rows]
    for part in np.unique(template):
        column = np.flatnonzero(features.contacts[part] == contact)
        if len(column):
            own = np.flatnonzero(template == part)
            found[own] = features.scores_of(rows[own], int(column[0]), component)
    return found


def feature_coordinates(result: Result, rows: I32, axes: tuple[str, str]) -> tuple[F64, F64]:
    """Find where spikes lie in a plot of features.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes.
    axes : (str, str)
        What is shown to the right, and upwards.

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        NaN for spikes that have no such features.
    """
    x, y = (axis_values(result, rows, axis).astype(np.float64) for axis in axes)
    return x, y


@dataclass(frozen=True, eq=False)
class Plot:
    """All spikes of a unit in a plot of features: points, or density if they are many.

    Attributes
    ----------
    frame : Frame
        The ranges that hold all spikes.
    points : ndarray of float32, shape (2, n), or None
        x and y of the spikes that have these features.
    density : ndarray of uint16, shape (200, 200), or None
        Their number in each cell of the frame, from the top.
    """

    frame: Frame
    points: F32 | None
    density: NDArray[np.uint16] | None


def feature_plots(result: Result, rows: I32, plots: Sequence[tuple[str, str]]) -> list[Plot]:
    """Make plots of features of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes.
    plots : sequence of (str, str)
        The axes of each plot.

    Returns
    -------
    list of Plot
        One for each.
    """
    values = {axis: axis_values(result, rows, axis) for axis in {axis for plot in plots for axis in plot}}
    return [_plot(values[x], values[y]) for x, y in plots]


def _plot(x: F32, y: F32) -> Plot:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    (left, right), (bottom, top) = ((float(v.min(initial=np.inf)), float(v.max(initial=-np.inf))) for v in (x, y))
    frame = Frame((left, right), (bottom, top), GRID, GRID)
    if len(x) <= MAX_POINTS:
        return Plot(frame, np.stack([x, y]), None)
    return Plot(frame, None, density(x.astype(np.float64), y.astype(np.float64), frame))
