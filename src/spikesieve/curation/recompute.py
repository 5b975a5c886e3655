"""The sorting after the actions of a curator: whatever a changed unit has is computed again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from spikesieve.curation.actions import Action, Membership, after, as_sorted
from spikesieve.curation.parts import Parts, parts_of
from spikesieve.curation.waveforms import curated_statistics, curated_templates, mean_features
from spikesieve.model import F32, I64, Sorting, Spikes, Templates, Unit
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import units
from spikesieve.stages.echoes import name_echoes, partial_echoes
from spikesieve.stages.features import FeaturesOfUnits, amplitudes_and_positions
from spikesieve.stages.missed_spikes import found_scores
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.unit_metrics import unit_metrics
from spikesieve.stages.waveforms import peak_to_peak_uv

BY_HAND = "labelled by hand"
# Spikes whose features are copied at a time.
SPIKES_AT_ONCE = 10_000


@dataclass(frozen=True)
class CurationParams:
    """How changed units are described.

    Attributes
    ----------
    units : UnitsParams
        Settings of the unit table.
    curate : CurateParams
        Criteria of the labels.
    """

    units: UnitsParams = field(default_factory=UnitsParams)
    curate: CurateParams = field(default_factory=CurateParams)


def curated(sorting: Sorting, actions: Iterable[Action], params: CurationParams | None = None) -> Sorting:
    """Apply the actions of a curator.

    Parameters
    ----------
    sorting : Sorting
        The sorting before.
    actions : iterable of Action
        Merges, splits, labels and removals, done one after the other.
    params : CurationParams, optional
        Criteria of the labels. Default: those of `Settings`.

    Returns
    -------
    Sorting
        The sorting after. A unit with the same spikes as before keeps its row but for its neighbours; others are
        described again from the features of their spikes. `kept` is True for each spike.

    Raises
    ------
    InputError
        An action names a unit that is not there, a number that is taken, or parts that do not fit the unit.
    """
    params = params or CurationParams()
    membership = after(as_sorted(sorting), actions)
    parts = parts_of(sorting, membership)
    templates = curated_templates(sorting, membership, parts)
    spikes = _in_new_units(sorting, membership, parts)
    means = means_of(spikes, sorting.feature_contacts[parts.base])
    spikes = measured_again(sorting, spikes, means, parts, peak_to_peak_uv(templates))
    alike = _similarity(sorting, means, parts)
    new = replace(
        sorting,
        spikes=spikes,
        templates=templates,
        feature_contacts=means.contacts,
        similarity=alike,
        kept=np.ones(len(spikes), np.bool_),
        waveforms=curated_statistics(sorting, membership, parts),
    )
    return _described(sorting, new, means, parts, membership, params)


def _in_new_units(sorting: Sorting, membership: Membership, parts: Parts) -> Spikes:
    """The spikes that still have a unit, in order of (sample, new row), their features on the contacts of that row."""
    old = sorting.spikes
    rows = np.flatnonzero(membership.unit >= 0)
    unit = np.searchsorted(parts.ids, membership.unit[rows])
    order = np.lexsort((unit, old.sample[rows]))
    rows, row_of_unit = rows[order], unit[order].astype(np.int32)
    wanted, template = sorting.feature_contacts[parts.base], np.asarray(old.unit)
    features = FeaturesOfUnits(old.features, rows, template, sorting.feature_contacts, row_of_unit, wanted)
    taken = {name: getattr(old, name)[rows] for name in ("sample", "detection_template", "amplitude", "amplitude_uv")}
    return Spikes(**taken, unit=row_of_unit, position_um=old.position_um[rows], features=features)


def means_of(spikes: Spikes, contacts: I64) -> LearnedTemplates:
    """Average the features of each unit after a correction.

    Parameters
    ----------
    spikes : Spikes
        The spikes, `unit` being the row of their new unit.
    contacts : ndarray of int64, shape (n_units, n_feature_contacts)
        Contacts of the features of each unit.

    Returns
    -------
    LearnedTemplates
        A row a unit; zeros for a unit without spikes.
    """
    order, edges = _order_by_unit(spikes, len(contacts))
    scores = np.zeros((len(contacts), *spikes.features.shape[1:]), np.float32)
    for k in np.flatnonzero(np.diff(edges)):
        scores[k] = mean_features(spikes.features, order[edges[k] : edges[k + 1]])
    return LearnedTemplates(contacts, scores, np.diff(edges))


def measured_again(sorting: Sorting, spikes: Spikes, means: LearnedTemplates, parts: Parts, ptp_uv: F32) -> Spikes:
    """Measure amplitudes and positions of spikes again where their unit has changed.

    Parameters
    ----------
    sorting : Sorting
        The sorting before.
    spikes : Spikes
        The spikes in their new units.
    means : LearnedTemplates
        Mean features of these.
    parts : Parts
        Which of them have changed.
    ptp_uv : ndarray of float32, shape (n_units,)
        Peak-to-peak amplitude of each new unit in uV.

    Returns
    -------
    Spikes
        Those of unchanged units as they were.
    """
    rows = np.flatnonzero(parts.changed[spikes.unit])
    amplitude, amplitude_uv = spikes.amplitude.copy(), spikes.amplitude_uv.copy()
    position_um = spikes.position_um.copy()
    for start in range(0, len(rows), SPIKES_AT_ONCE):
        part = rows[start : start + SPIKES_AT_ONCE]
        features, unit = np.asarray(spikes.features[part]), spikes.unit[part]
        own, near = means.scores[unit], means.contacts[unit]
        amplitude[part], position_um[part] = amplitudes_and_positions(features, own, near, sorting.probe)
        amplitude_uv[part] = amplitude[part] * ptp_uv[unit]
    return replace(spikes, amplitude=amplitude, amplitude_uv=amplitude_uv, position_um=position_um)


def _similarity(sorting: Sorting, means: LearnedTemplates, parts: Parts) -> F32:
    """Similarity of the new units; that of two unchanged ones as it was."""
    fresh, _ = similarity(overlaps(means, sorting.probe.n_contacts, sorting.pcs), len(means))
    same = ~parts.changed[:, None] & ~parts.changed[None]
    return np.where(same, sorting.similarity[np.ix_(parts.base, parts.base)], fresh).astype(np.float32)


def _described(
    sorting: Sorting,
    new: Sorting,
    means: LearnedTemplates,
    parts: Parts,
    membership: Membership,
    params: CurationParams,
) -> Sorting:
    """Fill in the unit table, the autocorrelograms and the metrics."""
    order, edges = _order_by_unit(new.spikes, len(parts.ids))
    trains = np.split(new.spikes.sample[order], edges[1:-1]) if len(parts.ids) else []
    rows = [sorting.units[base] for base in parts.base]
    acgs = sorting.acgs[parts.base].copy()
    for k, row in zip(
        np.flatnonzero(parts.changed).tolist(), _changed_rows(new, trains, means, parts, params), strict=True
    ):
        rows[k] = row
        acgs[k] = units.autocorrelogram(trains[k], new.sorted_time)
    for k, row in enumerate(rows):
        unknown = {"echo_share": None, "echo_unit": None, "echo_lag_ms": None}
        rows[k] = replace(row, unit=int(parts.ids[k]), **_nearest(k, new.similarity, parts.ids), **unknown)
    echoes = partial_echoes({k: t for k, t in enumerate(trains) if len(t)}, means, new.sorted_time)
    table, _ = name_echoes(rows, echoes)
    labelled = [
        replace(row, label=membership.labels[row.unit], why=BY_HAND) if row.unit in membership.labels else row
        for row in table
    ]
    new = replace(new, units=tuple(labelled), acgs=acgs)
    return replace(new, metrics=unit_metrics(new))


def _nearest(k: int, alike: F32, ids: I64) -> units.NearestUnit:
    nearest = units.nearest_unit(k, alike)
    row = nearest["nearest_unit"]
    return nearest if row is None else {**nearest, "nearest_unit": int(ids[row])}


def _changed_rows(
    new: Sorting, trains: list[I64], means: LearnedTemplates, parts: Parts, params: CurationParams
) -> tuple[Unit, ...]:
    """Rows of the unit table of the changed units."""
    changed = np.flatnonzero(parts.changed)
    expected = means.norms[new.spikes.unit].astype(np.float32)
    least = np.full(len(expected), new.threshold_sd or 0.0, np.float32)
    scores = found_scores(new.spikes.amplitude * expected, least, expected, new.spikes.unit, len(parts.ids))
    where = units.mean_positions(new.spikes.position_um, new.spikes.unit, new.templates, new.probe)
    inputs = units.UnitTableInputs(
        new.probe,
        new.noise_sd_uv,
        new.sorted_time,
        new.motion,
        params.units,
        params.curate,
    )
    table = units.unit_table(
        [trains[k] for k in changed],
        [scores[k] for k in changed],
        Templates(new.templates.uv[changed], new.templates.contacts[changed], new.templates.peak_index),
        where[changed],
        new.similarity[np.ix_(changed, changed)],
        inputs,
    )
    return table if new.threshold_sd is not None else tuple(replace(row, missed=None) for row in table)


def _order_by_unit(spikes: Spikes, n_units: int) -> tuple[I64, I64]:
    """Rows of the spikes unit by unit, and where each unit begins: (n_units + 1,)."""
    order = np.argsort(spikes.unit, kind="stable")
    return order, np.searchsorted(spikes.unit[order], np.arange(n_units + 1)).astype(np.int64)
