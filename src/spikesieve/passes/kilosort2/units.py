"""Makes units from the spikes of tracked templates: merges, bimodal splits, thresholds by contamination."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.model import F32, I64
from spikesieve.passes.curation import CuratedUnits
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.kilosort2.tracking import Extracted
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.curate import UnitSpikes, compare_trains, curate, merge_units
from spikesieve.stages.kilosort2.cutoff import lowest_score
from spikesieve.stages.kilosort2.split import two_sides
from spikesieve.stages.templates import LearnedTemplates, advanced, concatenate, from_labels

# Largest number of spikes in a mean; they are evenly spread over the order of the batches.
MOST_SPIKES = 20_000


@dataclass(frozen=True, eq=False)
class _Units:
    """Units before curation is complete.

    Attributes
    ----------
    trains : UnitSpikes
        Unit of each extracted spike, -1 for none. Samples are corrected for the lags of merged templates.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts on which the features of each unit are measured.
    """

    trains: UnitSpikes
    contacts: I64


@versioned(8)
def make_units(run: Run, batched: BatchedSource, found: Extracted, contacts: I64, params: CurateParams) -> CuratedUnits:
    """Make units from extracted spikes: merge, split, apply a threshold for each unit, curate.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    batched : BatchedSource
        The recording.
    found : Extracted
        All spikes.
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts on which the features of each template's spikes are measured.
    params : CurateParams
        The settings.

    Returns
    -------
    CuratedUnits
        The unit of every spike.
    """
    recording, pcs, n_contacts = batched.source.recording, batched.shapes.pcs, batched.n_contacts
    spikes = found.spikes
    trains = UnitSpikes(spikes.sample, spikes.template.astype(np.int64), recording.sorted_time)
    joined = trains
    for view in found.along:
        joined, _ = merge_units(joined, _counted(view, joined), n_contacts, pcs, params)
    split = _split(run, batched, found, _Units(joined, contacts), params)
    cut = replace(split, trains=_cut(run, batched, found, split.trains, params))
    of_features = _FeaturesOf(found, contacts, cut, pcs)
    trains, means, removed = curate(cut.trains, _means(run, of_features), n_contacts, batched.shapes, params)
    return CuratedUnits(trains, means, contacts, batched.params.threshold, removed)


def _counted(view: LearnedTemplates, trains: UnitSpikes) -> LearnedTemplates:
    """Templates as they look at one place, with their current number of spikes."""
    owned = trains.unit[trains.unit >= 0]
    return replace(view, n_spikes=np.bincount(owned, minlength=len(view)).astype(np.int64))


def _rows(found: Extracted, trains: UnitSpikes, unit: int) -> I64:
    """Rows of the spikes of a unit, in the order of the batches, and in order of time within a batch."""
    rows = np.flatnonzero(trains.unit == unit)
    return rows[np.lexsort((trains.sample[rows], found.place[rows]))]


@dataclass(frozen=True, eq=False)
class _FeaturesOf:
    """Computes the features of the spikes of a unit; those of each template were measured on templates[template]."""

    found: Extracted
    templates: I64
    units: _Units
    pcs: F32

    def __call__(self, unit: int, rows: I64) -> F32:
        """Features of spikes of one unit, on its contacts and at its time: (n, n_near, n_pcs) float32."""
        spikes, units = self.found.spikes, self.units
        features = np.asarray(spikes.features[rows])
        moved = units.trains.sample[rows] - spikes.sample[rows]
        source = spikes.template[rows]
        for template in np.unique(source):
            of_template = np.flatnonzero(source == template)
            measured, wanted = self.templates[template], units.contacts[unit]
            if (measured != wanted).any():
                same = (wanted[:, None] == measured) & (wanted[:, None] >= 0)
                features[of_template] = np.einsum("wh,nhp->nwp", same.astype(np.float32), features[of_template])
            for lag in np.unique(moved[of_template]).tolist():
                late = of_template[moved[of_template] == lag]
                features[late] = advanced(features[late], int(lag), self.pcs)
        return features


def _means(run: Run, features_of: _FeaturesOf) -> LearnedTemplates:
    """Mean features of every unit."""
    units = features_of.units
    parts = list(run.map_kept(partial(_mean_of_unit, features_of), range(len(units.contacts)), "units"))
    return concatenate(parts, features_of.templates.shape[1], len(features_of.pcs))


def _mean_of_unit(features_of: _FeaturesOf, unit: int) -> LearnedTemplates:
    units = features_of.units
    rows = _rows(features_of.found, units.trains, unit)
    used = rows[np.linspace(0, len(rows) - 1, MOST_SPIKES).astype(int)] if len(rows) > MOST_SPIKES else rows
    mean = from_labels(features_of(unit, used), np.zeros(len(used), np.int64), 1, units.contacts[unit])
    return replace(mean, n_spikes=np.array([len(rows)]))


def _split(run: Run, batched: BatchedSource, found: Extracted, units: _Units, params: CurateParams) -> _Units:
    """Split units that consist of two neurons, and their parts again."""
    unit, contacts = units.trains.unit.copy(), [units.contacts]
    n_units = len(units.contacts)
    features_of = _FeaturesOf(found, units.contacts, units, batched.shapes.pcs)
    step = partial(_parts, kilosort2=batched.params, features_of=features_of, params=params)
    for parts in run.map_kept(step, range(n_units), "split"):
        for rows, split_unit in parts:
            unit[rows] = n_units
            contacts.append(units.contacts[split_unit][None])
            n_units += 1
    return _Units(replace(units.trains, unit=unit), np.concatenate(contacts))


def _parts(
    unit: int, *, kilosort2: Kilosort2Params, features_of: _FeaturesOf, params: CurateParams
) -> list[tuple[I64, int]]:
    """Rows and unit of every part that is split off a unit."""
    trains = features_of.units.trains
    rows = _rows(features_of.found, trains, unit)
    if len(rows) < 2 * kilosort2.min_split_spikes:
        return []
    features = features_of(unit, rows)
    todo, parts = [np.arange(len(rows))], []
    while todo:
        part = todo.pop()
        second = two_sides(features[part], kilosort2)
        if second is None or _one_train(trains, rows[part[~second]], rows[part[second]], params):
            parts.append((rows[part], unit))
        else:
            todo += [part[second], part[~second]]
    return parts[1:]


def _one_train(trains: UnitSpikes, a: I64, b: I64, params: CurateParams) -> bool:
    verdict = compare_trains(trains.sample[a], trains.sample[b], trains.time, params)
    return verdict is Verdict.ONE


def _cut(run: Run, batched: BatchedSource, found: Extracted, trains: UnitSpikes, params: CurateParams) -> UnitSpikes:
    """Remove the spikes below the threshold of their unit."""
    unit = trains.unit.copy()
    step = partial(_below, kilosort2=batched.params, score=found.spikes.score, trains=trains, params=params)
    units = np.unique(unit[unit >= 0]).tolist()
    for rows in run.map_kept(step, units, "cut off"):
        unit[rows] = -1
    return replace(trains, unit=unit)


def _below(unit: int, *, kilosort2: Kilosort2Params, score: F32, trains: UnitSpikes, params: CurateParams) -> I64:
    rows = np.flatnonzero(trains.unit == unit)
    rows = rows[np.argsort(trains.sample[rows], kind="stable")]
    own = np.asarray(score[rows])

    def other_neuron(a: I64, b: I64) -> bool:
        return compare_trains(a, b, trains.time, params) is Verdict.TWO

    return rows[own < lowest_score(trains.sample[rows], own, kilosort2, other_neuron)]
