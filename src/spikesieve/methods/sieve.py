"""The method sieve: Kilosort4's way to templates, then likelihood. docs/accuracy.md has what each step is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesieve.engine.heap import give_back
from spikesieve.engine.run import Run
from spikesieve.model import F32, Motion, Probe, Sorting
from spikesieve.passes.clustering import cluster_all
from spikesieve.passes.describe import Final, describe
from spikesieve.passes.fitting import (
    a_part,
    fit_all,
    learned_again,
    least_score,
    matched_spikes,
    seconds_of,
    units_in_tissue,
    with_unit_noise,
)
from spikesieve.passes.moving import Rest, follow, moving_matcher, moving_templates, spikes_at_rest
from spikesieve.passes.passes import Detector, SpikeTable, fit_preprocessing, learn_shapes
from spikesieve.settings.sort import Settings
from spikesieve.stages.curate import Trains, curate
from spikesieve.stages.detect import pitch_um, universal_templates
from spikesieve.stages.features import make_groups
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.compete import Matched, Means
from spikesieve.stages.sieve.refine import as_parts, keep
from spikesieve.stages.templates import LearnedTemplates, learn_templates
from spikesieve.stages.tissue import MovingTemplates, Tissue


def sort(run: Run, probe: Probe, settings: Settings) -> Sorting:
    """Spike trains of single neurons.

    The recording is read twice from end to end (detect, fit), once in part (fit, to learn the units) and in samples
    (noise, shapes, waveforms).
    """
    fitted, odd_contacts = fit_preprocessing(run, probe, settings.preprocess)
    shapes = learn_shapes(run, fitted, settings.shapes)
    fitted, noise_sd = with_unit_noise(run, fitted, shapes)
    run, moved, rest, templates = first_templates(run, fitted, shapes, noise_sd, settings)
    templates = second_templates(run, fitted, shapes, templates, rest, settings)

    final_fit = settings.fit.model_copy(update={"min_log_odds": settings.fit.final_log_odds})
    found = fit_all(run, fitted, shapes, moving_matcher(run, templates, shapes, rest), final_fit)
    trains, means, removed = final_units(run, found, templates, rest, shapes, settings)

    notes = (*odd_contacts, *removed)
    least = least_score(*found)
    final = Final(trains, means, templates.rest.contacts, least, notes, moved, rest.motion)
    return describe(run, fitted, shapes, found[0], final, settings)


def first_templates(
    run: Run, fitted: Preprocessing, shapes: Shapes, noise_sd: float, settings: Settings
) -> tuple[Run, Motion, Rest, MovingTemplates]:
    """Templates from detected spikes, which are many and needed no longer; what follows the tissue, and how it moved.

    noise_sd  median SD of scores of noise, before it was made 1
    """
    probe, hz = fitted.probe, run.recording.sampling_hz
    # The threshold is in SD of the traces, as in Kilosort4; what is noise will be told by its likelihood.
    threshold = settings.fit.detection_threshold_ratio * settings.detect.threshold / noise_sd
    detect = settings.detect.model_copy(update={"threshold": threshold})
    groups = make_groups(probe, pitch_um(probe, detect), settings.features)
    detector = Detector(shapes, universal_templates(probe, detect), groups, detect)
    followed = follow(run, fitted, detector, settings.motion, settings.tissue)
    rest = Rest(followed.motion, Tissue(probe, fitted.whitening, settings.tissue), groups, hz, run.share)
    still = spikes_at_rest(run, followed.detected, rest)
    first = cluster_all(run, still.spikes, still.spikes.source, groups, settings.cluster, None)
    families = learn_templates(first.means, probe.n_contacts, shapes, settings.templates)
    templates = moving_templates(followed.detected, still, first, families, shapes, rest)
    return followed.run, followed.found, rest, templates


def second_templates(
    run: Run, fitted: Preprocessing, shapes: Shapes, first: MovingTemplates, rest: Rest, settings: Settings
) -> MovingTemplates:
    """Templates of the units in the spikes that the first ones explain best in a part of the recording."""
    part = a_part(run, settings.fit.learning_duration_s)
    found = fit_all(part, fitted, shapes, moving_matcher(run, first, shapes, rest), settings.fit)
    matched = matched_spikes(part, found, first.rest, shapes)
    templates = learned_again(part, matched, first, shapes, rest, settings)
    whole = np.round(templates.rest.n_spikes * seconds_of(run) / seconds_of(part)).astype(np.int64)
    return replace(templates, rest=replace(templates.rest, n_spikes=whole))


def final_units(
    run: Run,
    found: tuple[SpikeTable, F32],
    templates: MovingTemplates,
    rest: Rest,
    shapes: Shapes,
    settings: Settings,
) -> tuple[Trains, LearnedTemplates, tuple[str, ...]]:
    """All spikes by the units in them, the units' means, and what was left out and why."""
    matched = matched_spikes(run, found, templates.rest, shapes)
    means = whole_units(run, matched, templates, rest, settings)
    kept = keep(matched, means, settings.fit, settings.refine, run.share)
    give_back()
    trains = Trains(kept.sample, kept.unit, run.recording.sampling_hz, run.recording.duration_s)
    trains, final, removed = curate(trains, kept.means, rest.tissue.probe.n_contacts, shapes, settings.curate)
    return trains, final, (*kept.notes, *removed)


def whole_units(run: Run, matched: Matched, templates: MovingTemplates, rest: Rest, settings: Settings) -> Means:
    """The units in all spikes, parts put together; which spikes they were learned from is needed no longer."""
    units = units_in_tissue(run, matched, templates, rest, settings)
    return as_parts(units.learned, units.became, run.share)
