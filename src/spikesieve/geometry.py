"""Distances and neighbours on a probe: which contacts, template centres and groups are near which.

A shank is a hard border: contacts of two shanks are never neighbours.
"""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve.model import F32, F64, I64, Sorting

# Measured positions scatter: depths closer than this are one row of contacts.
SAME_ROW_UM = 1.0
# Vertical pitch of a probe with a single row of contacts.
DEFAULT_PITCH_UM = 20.0


def distances_um(a_um: F64, shank_a: I64, b_um: F64, shank_b: I64) -> F64:
    """Compute the distances between two sets of positions.

    Parameters
    ----------
    a_um : ndarray of float64, shape (n_a, 2)
        First positions in um.
    shank_a : ndarray of int64, shape (n_a,)
        Their shanks.
    b_um : ndarray of float64, shape (n_b, 2)
        Second positions in um.
    shank_b : ndarray of int64, shape (n_b,)
        Their shanks.

    Returns
    -------
    ndarray of float64, shape (n_a, n_b)
        Distances in um, infinite between shanks.

    Examples
    --------
    >>> xy = np.array([[0.0, 0.0], [0.0, 25.0], [250.0, 0.0]])
    >>> shanks = np.array([0, 0, 1])
    >>> distances_um(xy[:1], shanks[:1], xy, shanks)
    array([[ 0., 25., inf]])
    """
    distance = scipy.spatial.distance.cdist(a_um, b_um)
    distance[shank_a[:, None] != shank_b[None, :]] = np.inf
    return np.asarray(distance, dtype=np.float64)


def nearest(distance_um: F64, n: int, within_um: float = np.inf) -> I64:
    """Find the nearest columns of each row.

    Parameters
    ----------
    distance_um : ndarray of float64, shape (n_rows, n_columns)
        Distances in um; infinite between shanks.
    n : int
        Number of columns to return.
    within_um : float, optional
        Columns farther than this are left out.

    Returns
    -------
    ndarray of int64, shape (n_rows, min(n, n_columns))
        Column indices, nearest first, ties by index; -1 where fewer are within reach.

    Examples
    --------
    >>> nearest(np.array([[3.0, 1.0, np.inf], [0.0, 2.0, 9.0]]), 3, within_um=5.0)
    array([[ 1,  0, -1],
           [ 0,  1, -1]])
    """
    n = min(n, distance_um.shape[1])
    order = np.argsort(distance_um, axis=1, kind="stable")[:, :n]
    reachable = np.take_along_axis(distance_um, order, axis=1) <= within_um
    reachable &= np.isfinite(np.take_along_axis(distance_um, order, axis=1))
    return np.where(reachable, order, -1).astype(np.int64)


def vertical_pitch_um(positions_um: F64, shanks: I64) -> float:
    """Measure the vertical pitch of a probe: Kilosort4's dmin.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Positions of the contacts in um.
    shanks : ndarray of int64, shape (n_contacts,)
        Their shanks.

    Returns
    -------
    float
        Median distance in um of neighbouring rows of contacts, over all shanks; 20 um where there is one row only.
        Depths within 1 um of each other are one row.

    Examples
    --------
    >>> vertical_pitch_um(np.array([[0.0, 0.0], [32.0, 0.0], [0.0, 20.0], [32.0, 40.0]]), np.zeros(4, int))
    20.0
    """
    steps = np.concatenate([np.diff(np.sort(positions_um[shanks == s, 1])) for s in np.unique(shanks)])
    rows = steps[steps > SAME_ROW_UM]
    return float(np.median(rows)) if rows.size else DEFAULT_PITCH_UM


def places_on_probe_um(sorting: Sorting, rows: slice | I64) -> F32:
    """Compute where spikes were seen on the probe.

    `Spikes.position_um` is the position in the tissue. On the probe the spike is higher by the displacement that the
    sort used at its time, depth and shank.

    Parameters
    ----------
    sorting : Sorting
        The result of a sort, with or without motion.
    rows : slice or ndarray of int64, shape (n,)
        Rows of `sorting.spikes`.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        x and y in um; the positions in the tissue where there was no motion.
    """
    spikes = sorting.spikes
    places = spikes.position_um[rows].copy()
    if sorting.motion is not None and len(places):
        shank = np.array([unit.shank for unit in sorting.units], np.int64)[spikes.unit[rows]]
        time_s, depth_um = spikes.sample[rows] / sorting.sampling_hz, places[:, 1].astype(np.float64)
        places[:, 1] += sorting.motion.at(time_s, depth_um, shank)
    return places
