"""Whether contacts that lie side by side are alike. If others are, the channels are not in the order of the probe."""

from __future__ import annotations

import numpy as np

from spikesieve.geometry import distances_um
from spikesieve.model import F64, Probe

# A partner is near if it is among this many nearest contacts of the probe.
NEAR = 8
# Fewer contacts have no far ones.
MIN_CONTACTS = 4 * NEAR
# The most alike contact of each one must be alike by more than this above the usual pair, or noise chooses it.
MIN_EXCESS = 0.05


def share_of_near_partners(correlation: F64, probe: Probe) -> float | None:
    """Find how often the contact that is most like another one lies near it.

    Parameters
    ----------
    correlation : ndarray of float64, shape (n_contacts, n_contacts)
        Correlation of the contacts, without spikes.
    probe : Probe
        Where they are.

    Returns
    -------
    float or None
        About 1 where the channels are in the right order; where they are not, what chance makes: 8 of all contacts.
        None if there are fewer than 32 contacts, or if none is more like one contact than like the others.

    Examples
    --------
    >>> from spikesieve import read_probe
    >>> probe = read_probe("linear:64:25")
    >>> alike = np.exp(-np.abs(np.subtract.outer(np.arange(64.0), np.arange(64.0))) / 3)
    >>> shuffled = np.random.default_rng(0).permutation(64)
    >>> share_of_near_partners(alike, probe), share_of_near_partners(alike[shuffled][:, shuffled], probe) < 0.3
    (1.0, True)
    """
    n = probe.n_contacts
    if n < MIN_CONTACTS:
        return None
    others = np.where(np.eye(n, dtype=bool), -np.inf, np.nan_to_num(correlation))
    partner, usual = others.argmax(axis=1), float(np.median(others[np.isfinite(others)]))
    telling = others.max(axis=1) - usual > MIN_EXCESS
    if telling.sum() < n / 2:
        return None
    xy, shanks = probe.positions_um, probe.shanks
    rank = np.argsort(np.argsort(distances_um(xy, shanks, xy, shanks), axis=1, kind="stable"), axis=1)
    near = rank[np.arange(n), partner] <= NEAR
    return float(near[telling].mean())
