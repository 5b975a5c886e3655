"""Templates of units that a correction changed."""

from __future__ import annotations

import numpy as np

from spikesieve.curation.actions import Membership
from spikesieve.curation.parts import Parts, evenly_spaced
from spikesieve.model import F32, F64, I64, RowsOnDemand, Sorting, Templates


def curated_templates(sorting: Sorting, membership: Membership, parts: Parts) -> Templates:
    """Compute the templates after a correction.

    Parameters
    ----------
    sorting : Sorting
        The sorting before.
    membership : Membership
        The units after.
    parts : Parts
        What they are made of.

    Returns
    -------
    Templates
        A row for each new unit, on the contacts of its base. That of a unit with the same spikes is the same.

    Notes
    -----
    The template of a merged unit is the mean of those of its parts, weighted by their spikes. That of a part of a unit
    is the unit's template plus the difference of their mean features, as waveforms without whitening.
    """
    old = sorting.templates
    contacts = old.contacts[parts.base]
    uv = old.uv[parts.base].copy()
    for row in np.flatnonzero(parts.changed):
        used = contacts[row] >= 0
        total = np.zeros((old.uv.shape[1], sorting.probe.n_contacts))
        for part in np.flatnonzero(parts.n_spikes[row]):
            total += parts.n_spikes[row, part] * _template_of_part(sorting, membership, int(part), int(parts.ids[row]))
        uv[row] = 0.0
        uv[row][:, used] = (total / parts.n_spikes[row].sum())[:, contacts[row][used]]
    return Templates(uv, contacts, old.peak_index)


def _template_of_part(sorting: Sorting, membership: Membership, old: int, unit: int) -> F64:
    """Mean waveform in uV of the spikes of an old row that are now in a unit: (n_waveform_samples, n_contacts)."""
    templates = sorting.templates
    near = templates.contacts[old]
    mean_uv = np.zeros((templates.uv.shape[1], sorting.probe.n_contacts))
    mean_uv[:, near[near >= 0]] = templates.uv[old][:, near >= 0]
    own = np.flatnonzero(sorting.spikes.unit == old)
    taken = own[membership.unit[own] == unit]
    if len(taken) == len(own):
        return mean_uv
    contacts, difference_uv = _difference_uv(sorting, old, taken, own)
    mean_uv[:, contacts] += difference_uv.T
    return mean_uv


def _difference_uv(sorting: Sorting, old: int, taken: I64, own: I64) -> tuple[I64, F64]:
    """Contacts, and on each the mean waveform of the taken spikes less that of all spikes of the unit."""
    used = sorting.feature_contacts[old] >= 0
    contacts = sorting.feature_contacts[old][used]
    scores = mean_features(sorting.spikes.features, taken) - mean_features(sorting.spikes.features, own)
    white = scores[used].astype(np.float64) @ sorting.pcs
    local = sorting.whitening[np.ix_(contacts, contacts)].astype(np.float64)
    return contacts, np.linalg.lstsq(local, white, rcond=None)[0]


def mean_features(features: F32 | RowsOnDemand, rows: I64) -> F32:
    """Average the features of some spikes, of at most 2000 of them.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs), or RowsOnDemand
        Features of all spikes.
    rows : ndarray of int64, shape (n,)
        The spikes; at least one.

    Returns
    -------
    ndarray of float32, shape (n_feature_contacts, n_pcs)
        Their mean.
    """
    return np.asarray(features[evenly_spaced(rows)].mean(axis=0, dtype=np.float64), np.float32)
