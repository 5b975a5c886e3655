"""Neighbours on a probe: which contacts, template centres and groups are near which. Arrays in, arrays out.

A shank is a hard border: nothing here ever pairs contacts of two shanks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from spikesieve.model import F32, F64, I64, Bool, Sorting

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


def places_on_probe_um(sorting: Sorting, rows: slice | I64) -> F32:
    """Where the spikes in these rows were seen on the probe: (n, 2) float32, x and y in um.

    `Spikes.position_um` is the place in the tissue; that on the probe is higher by the displacement that was used at
    the time, depth and shank of the spike, and the same where there was none.
    """
    spikes = sorting.spikes
    places = spikes.position_um[rows].copy()
    if sorting.motion is not None and len(places):
        shank = np.array([unit.shank for unit in sorting.units], np.int64)[spikes.unit[rows]]
        time_s, depth_um = spikes.sample[rows] / sorting.sampling_hz, places[:, 1].astype(np.float64)
        places[:, 1] += sorting.motion.at(time_s, depth_um, shank)
    return places
