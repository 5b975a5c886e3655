"""What the units after a correction are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.curation.actions import Membership
from spikesieve.model import I32, I64, Bool, Sorting

# Means are those of at most this many spikes of a unit, evenly spaced.
SPIKES_OF_MEAN = 2_000


@dataclass(frozen=True, eq=False)
class Parts:
    """New units as parts of old ones.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_new,)
        Numbers of the new units, ascending.
    n_spikes : ndarray of int64, shape (n_new, n_old)
        Number of spikes of each old row that are in each new unit.
    base : ndarray of int64, shape (n_new,)
        The old row that gives most spikes to each new unit.
    changed : ndarray of bool, shape (n_new,)
        Whether the spikes of a unit are other ones than those of its base.
    """

    ids: I64
    n_spikes: I64
    base: I64
    changed: Bool


def parts_of(sorting: Sorting, membership: Membership) -> Parts:
    """Find what the new units are made of.

    Parameters
    ----------
    sorting : Sorting
        The sorting before.
    membership : Membership
        The units after.

    Returns
    -------
    Parts
        One row a new unit.
    """
    ids, n_old = np.array(membership.ids, np.int64), len(sorting.units)
    n_spikes = np.zeros((len(ids), n_old), np.int64)
    for k, unit in enumerate(membership.ids):
        n_spikes[k] = np.bincount(sorting.spikes.unit[membership.rows[unit]], minlength=n_old)
    total = np.bincount(sorting.spikes.unit, minlength=n_old)
    own_row = np.minimum(np.searchsorted(sorting.unit_ids, ids), max(0, n_old - 1))
    base = np.where(n_spikes.any(axis=1), n_spikes.argmax(axis=1), own_row)
    whole = (n_spikes == total).all(axis=1, where=n_spikes > 0) & ((n_spikes > 0).sum(axis=1) <= 1)
    return Parts(ids, n_spikes, base.astype(np.int64), ~whole)


def evenly_spaced(rows: I64 | I32) -> I64 | I32:
    """Choose at most 2000 of some spikes, evenly spaced.

    Parameters
    ----------
    rows : ndarray of int64 or int32, shape (n,)
        The spikes.

    Returns
    -------
    ndarray of int64 or int32
        All of them, or 2000.

    Examples
    --------
    >>> len(evenly_spaced(np.arange(5))), len(evenly_spaced(np.arange(10_000)))
    (5, 2000)
    """
    if len(rows) <= SPIKES_OF_MEAN:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SPIKES_OF_MEAN).astype(np.int64)]
