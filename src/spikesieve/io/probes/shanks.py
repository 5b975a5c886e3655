"""Shanks of probe files: their numbers, and places that tell them apart."""

from __future__ import annotations

import numpy as np

from spikesieve.model import F64, I64

# Gap between shanks that a file has at the same place.
SHANK_GAP_UM = 200.0


def shank_numbers(names: list[str]) -> I64:
    """Turn names of shanks into numbers.

    Parameters
    ----------
    names : list of str
        Name of the shank of each contact.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        The names if all are whole numbers of int64, else their rank of first appearance.

    Examples
    --------
    >>> shank_numbers(["left", "right", "left"]).tolist()
    [0, 1, 0]
    """
    if all(name.isdecimal() and len(name) < 19 for name in names):
        return np.array([int(name) for name in names], np.int64)
    rank = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([rank[name] for name in names], np.int64)


def separate_shanks(positions_um: F64, shanks: I64) -> F64:
    """Move shanks side by side if contacts of different shanks are at the same place.

    Files of tetrodes often give each of them the same square. Two contacts of ONE shank at the same place are left, so
    that `Probe` refuses them.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Positions in um.
    shanks : ndarray of int64, shape (n_contacts,)
        Shank numbers.

    Returns
    -------
    ndarray of float64, shape (n_contacts, 2)
        Positions in um, distinct for contacts of different shanks.
    """
    distinct = len(np.unique(positions_um, axis=0))
    if distinct == len(np.unique(np.column_stack([positions_um, shanks]), axis=0)):
        return positions_um
    width = float(np.nanmax(positions_um[:, 0]) - np.nanmin(positions_um[:, 0]))
    rank = np.unique(shanks, return_inverse=True)[1]
    return positions_um + np.stack([rank * (width + SHANK_GAP_UM), np.zeros(len(rank))], axis=1)
