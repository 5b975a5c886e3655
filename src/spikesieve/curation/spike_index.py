"""Which spikes each unit has, as two arrays: rows of spikes ordered by unit, and where each unit begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve import kernels
from spikesieve.model import I32, I64

WIDEST = 2**24
"""Numbers of units that span more than this are numbered anew before spikes are looked up."""
PIECE = 2**20
"""Spikes that are looked at together where all of them are too many for a copy."""


@dataclass(frozen=True, eq=False)
class SpikeIndex:
    """Which spikes each unit has.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n_units,)
        Numbers of the units, ascending.
    rows : ndarray of int32, shape (n_placed,)
        Rows of the spikes of the first unit, ascending, then of the second one ...
    edges : ndarray of int64, shape (n_units + 1,)
        Where the rows of each unit begin and end.
    n_spikes : int
        Number of all spikes, those of no unit among them.
    """

    numbers: I64
    rows: I32
    edges: I64
    n_spikes: int

    def rows_of_units(self) -> dict[int, I32]:
        """List the spikes of each unit.

        Returns
        -------
        dict of int to ndarray of int32
            Views of `rows`.
        """
        edges = self.edges.tolist()
        return {unit: self.rows[a:b] for unit, a, b in zip(self.numbers.tolist(), edges, edges[1:], strict=False)}


def numbers_in(unit: NDArray[np.integer]) -> tuple[I64, I64]:
    """Find which numbers of units there are, without a copy of all spikes.

    Parameters
    ----------
    unit : ndarray of int, shape (n_spikes,)
        Number of the unit of each spike.

    Returns
    -------
    numbers, n_spikes : ndarray of int64, shape (n_units,)
        The numbers, ascending, and how many spikes have each.

    Examples
    --------
    >>> numbers_in(np.array([7, 2, 7]))
    (array([2, 7]), array([1, 2]))
    """
    low, high = (int(unit.min()), int(unit.max())) if len(unit) else (0, 0)
    if high - low > WIDEST:
        found, n_each = np.unique(unit, return_counts=True)
        return found.astype(np.int64), n_each.astype(np.int64)
    counts = np.zeros(high - low + 1, np.int64)
    for at in range(0, len(unit), PIECE):
        counts += np.bincount(unit[at : at + PIECE].astype(np.int64) - low, minlength=len(counts))
    return np.flatnonzero(counts) + low, counts[counts > 0]


def index_of_spikes(unit: NDArray[np.integer], ids: Iterable[int]) -> SpikeIndex:
    """Group spikes by their unit, in one pass over them.

    Parameters
    ----------
    unit : ndarray of int, shape (n_spikes,)
        Number of the unit of each spike; any other number for a spike of no unit.
    ids : iterable of int
        Numbers of the units; one may be without spikes.

    Returns
    -------
    SpikeIndex
        Rows of the spikes of each unit.

    Examples
    --------
    >>> index_of_spikes(np.array([7, 2, 7, -1]), (2, 7)).rows_of_units()[7]
    array([0, 2], dtype=int32)
    """
    numbers = np.array(sorted(ids), np.int64)
    known, n_units = numbers, len(numbers)
    if n_units and numbers[-1] - numbers[0] > WIDEST:
        place_of = np.minimum(np.searchsorted(numbers, unit), n_units - 1)
        unit, known = np.where(numbers[place_of] == unit, place_of, -1), np.arange(n_units)
    first = int(known[0]) if n_units else 0
    place = np.full(int(known[-1]) - first + 1 if n_units else 0, -1, np.int64)
    place[known - first] = np.arange(n_units)
    rows, edges = kernels.rows_by_unit(unit, first, place, n_units)
    return SpikeIndex(numbers, rows, edges, len(unit))
