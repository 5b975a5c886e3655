"""The spikes of each unit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spikesieve.model import I32, I64


def rows_of_units(unit: I64 | I32, n_units: int) -> list[I64]:
    """Find the spikes of each unit, with one look at all spikes.

    Parameters
    ----------
    unit : ndarray of int64 or int32, shape (n_spikes,)
        The unit of each spike; spikes of other numbers, such as -1, are left out.
    n_units : int
        Number of units.

    Returns
    -------
    list of ndarray of int64
        Rows of the spikes of units 0 to n_units - 1, ascending.

    Examples
    --------
    >>> [rows.tolist() for rows in rows_of_units(np.array([1, -1, 0, 1]), 3)]
    [[2], [0, 3], []]
    """
    order = np.argsort(unit, kind="stable")
    edges = np.searchsorted(unit[order], np.arange(n_units + 1))
    return [order[a:b] for a, b in pairwise(edges)]
