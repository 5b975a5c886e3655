"""Templates of units that a correction changed."""

from __future__ import annotations

import numpy as np

from spikesieve.curation.actions import Membership, as_sorted
from spikesieve.curation.parts import Parts, evenly_spaced
from spikesieve.model import F32, F64, I32, I64, RowsOnDemand, Sorting, Templates, WaveformStatistics


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
    old, before = sorting.templates, as_sorted(sorting)
    contacts = old.contacts[parts.base]
    uv = old.uv[parts.base].copy()
    for row in np.flatnonzero(parts.changed):
        mean_uv = mean_waveform_uv(sorting, before, membership.rows[int(parts.ids[row])])
        uv[row] = _on(mean_uv, contacts[row])
    return Templates(uv, contacts, old.peak_index)


def mean_waveform_uv(sorting: Sorting, before: Membership, rows: I32, old: I32 | None = None) -> F64:
    """Compute the mean waveform of any spikes from the templates and features of the units they were sorted into.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    before : Membership
        Its units, from `as_sorted`.
    rows : ndarray of int32, shape (n,)
        The spikes; at least one.
    old : ndarray of int32, shape (n,), optional
        Row of the unit that each was sorted into. Default: it is read.

    Returns
    -------
    ndarray of float64, shape (n_waveform_samples, n_contacts)
        In uV; 0 on contacts on which none of these units was measured.
    """
    old = sorting.spikes.unit[rows] if old is None else old
    total = np.zeros((sorting.templates.uv.shape[1], sorting.probe.n_contacts))
    for part in np.flatnonzero(np.bincount(old)).tolist():
        taken, own = rows[old == part], before.rows[sorting.units[part].unit]
        total += len(taken) * _moved(sorting, part, sorting.templates.uv[part], taken, own)
    return total / len(rows)


def curated_statistics(sorting: Sorting, membership: Membership, parts: Parts) -> WaveformStatistics | None:
    """Compute the SD of the waveforms, and the templates of either half, after a correction.

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
    WaveformStatistics or None
        On the contacts of the base of each new unit; None if those before are not known.

    Notes
    -----
    The templates of a half are computed as those of the whole, from the spikes of that half. The variance of a merged
    unit is the mean of those of its parts plus that of their templates; that of a part is that of the unit.
    """
    old = sorting.waveforms
    if old is None:
        return None
    base, contacts = parts.base, sorting.templates.contacts
    sd_uv, half_uv, half_spikes = old.sd_uv[base].copy(), old.half_uv[:, base].copy(), old.half_spikes[:, base].copy()
    late = sorting.spikes.sample >= sorting.sorted_time.middle
    for row in np.flatnonzero(parts.changed):
        near = contacts[base[row]]
        sd_uv[row] = _on(_merged_sd_uv(sorting, old.sd_uv, parts.n_spikes[row]), near)
        for half in (0, 1):
            total, n = np.zeros((old.half_uv.shape[2], sorting.probe.n_contacts)), 0.0
            for part in np.flatnonzero(parts.n_spikes[row]):
                own = np.flatnonzero((sorting.spikes.unit == part) & (late == half))
                taken = own[membership.unit[own] == parts.ids[row]]
                share = len(taken) / max(1, len(own)) * old.half_spikes[half, part]
                if share:
                    total += share * _moved(sorting, int(part), old.half_uv[half, part], taken, own)
                    n += share
            half_uv[half, row] = _on(total / max(n, 1e-9), near)
            half_spikes[half, row] = round(n)
    return WaveformStatistics(sd_uv, half_uv, half_spikes)


def _merged_sd_uv(sorting: Sorting, sd_uv: F32, n_spikes: I64) -> F64:
    """SD of the spikes of several old rows together: (n_waveform_samples, n_contacts), NaN where none was measured."""
    shape, templates = (sd_uv.shape[1], sorting.probe.n_contacts), sorting.templates
    weight, mean, square = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for part in np.flatnonzero(n_spikes):
        used = templates.contacts[part] >= 0
        near, own, sd = templates.contacts[part][used], templates.uv[part][:, used].astype(np.float64), sd_uv[part]
        known = np.isfinite(sd[:, used]) * float(n_spikes[part])
        weight[:, near] += known
        mean[:, near] += known * own
        square[:, near] += known * (np.nan_to_num(sd[:, used]) ** 2 + own**2)
    weight[weight == 0] = np.nan
    return np.sqrt(np.maximum(square / weight - (mean / weight) ** 2, 0.0))


def _on(dense: F64, contacts: I64) -> F64:
    """Take the columns of some contacts; 0 for unused ones."""
    return np.where(contacts >= 0, dense[:, contacts], 0.0)


def _moved(sorting: Sorting, old: int, mean_uv: F32, taken: I64 | I32, own: I64 | I32) -> F64:
    """Change the mean waveform of some spikes of an old row into that of a part of them, on all contacts."""
    near = sorting.templates.contacts[old]
    dense_uv = np.zeros((mean_uv.shape[0], sorting.probe.n_contacts))
    dense_uv[:, near[near >= 0]] = mean_uv[:, near >= 0]
    if len(taken) < len(own):
        contacts, difference_uv = _difference_uv(sorting, old, taken, own)
        dense_uv[:, contacts] += difference_uv.T
    return dense_uv


def _difference_uv(sorting: Sorting, old: int, taken: I64 | I32, own: I64 | I32) -> tuple[I64, F64]:
    """Contacts, and on each the mean waveform of the taken spikes less that of all these spikes of the unit."""
    used = sorting.feature_contacts[old] >= 0
    contacts = sorting.feature_contacts[old][used]
    scores = mean_features(sorting.spikes.features, taken) - mean_features(sorting.spikes.features, own)
    white = scores[used].astype(np.float64) @ sorting.pcs
    local = sorting.whitening[np.ix_(contacts, contacts)].astype(np.float64)
    return contacts, np.linalg.lstsq(local, white, rcond=None)[0]


def mean_features(features: F32 | RowsOnDemand, rows: I64 | I32) -> F32:
    """Average the features of some spikes, of at most 2000 of them.

    Parameters
    ----------
    features : ndarray of float32, shape (n_spikes, n_feature_contacts, n_pcs), or RowsOnDemand
        Features of all spikes.
    rows : ndarray of int64 or int32, shape (n,)
        The spikes; at least one.

    Returns
    -------
    ndarray of float32, shape (n_feature_contacts, n_pcs)
        Their mean.
    """
    return np.asarray(features[evenly_spaced(rows)].mean(axis=0, dtype=np.float64), np.float32)
