"""Neighbours on a probe: which contacts, template centres and groups are near which. Arrays in, arrays out.

A shank is a hard border: nothing here ever pairs contacts of two shanks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from spikesieve.model import F64, I64, Bool

SAME_ROW_UM = 1.0


def distances_um(a_um: F64, shank_a: I64, b_um: F64, shank_b: I64) -> F64:
    """(len(a), len(b)) float64 distances in um, infinite between shanks."""
    distance = cdist(a_um, b_um)
    distance[shank_a[:, None] != shank_b[None, :]] = np.inf
    return np.asarray(distance, dtype=np.float64)


def nearest(distance_um: F64, n: int, within_um: float = np.inf) -> I64:
    """Columns of the n smallest finite distances of each row, nearest first, ties by column.

    distance_um  (rows, columns) float64
    Returns (rows, min(n, columns)) int64; -1 where a row has fewer within reach.
    """
    n = min(n, distance_um.shape[1])
    order = np.argsort(distance_um, axis=1, kind="stable")[:, :n]
    reachable = np.take_along_axis(distance_um, order, axis=1) <= within_um
    reachable &= np.isfinite(np.take_along_axis(distance_um, order, axis=1))
    return np.where(reachable, order, -1).astype(np.int64)


def vertical_pitch_um(positions_um: F64, shanks: I64) -> float:
    """Kilosort4's dmin: median distance of neighbouring contact rows, over all shanks; 20 um if there is no second row.

    Depths within 1 um of each other are one row: measured positions scatter.
    """
    steps = np.concatenate([np.diff(np.sort(positions_um[shanks == s, 1])) for s in np.unique(shanks)])
    rows = steps[steps > SAME_ROW_UM]
    return float(np.median(rows)) if rows.size else 20.0


def shares_contact(contacts: I64, n_contacts: int) -> Bool:
    """Which rows of a padded contact table have a contact in common: (rows, rows) bool.

    contacts  (rows, n_near) int64, -1 = unused
    """
    used: NDArray[np.float32] = np.zeros((len(contacts), n_contacts), np.float32)
    rows, columns = np.nonzero(contacts >= 0)
    used[rows, contacts[rows, columns]] = 1.0
    return np.asarray(used @ used.T > 0)
