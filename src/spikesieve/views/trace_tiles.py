"""Traces on their way to the screen: as many numbers as there are pixels, in 16 bits each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikesieve import kernels
from spikesieve.model import F32

I16 = NDArray[np.int16]
TILE_SAMPLES = 8192
"""Samples of a tile: about a quarter of a second at 30 kHz."""
STEPS = tuple(2**power for power in range(11))
"""How many samples can become one column."""
NOTHING = -32768
"""What is sent where nothing was recorded or sorted."""
LARGEST = 32767

Shape = Literal["lines", "heat"]


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of traces for the screen.

    Attributes
    ----------
    values : ndarray of int16
        (n_rows, n_columns) of samples or of those farthest from 0, or (n_rows, n_columns, 2): the smallest and the
        largest value of each column.
    scale : float
        Value of one step.
    """

    values: I16
    scale: float


def tile_of(traces: F32, step: int, shape: Shape) -> Tile:
    """Reduce traces to columns of `step` samples.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_rows, n_samples)
        The traces; NaN where there is nothing. The number of samples is a multiple of the step.
    step : int
        Samples that become one column.
    shape : {"lines", "heat"}
        Smallest and largest value of each column, so that no spike is lost in a line, or the value farthest from 0.

    Returns
    -------
    Tile
        With 16 bits a value.

    Examples
    --------
    >>> tile = tile_of(np.array([[1, -4, 2, 3]], np.float32), 2, "lines")
    >>> (tile.values * tile.scale).round(2).tolist()
    [[[-4.0, 1.0], [2.0, 3.0]]]
    >>> tile = tile_of(np.array([[1, -4, 2, 3]], np.float32), 2, "heat")
    >>> (tile.values * tile.scale).round(2).tolist()
    [[-4.0, 3.0]]
    """
    if step == 1:
        return _packed(traces)
    low, high = _extremes(traces, step)
    if shape == "lines":
        return _packed(np.stack([low, high], axis=2))
    return _packed(np.where(-low > high, low, high))


def _extremes(traces: F32, step: int) -> tuple[F32, F32]:
    """Smallest and largest value of every `step` samples; NaN where one of them is."""
    low, high = np.empty((2, len(traces), traces.shape[1] // step), np.float32)
    kernels.column_extremes(traces, low, high)
    return low, high


def _packed(values: F32) -> Tile:
    known = np.isfinite(values)
    largest = float(np.abs(values).max(initial=0.0, where=known))
    scale = largest / LARGEST if largest > 0 else 1.0
    if known.all():
        return Tile(np.rint(values / np.float32(scale)).astype(np.int16), scale)
    packed = np.full(values.shape, NOTHING, np.int16)
    packed[known] = np.rint(values[known] / np.float32(scale)).astype(np.int16)
    return Tile(packed, scale)
