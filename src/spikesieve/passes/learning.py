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
from spikesieve.stages.curate import Trains, curate
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.compete import Matched
from spikesieve.stages.sieve.follow import FoundUnits, distinct, followed_again, seen_on_probe, together
from spikesieve.stages.sieve.parts import joined
from spikesieve.stages.sieve.refine import Learned, as_parts, keep, learn, templates_of
from spikesieve.stages.sieve.sums import sums_of_two
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
class _UnitsInTissue:
    """Units in the spikes of moving templates, and which are parts of one neuron.

    learned  the units
    found    those with enough spikes, as templates at rest
    became   (n_found,) int64, the one that each is a part of
    moving   those that are left, as templates that move
    """

    learned: Learned
    found: FoundUnits
    became: I64
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
    units = _units_in_tissue(run, source, matching, params)
    seconds = _seconds(source, matching)
    share = seconds / source.recording.duration_s
    moving = together(units.moving, _rarely_seen(matching.templates, units.found.parent, share, params.refine))
    n_contacts = drift.probe.n_contacts
    moving = distinct(moving, n_contacts, matching.shapes, shape)
    single = np.flatnonzero(~sums_of_two(moving.rest, n_contacts, matching.shapes.pcs, seconds, hz, params.fit))
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
    units = _units_in_tissue(run, source, matching, params)
    means = as_parts(units.learned, units.became, run.map)
    del units
    kept = keep(matched, means, params.fit, params.refine, run.map)
    give_back()
    trains = Trains(kept.sample, kept.unit, source.sampling_hz, source.recording.duration_s)
    n_contacts = matching.drift.probe.n_contacts
    trains, final, removed = curate(trains, kept.means, n_contacts, matching.shapes, curation)
    found = matching.found
    least = float(np.median(found.score - found.excess)) if len(found.score) else 0.0
    notes = (*kept.notes, *removed)
    return CuratedUnits(trains, final, matching.templates.rest.contacts, least, notes)


def _seconds(source: Source, matching: Matching) -> float:
    blocks = source.blocks if matching.seconds is None else source.part(matching.seconds)
    return source.seconds_of(blocks)


def _described(source: Source, matching: Matching) -> Matched:
    """The spikes with what it takes to judge them."""
    found, templates = matching.found, matching.templates.rest
    size = found.norm / np.maximum(templates.norms, 1e-9)[found.template]
    return Matched(
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


def _units_in_tissue(run: Run, source: Source, matching: Matching, params: LearningParams) -> _UnitsInTissue:
    """The units in matched spikes, compared at the displacements where they were seen."""
    before, drift, share = matching.templates, matching.drift, run.map
    learned = learn(_described(source, matching), params.fit, params.refine, share)
    found, some = FoundUnits(*templates_of(learned), learned.now.amplitude), learned.spikes
    tissue = drift.tissue.params
    width = max(1, round(tissue.bin_um / tissue.step_um))
    step = _steps_of(source, matching, some)
    seen = seen_on_probe(some, found, step, before, width, share)
    if len(before.steps_um) > 1:
        became, moving = joined(seen, some, drift.tissue, params.refine, share)
    else:
        became = np.arange(len(seen.seen))
        moving = followed_again(seen, became, drift.tissue, share)
    return _UnitsInTissue(learned, found, became, moving)


def _steps_of(source: Source, matching: Matching, spikes: Matched) -> I64:
    """The step at which each spike was matched, (n,) int64: that of its template in the middle of its block."""
    blocks = source.blocks if matching.seconds is None else source.part(matching.seconds)
    starts = np.array([block.start for block in blocks])
    middles = np.array([block.middle for block in blocks]) / source.sampling_hz
    probe, templates = matching.drift.probe, matching.templates
    peak = templates.rest.peak_contacts[spikes.source]
    when = middles[np.searchsorted(starts, spikes.sample, side="right") - 1]
    return templates.step_of(matching.drift.motion.at(when, probe.positions_um[peak, 1], probe.shanks[peak]))


def _rarely_seen(before: MovingTemplates, parent: I64, share: float, params: RefineParams) -> MovingTemplates:
    """The templates that no unit was learned from, of neurons too rare to be learned in this share of the recording."""
    expected = before.rest.n_spikes * share
    rare = np.setdiff1d(np.flatnonzero(expected < params.min_spikes), parent)
    return before.take(rare, np.round(expected[rare]).astype(np.int64))
