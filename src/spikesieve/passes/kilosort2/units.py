"""From the spikes of tracked templates to units: merges, bimodal splits, thresholds by contamination."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.executor import map_in_order
from spikesieve.engine.run import Run
from spikesieve.model import F32, I64
from spikesieve.passes.kilosort2.passes import Bench, Extracted
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.curate import Trains, compare_trains, curate, merged
from spikesieve.stages.kilosort2.cutoff import lowest_score
from spikesieve.stages.kilosort2.split import two_sides
from spikesieve.stages.templates import LearnedTemplates, advanced, concatenate, from_labels

# Spikes that a mean is taken over, evenly spread over the order of the batches.
MOST_SPIKES = 20_000


@dataclass(frozen=True, eq=False)
class Units:
    """Units under way.

    trains    (n_spikes,) units of the extracted spikes, samples moved by the lags of merged templates; -1 = none
    contacts  (n_units, n_near) int64, where each unit is described
    """

    trains: Trains
    contacts: I64


def make_units(
    run: Run, bench: Bench, found: Extracted, contacts: I64, params: CurateParams
) -> tuple[Trains, LearnedTemplates, tuple[str, ...]]:
    """Units from extracted spikes: merged, split, cut off, curated; with their means and what was removed.

    contacts  (n_templates, n_near) int64 of the templates
    """
    recording, pcs, n_contacts = run.recording, bench.shapes.pcs, bench.n_contacts
    spikes = found.spikes
    trains = Trains(spikes.sample, spikes.source.astype(np.int64), recording.sampling_hz, recording.duration_s)
    joined = trains
    for view in found.along:
        joined, _ = merged(joined, _counted(view, joined), n_contacts, pcs, params)
    split = _split(run, bench, found, contacts, Units(joined, contacts), params)
    cut = replace(split, trains=_cut(run, bench, found, split.trains, params))
    return curate(cut.trains, _means(run, bench, found, contacts, cut), n_contacts, bench.shapes, params)


def _counted(view: LearnedTemplates, trains: Trains) -> LearnedTemplates:
    """Templates as they look at one place, with the spikes that are theirs now."""
    owned = trains.unit[trains.unit >= 0]
    return replace(view, n_spikes=np.bincount(owned, minlength=len(view)).astype(np.int64))


def _rows(found: Extracted, trains: Trains, unit: int) -> I64:
    """The spikes of a unit in the order of the batches, within a batch of time."""
    rows = np.flatnonzero(trains.unit == unit)
    return rows[np.lexsort((trains.sample[rows], found.place[rows]))]


def _features(found: Extracted, templates: I64, units: Units, unit: int, rows: I64, pcs: F32) -> F32:
    """Features of spikes of one unit on its contacts and at its time: (n, n_near, n_pcs) float32.

    templates  (n_templates, n_near) int64, where the features were taken
    """
    spikes = found.spikes
    features = np.asarray(spikes.features[rows])
    moved = units.trains.sample[rows] - spikes.sample[rows]
    source = spikes.source[rows]
    for template in np.unique(source):
        of_template = np.flatnonzero(source == template)
        have, want = templates[template], units.contacts[unit]
        if (have != want).any():
            same = (want[:, None] == have) & (want[:, None] >= 0)
            features[of_template] = np.einsum("wh,nhp->nwp", same.astype(np.float32), features[of_template])
        for lag in np.unique(moved[of_template]).tolist():
            late = of_template[moved[of_template] == lag]
            features[late] = advanced(features[late], int(lag), pcs)
    return features


def _means(run: Run, bench: Bench, found: Extracted, templates: I64, units: Units) -> LearnedTemplates:
    """Mean features of every unit."""

    def of_unit(unit: int) -> LearnedTemplates:
        rows = _rows(found, units.trains, unit)
        some = rows[np.linspace(0, len(rows) - 1, MOST_SPIKES).astype(int)] if len(rows) > MOST_SPIKES else rows
        features = _features(found, templates, units, unit, some, bench.shapes.pcs)
        mean = from_labels(features, np.zeros(len(some), np.int64), 1, units.contacts[unit])
        return replace(mean, n_spikes=np.array([len(rows)]))

    parts = list(map_in_order(run.pool, of_unit, range(len(units.contacts)), "units", run.progress))
    return concatenate(parts, templates.shape[1], len(bench.shapes.pcs))


def _split(run: Run, bench: Bench, found: Extracted, templates: I64, units: Units, params: CurateParams) -> Units:
    """Every unit that is two becomes two, each of which is looked at again."""
    unit, contacts = units.trains.unit.copy(), [units.contacts]
    n_units = len(units.contacts)
    step = partial(_parts, bench=bench, found=found, templates=templates, units=units, params=params)
    for parts in map_in_order(run.pool, step, range(n_units), "split", run.progress):
        for rows, of in parts:
            unit[rows] = n_units
            contacts.append(units.contacts[of][None])
            n_units += 1
    return Units(replace(units.trains, unit=unit), np.concatenate(contacts))


def _parts(
    unit: int, *, bench: Bench, found: Extracted, templates: I64, units: Units, params: CurateParams
) -> list[tuple[I64, int]]:
    """What a unit loses: (rows, unit) of each part but the first."""
    rows = _rows(found, units.trains, unit)
    if len(rows) < 2 * bench.params.min_split_spikes:
        return []
    features = _features(found, templates, units, unit, rows, bench.shapes.pcs)
    todo, lost = [np.arange(len(rows))], []
    while todo:
        part = todo.pop()
        second = two_sides(features[part], bench.params)
        if second is None or _one_train(units.trains, rows[part[~second]], rows[part[second]], params):
            lost.append((rows[part], unit))
        else:
            todo += [part[second], part[~second]]
    return lost[1:]


def _one_train(trains: Trains, a: I64, b: I64, params: CurateParams) -> bool:
    verdict = compare_trains(trains.sample[a], trains.sample[b], trains.sampling_hz, trains.duration_s, params)
    return verdict is Verdict.ONE


def _cut(run: Run, bench: Bench, found: Extracted, trains: Trains, params: CurateParams) -> Trains:
    """Every unit without the spikes below its own threshold."""
    unit = trains.unit.copy()
    step = partial(_below, bench=bench, found=found, trains=trains, params=params)
    units = np.unique(unit[unit >= 0]).tolist()
    for rows in map_in_order(run.pool, step, units, "cut off", run.progress):
        unit[rows] = -1
    return replace(trains, unit=unit)


def _below(unit: int, *, bench: Bench, found: Extracted, trains: Trains, params: CurateParams) -> I64:
    rows = np.flatnonzero(trains.unit == unit)
    rows = rows[np.argsort(trains.sample[rows], kind="stable")]
    score = found.spikes.value[rows]

    def other_neuron(a: I64, b: I64) -> bool:
        return compare_trains(a, b, trains.sampling_hz, trains.duration_s, params) is Verdict.TWO

    return rows[score < lowest_score(trains.sample[rows], score, bench.params, other_neuron)]
