"""Histograms of the quality of the units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import F64, I64, Unit

LABELS = ("good", "mua", "noise")
"""Labels of units, as in `Unit`."""
SHARES = ("contamination", "presence")
"""Quantities between 0 and 1. The others have logarithmic bins."""
N_BINS = 24
# What is larger than float32 can hold, or smaller than its inverse, was not measured.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Number of units of each label by one quantity.

    Attributes
    ----------
    name : str
        Column of the unit table.
    edges : ndarray of float64, shape (n_bins + 1,)
        Edges of the bins. Values beyond are counted in the outer bins.
    counts : dict of str to ndarray of int64, shape (n_bins,)
        Counts by label.
    unknown : int
        Number of units whose value is not known.
    log : bool
        Whether the bins are logarithmic.
    """

    name: str
    edges: F64
    counts: dict[str, I64]
    unknown: int
    log: bool


def quality_histograms(units: Sequence[Unit]) -> tuple[Histogram, ...]:
    """Count the units by SNR, firing rate, amplitude, contamination and presence.

    Parameters
    ----------
    units : sequence of Unit
        The unit table.

    Returns
    -------
    tuple of Histogram
        One histogram for each quantity.

    Examples
    --------
    >>> [histogram.name for histogram in quality_histograms(())]
    ['snr', 'firing_rate_hz', 'amplitude_uv', 'contamination', 'presence']
    """
    return tuple(_histogram(name, units) for name in ("snr", "firing_rate_hz", "amplitude_uv", *SHARES))


def _histogram(name: str, units: Sequence[Unit]) -> Histogram:
    log = name not in SHARES
    given = [getattr(unit, name) for unit in units]
    values = np.array([np.nan if value is None else value for value in given], np.float64)
    known = (np.abs(values) <= LARGEST) & ((values >= 1 / LARGEST) | (not log))
    # Contamination is rarely above 0.2, but larger values are shown too.
    highest = 1.0 if name == "presence" else max(0.2, values[known].max(initial=0))
    edges = _log_edges(values[known]) if log else np.linspace(0, highest, N_BINS + 1)
    counts = {}
    for label in LABELS:
        has_label = np.array([unit.label == label for unit in units], np.bool_)
        inside = np.clip(values[known & has_label], edges[0], edges[-1])
        counts[label] = np.histogram(inside, edges)[0].astype(np.int64)
    return Histogram(name, edges, counts, int((~known).sum()), log)


def _log_edges(values: NDArray[np.float64]) -> F64:
    low, high = (values.min(), values.max()) if values.size else (1.0, 10.0)
    # At least a factor of 4, so that units of equal size make one bar of normal width.
    middle, half_width = np.sqrt(low * high), max(np.sqrt(high / low), 2.0)
    return np.asarray(np.geomspace(middle / half_width, middle * half_width, N_BINS + 1), dtype=np.float64)
