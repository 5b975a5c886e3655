"""Learns units from matched spikes, merges them across drift, and assigns all spikes to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.blocks import Block
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
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.curate import UnitSpikes, curate
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.collisions import collision_templates
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import final_assignment
from spikesieve.stages.sieve.incomplete import complete_templates
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
from spikesieve.stages.sieve.rivals import SpikesAsSeen, find_rivals
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron
from spikesieve.stages.sieve.two_neurons import AlikeUnits
from spikesieve.stages.sieve.unit_templates import renumbered
from spikesieve.stages.tissue import MovingTemplates


@dataclass(frozen=True, eq=False)
class Matching:
    """Input and result of template matching.

    Attributes
    ----------
    templates : MovingTemplates
        The templates.
    shapes : Shapes
        Their temporal components.
    drift : DriftModel
        The drift that they followed.
    seconds : float or None
        Duration that was matched in s; None: the whole recording.
    found : MatchedSpikes
        The matched spikes.
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
        Settings of the likelihood of spikes.
    refine : RefineParams
        Settings of splits, merges and the final assignment.
    """

    fit: FitParams
    refine: RefineParams


@dataclass(frozen=True, eq=False)
class _MergedUnits:
    """Units learned from matched spikes, merged across drift.

    Attributes
    ----------
    learned : LearnedUnits
        All units.
    found : FoundUnits
        Units with enough spikes, as templates at rest.
    merged_into : ndarray of int64, shape (n_found,)
        The merged unit of each.
    moving : MovingTemplates
        The merged units, as templates at every displacement.
    bin_centre : ndarray of int64, shape (n_spikes,)
        Bin of displacement of each spike that was learned from.
    """

    learned: LearnedUnits
    found: FoundUnits
    merged_into: I64
    moving: MovingTemplates
    bin_centre: I64

    @property
    def unit(self) -> I64:
        """The template of `moving` that each spike was learned as, (n_spikes,) int64; -1 = none."""
        return renumbered(np.append(self.merged_into, -1)[self.found.unit], np.unique(self.merged_into))

    @property
    def trains(self) -> list[I64]:
        """Samples of the spikes that each template of `moving` was learned from, ascending."""
        sample = self.learned.spikes.sample
        return [np.sort(sample[rows]) for rows in rows_of_units(self.unit, len(self.moving.rest))]

    def may_be_one(self, params: RefineParams) -> Callable[[int, int], bool]:
        """Whether two templates of `moving` may be one neuron; nothing is known of templates after its last."""
        trains, time = self.trains, self.learned.spikes.time
        alike = AlikeUnits(self.learned.spikes, self.unit, self.bin_centre, params)

        def decide(a: int, b: int) -> bool:
            if max(a, b) >= len(trains):
                return True
            by_times = log_odds_one_neuron(trains[a], trains[b], time) >= -params.refractory_log_odds
            return by_times and alike.may_be_one(a, b)

        return decide


@versioned(13)
def learn_templates_again(
    run: Run, source: Source, matching: Matching, params: LearningParams, shape: TemplatesParams
) -> MovingTemplates:
    """Learn units from the spikes of a part of the recording, as templates for the whole recording.

    Templates of neurons that fire too rarely to be learned from this part are kept. Templates that are the sum of two
    others are removed.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording.
    matching : Matching
        Matched spikes of a part of it.
    params : LearningParams
        Settings of learning.
    shape : TemplatesParams
        Criteria of duplicate templates.

    Returns
    -------
    MovingTemplates
        Templates, with their number of spikes extrapolated to the whole recording.
    """
    drift, hz = matching.drift, source.sampling_hz
    units = _merged_units(run, source, matching, params, _described(source, matching))
    seconds = _seconds(source, matching)
    share = seconds / source.used_s
    pcs = matching.shapes.pcs
    moving = concatenate_templates(
        complete_templates(units.moving, units.learned.spikes, units.unit, matching.templates),
        rarely_seen(matching.templates, units.found.parent, share, params.refine),
    )
    n_contacts = drift.probe.n_contacts
    may_be_one = units.may_be_one(params.refine)
    moving = without_moving_duplicates(moving, n_contacts, matching.shapes, shape, may_be_one)
    is_sum = collision_templates(moving.rest, n_contacts, pcs, seconds, hz, params.fit)
    single = np.flatnonzero(~is_sum & (moving.rest.n_spikes > 0))
    n_spikes = np.round(moving.rest.n_spikes[single] * source.used_s / seconds).astype(np.int64)
    return moving.take(single, n_spikes)


@versioned(20)
def final_units(
    run: Run, source: Source, matching: Matching, params: LearningParams, curation: CurateParams
) -> CuratedUnits:
    """Assign all spikes to units, and curate the units.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording.
    matching : Matching
        Matched spikes of the whole recording.
    params : LearningParams
        Settings of learning and assignment.
    curation : CurateParams
        Criteria of merges, duplicates and double detections.

    Returns
    -------
    CuratedUnits
        The unit of every matched spike.
    """
    matched, n_contacts = _described(source, matching), matching.drift.probe.n_contacts
    as_seen = _as_seen(source, matching, matched)
    rivals = find_rivals(matched, as_seen, params.fit, params.refine, run.here.map)
    own = rivals.own(matched.template)
    units = _merged_units(run, source, matching, params, matched.take(own))
    means = means_after_merging(units.learned, units.merged_into, run.here.map_kept)
    del units
    spikes = matched.take(own)
    kept = final_assignment(spikes, means, params.fit, params.refine, run.here.map_kept)
    alike = AlikeUnits(spikes, kept.unit, _matched_steps(source, matching, spikes).bin_centre, params.refine)
    give_back()
    unit, sample = np.full(len(matched.sample), -1), matched.sample.copy()
    unit[own], sample[own] = kept.unit, kept.sample
    unit, sample = rivals.hand_over(matched, unit, sample)
    seen_share = matched.seen_share_of_units(unit, len(kept.means))
    trains = UnitSpikes(sample, unit, source.recording.sorted_time, seen_share=seen_share)
    trains, final, removed = curate(trains, kept.means, n_contacts, matching.shapes, curation, alike.may_be_one)
    found = matching.found
    least = float(np.median(found.score - found.excess)) if len(found.score) else 0.0
    notes = (*kept.notes, *removed)
    return CuratedUnits(trains, final, matching.templates.rest.contacts, least, notes)


def _seconds(source: Source, matching: Matching) -> float:
    return source.seconds_of(_blocks(source, matching))


def _described(source: Source, matching: Matching) -> DescribedSpikes:
    """The matched spikes with everything that is needed to assign them."""
    found, templates = matching.found, matching.templates.rest
    size = found.norm / np.maximum(templates.norms, 1e-9)[found.template]
    seen_share = None
    if found.n_seen is not None and found.n_times is not None:
        seen_share = found.n_seen.sum(axis=0) / found.n_times.sum()
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
        source.recording.sorted_time,
        _seconds(source, matching),
        found.whole,
        seen_share,
    )


def _merged_units(
    run: Run, source: Source, matching: Matching, params: LearningParams, matched: DescribedSpikes
) -> _MergedUnits:
    """Units learned from matched spikes, and merged by comparing them at the displacements where both were seen."""
    drift = matching.drift
    learned = learn_units(matched, params.fit, params.refine, run.here.map_kept)
    found, spikes = FoundUnits(*learned_templates(learned), learned.assignment.amplitude), learned.spikes
    matched_at = _matched_steps(source, matching, spikes)
    observed = observe_units(learned.loaded or spikes, found, matched_at, run.here.map_kept)
    learned = replace(learned, loaded=None)
    if len(matching.templates.steps_um) > 1:
        merged_into, moving = merge_across_drift(observed, spikes, drift.tissue, params.refine, run.map_kept)
    else:
        merged_into = np.arange(len(observed.observed))
        moving = units_as_moving_templates(observed, merged_into, drift.tissue, run.map_kept)
    return _MergedUnits(learned, found, merged_into, moving, matched_at.bin_centre)


def _matched_steps(source: Source, matching: Matching, spikes: DescribedSpikes) -> MatchedSteps:
    """Displacement step at which each spike was matched: that of its template in the middle of its block."""
    seen = _as_seen(source, matching, spikes)
    steps = seen.steps
    seconds = np.zeros((len(matching.templates.steps_um), steps.shape[1]))
    time = replace(source.recording.sorted_time, blanked=matching.found.blanked)
    blocks = _blocks(source, matching)
    start, stop = (np.array([getattr(block, end) for block in blocks]) for end in ("start", "stop"))
    used_s = time.elapsed_s(stop) - time.elapsed_s(start)
    np.add.at(seconds, (steps, np.arange(steps.shape[1])), used_s[:, None])
    tissue = matching.drift.tissue.params
    width = max(1, round(tissue.displacement_bin_um / tissue.displacement_step_um))
    return MatchedSteps(matching.templates, steps[seen.block, spikes.template], seconds, width)


def _as_seen(source: Source, matching: Matching, spikes: DescribedSpikes) -> SpikesAsSeen:
    """Displacement steps of all templates in the middle of each block, and the block of each spike."""
    blocks, probe, templates = _blocks(source, matching), matching.drift.probe, matching.templates
    peak = templates.rest.peak_contacts
    at_block = np.repeat([block.middle / source.sampling_hz for block in blocks], len(peak))
    everywhere = np.tile(probe.positions_um[peak, 1], len(blocks)), np.tile(probe.shanks[peak], len(blocks))
    steps = templates.step_of(matching.drift.motion.at(at_block, *everywhere)).reshape(len(blocks), len(peak))
    block_of_spike = np.searchsorted([block.start for block in blocks], spikes.sample, side="right") - 1
    return SpikesAsSeen(templates, steps, block_of_spike)


def _blocks(source: Source, matching: Matching) -> tuple[Block, ...]:
    return source.blocks if matching.seconds is None else source.part(matching.seconds)


def rarely_seen(before: MovingTemplates, parent: I64, share: float, params: RefineParams) -> MovingTemplates:
    """Select the templates of neurons that fire too rarely to be learned from a part of the recording.

    Parameters
    ----------
    before : MovingTemplates
        Templates that were matched, with their number of spikes in the whole recording.
    parent : ndarray of int64, shape (n_units,)
        Template that found most spikes of each learned unit.
    share : float
        Duration of the part as a share of the recording.
    params : RefineParams
        Smallest number of spikes of a unit.

    Returns
    -------
    MovingTemplates
        Templates from which no unit was learned, with the expected number of spikes in the part.
    """
    expected = before.rest.n_spikes * share
    rare = np.setdiff1d(np.flatnonzero(expected < params.min_spikes), parent)
    return before.take(rare, np.round(expected[rare]).astype(np.int64))
