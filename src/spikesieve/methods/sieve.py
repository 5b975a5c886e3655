"""The method sieve: templates as in Kilosort4, then matching and units by likelihood.

docs/benchmarks/accuracy.md shows how much each step contributes.
"""

from __future__ import annotations

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.model import Motion, Sorting
from spikesieve.passes.clustering import cluster_detected
from spikesieve.passes.description import DescriptionParams, SortedSpikes, describe
from spikesieve.passes.detection import with_detection_threshold
from spikesieve.passes.drift import find_drift, move_to_rest
from spikesieve.passes.learning import LearningParams, Matching, final_units, learn_templates_again
from spikesieve.passes.matching import LikelihoodLimits, match_by_likelihood
from spikesieve.passes.preprocessing import fit_preprocessing, with_unit_score_noise
from spikesieve.passes.shapes import learn_shapes
from spikesieve.passes.templates import ClusteredSpikes, make_templates
from spikesieve.settings.sort import Settings


def sort(run: Run, source: Source, settings: Settings, known_motion: Motion | None = None) -> Sorting:
    """Sort a recording: find the spike trains of single neurons.

    The whole recording is read twice (to detect spikes and to match templates), a part of it once more to learn units,
    and sample blocks for noise, shapes and waveforms.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.
    settings : Settings
        All settings.
    known_motion : Motion or None, optional
        Displacement of the tissue that was measured elsewhere.

    Returns
    -------
    Sorting
        The result.
    """
    whitened = source.with_preprocessing(run.step("noise", fit_preprocessing, source, settings.preprocess))
    shapes = run.step("shapes", learn_shapes, whitened, settings.shapes, True)
    source = whitened.with_preprocessing(run.step("preprocessing", with_unit_score_noise, whitened, shapes))

    limit = settings.fit.for_detection
    fitted = run.step("detection threshold", with_detection_threshold, source, shapes, settings.detect, limit)
    source, detect = source.with_preprocessing(fitted), settings.detect.at(fitted.detection_threshold_sd)
    drift = find_drift(run, source, shapes, detect, settings, known_motion)
    source, detected, model = drift.source, drift.detected, drift.model
    at_rest = run.step("spikes at rest", move_to_rest, detected, model)
    clusters = run.step("clusters", cluster_detected, at_rest, model.groups, settings.cluster)
    clustered = ClusteredSpikes(detected, at_rest, clusters)
    first = run.step("first templates", make_templates, clustered, shapes, model, settings.templates)
    followed = drift.followed
    run.store.forget("detect", "detect again", "spikes at rest", "clusters")
    del drift, detected, at_rest, clusters, clustered

    part = LikelihoodLimits(settings.fit.while_learning, settings.fit.learning_duration_s)
    learn = LearningParams(part.params, settings.refine)
    found = run.step("match a part", match_by_likelihood, source, first, shapes, model, part)
    matched = Matching(first, shapes, model, part.seconds, found)
    templates = run.step("templates", learn_templates_again, source, matched, learn, settings.templates)
    run.store.forget("match a part")
    del found, matched

    fit = settings.fit.when_learned
    found = run.step("match", match_by_likelihood, source, templates, shapes, model, LikelihoodLimits(fit))
    matched = Matching(templates, shapes, model, None, found)
    units = run.step("units", final_units, source, matched, LearningParams(fit, settings.refine), settings.curate)
    sorted_spikes = SortedSpikes(shapes, found, units, followed)
    return run.step("sorting", describe, source, sorted_spikes, DescriptionParams(settings.units, settings.curate))
