"""The units in matched spikes: learned from some, merged across drift, and given all spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.engine.heap import give_back
from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import I64
from spikesieve.passes.curation import CuratedUnits
from spikesieve.passes.drift import DriftModel
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.curate import UnitSpikes, curate
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.collisions import collision_templates
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import final_assignment
from spikesieve.stages.sieve.learning import LearnedUnits, learn_units, learned_templates, means_after_merging
from spikesieve.stages.sieve.merge_across_drift import merge_across_drift
from spikesieve.stages.sieve.moving_units import (
    FoundUnits,
    MatchedSteps,
    concatenate_templates,
    observe_units,
    units_as_moving_templates,
    without_moving_duplicates,
)
from spikesieve.stages.tissue import MovingTemplates


@dataclass(frozen=True, eq=False)
class Matching:
    """A pass of matching: what was matched, and what was found.

    Attributes
    ----------
    templates : MovingTemplates
        The templates.
    shapes : Shapes
        Their temporal components.
    drift : DriftModel
        The displacement that they followed.
    seconds : float or None
        How much of the recording was matched; None: all.
    found : MatchedSpikes
        The spikes.
    """

    templates: MovingTemplates
    shapes: Shapes
    drift: DriftModel
    seconds: float | None
    found: MatchedSpikes


@dataclass(frozen=True)
class LearningParams:
    """Settings of learning units from matched spikes.

    Attributes
    ----------
    fit : FitParams
        How spikes are weighed.
    refine : RefineParams
        How units are split, merged and kept.
    """

    fit: FitParams
    refine: RefineParams


@dataclass(frozen=True, eq=False)
class _MergedUnits:
    """Units in the spikes of moving templates, merged across drift.

    Attributes
    ----------
    learned : LearnedUnits
        The units.
    found : FoundUnits
        Those with enough spikes, as templates at rest.
    merged_into : ndarray of int64, shape (n_found,)
        The unit that each is a part of.
    moving : MovingTemplates
        The units that are left, as templates at every displacement.
    """

    learned: LearnedUnits
    found: FoundUnits
    merged_into: I64
    moving: MovingTemplates


@versioned(1)
def learn_templates_again(
    run: Run, source: Source, matching: Matching, params: LearningParams, shape: TemplatesParams
) -> MovingTemplates:
    """Learn the units in the spikes of a part of the recording, as templates for all of it.

    Templates of neurons that are too rare to be learned in that part stay. Templates that are the sum of two others are
    left out.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording.
    matching : Matching
        Spikes of a part of it.
    params : LearningParams
        How units are learned.
    shape : TemplatesParams
        Which templates are duplicates.

    Returns
    -------
    MovingTemplates
        With the number of spikes that the whole recording has, if it is like the part.
    """
    drift, hz = matching.drift, source.sampling_hz
    units = _merged_units(run, source, matching, params)
    seconds = _seconds(source, matching)
    share = seconds / source.recording.duration_s
    moving = concatenate_templates(
        units.moving, rarely_seen(matching.templates, units.found.parent, share, params.refine)
    )
    n_contacts = drift.probe.n_contacts
    moving = without_moving_duplicates(moving, n_contacts, matching.shapes, shape)
    is_sum = collision_templates(moving.rest, n_contacts, matching.shapes.pcs, seconds, hz, params.fit)
    single = np.flatnonzero(~is_sum)
    n_spikes = np.round(moving.rest.n_spikes[single] * source.recording.duration_s / seconds).astype(np.int64)
    return moving.take(single, n_spikes)


@versioned(1)
def final_units(
    run: Run, source: Source, matching: Matching, params: LearningParams, curation: CurateParams
) -> CuratedUnits:
    """Give all spikes to the units in them, and curate the units.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording.
    matching : Matching
        Spikes of all of it.
    params : LearningParams
        How units are learned and kept.
    curation : CurateParams
        Merges, duplicates, double detections.

    Returns
    -------
    CuratedUnits
        The unit of every matched spike.
    """
    matched = _described(source, matching)
    units = _merged_units(run, source, matching, params)
    means = means_after_merging(units.learned, units.merged_into, run.map)
    del units
    kept = final_assignment(matched, means, params.fit, params.refine, run.map)
    give_back()
    trains = UnitSpikes(kept.sample, kept.unit, source.sampling_hz, source.recording.duration_s)
    n_contacts = matching.drift.probe.n_contacts
    trains, final, removed = curate(trains, kept.means, n_contacts, matching.shapes, curation)
    found = matching.found
    least = float(np.median(found.score - found.excess)) if len(found.score) else 0.0
    notes = (*kept.notes, *removed)
    return CuratedUnits(trains, final, matching.templates.rest.contacts, least, notes)


def _seconds(source: Source, matching: Matching) -> float:
    blocks = source.blocks if matching.seconds is None else source.part(matching.seconds)
    return source.seconds_of(blocks)


def _described(source: Source, matching: Matching) -> DescribedSpikes:
    """The spikes with what it takes to judge them."""
    found, templates = matching.found, matching.templates.rest
    size = found.norm / np.maximum(templates.norms, 1e-9)[found.template]
    return DescribedSpikes(
        found.sample,
        found.template,
        found.features,
        found.excess,
        found.amplitude,
        size.astype(np.float32),
        templates.contacts,
        templates.scores,
        matching.shapes.pcs,
        source.sampling_hz,
        _seconds(source, matching),
    )


def _merged_units(run: Run, source: Source, matching: Matching, params: LearningParams) -> _MergedUnits:
    """The units in matched spikes, compared at the displacements where they were seen."""
    before, drift, share = matching.templates, matching.drift, run.map
    learned = learn_units(_described(source, matching), params.fit, params.refine, share)
    found, some = FoundUnits(*learned_templates(learned), learned.assignment.amplitude), learned.spikes
    tissue = drift.tissue.params
    width = max(1, round(tissue.displacement_bin_um / tissue.displacement_step_um))
    step = _steps_of(source, matching, some)
    observed = observe_units(some, found, MatchedSteps(before, step, width), share)
    if len(before.steps_um) > 1:
        merged_into, moving = merge_across_drift(observed, some, drift.tissue, params.refine, share)
    else:
        merged_into = np.arange(len(observed.observed))
        moving = units_as_moving_templates(observed, merged_into, drift.tissue, share)
    return _MergedUnits(learned, found, merged_into, moving)


def _steps_of(source: Source, matching: Matching, spikes: DescribedSpikes) -> I64:
    """The step at which each spike was matched, (n,) int64: that of its template in the middle of its block."""
    blocks = source.blocks if matching.seconds is None else source.part(matching.seconds)
    starts = np.array([block.start for block in blocks])
    middles = np.array([block.middle for block in blocks]) / source.sampling_hz
    probe, templates = matching.drift.probe, matching.templates
    peak = templates.rest.peak_contacts[spikes.template]
    when = middles[np.searchsorted(starts, spikes.sample, side="right") - 1]
    return templates.step_of(matching.drift.motion.at(when, probe.positions_um[peak, 1], probe.shanks[peak]))


def rarely_seen(before: MovingTemplates, parent: I64, share: float, params: RefineParams) -> MovingTemplates:
    """Select the templates of neurons too rare to be learned in a part of the recording.

    Parameters
    ----------
    before : MovingTemplates
        Templates that were matched, with their number of spikes in the whole recording.
    parent : ndarray of int64, shape (n_units,)
        The template that found most spikes of each unit that was learned.
    share : float
        How much of the recording the part is.
    params : RefineParams
        Gives the smallest number of spikes of a unit.

    Returns
    -------
    MovingTemplates
        Those that no unit was learned from, with the number of spikes that the part should have.
    """
    expected = before.rest.n_spikes * share
    rare = np.setdiff1d(np.flatnonzero(expected < params.min_spikes), parent)
    return before.take(rare, np.round(expected[rare]).astype(np.int64))
