"""What a page would wait for when it is first used."""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve import kernels
from spikesieve.metrics.waveform_shape import upsampled
from spikesieve.views.scatter import Frame, density, inside
from spikesieve.views.trace_tiles import tile_of


def load_loops() -> tuple[object, ...]:
    """Load Numba, the loops of the page and SciPy's functions: half a second.

    Returns
    -------
    tuple of object
        They stay loaded.
    """
    loops = kernels.correlogram, kernels.count_in_pixels, kernels.in_polygon, kernels.column_extremes
    return *loops, scipy.special


def compile_loops() -> None:
    """Have the loops compiled: some seconds, once after an installation."""
    some, train = np.zeros(1), np.zeros(1, np.int64)
    inside(some, some, np.zeros((3, 2)))
    density(some, some, Frame((0.0, 1.0), (0.0, 1.0), 1, 1))
    tile_of(np.zeros((1, 2), np.float32), 2, "heat")
    kernels.correlogram(train, train, 30.0, 1, True)


def load_measures() -> None:
    """Load what the shape of a waveform is measured with: a second."""
    upsampled(np.zeros(1, np.float32))
