"""Loops that are compiled when they are first called."""

from __future__ import annotations

import numpy as np

from spikesieve.kernels import correlogram
from spikesieve.views.scatter import Frame, density, inside
from spikesieve.views.trace_tiles import tile_of


def compile_loops() -> None:
    """Have the loops compiled that a page would wait for: some seconds, once after an installation."""
    some, train = np.zeros(1), np.zeros(1, np.int64)
    inside(some, some, np.zeros((3, 2)))
    density(some, some, Frame((0.0, 1.0), (0.0, 1.0), 1, 1))
    tile_of(np.zeros((1, 2), np.float32), 2, "heat")
    correlogram(train, train, 30.0, 1, True)
