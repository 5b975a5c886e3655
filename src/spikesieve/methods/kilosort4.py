"""The method kilosort4: Kilosort4's algorithm (Pachitariu et al., Nature Methods 2024) with its defects corrected.

It was written from the published description. docs/kilosort4.md explains every difference; each stage has its own page.
"""

from __future__ import annotations

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.model import Motion, Sorting
from spikesieve.passes.clustering import TimedClusterParams, cluster_detected, cluster_matched
from spikesieve.passes.curation import CurationOf, curate_clusters
from spikesieve.passes.description import DescriptionParams, SortedSpikes, describe
from spikesieve.passes.drift import find_drift, move_to_rest
from spikesieve.passes.matching import match_templates
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.passes.shapes import learn_shapes
from spikesieve.passes.templates import ClusteredSpikes, group_of_templates, make_templates
from spikesieve.settings.sort import Settings


def sort(run: Run, source: Source, settings: Settings, known_motion: Motion | None = None) -> Sorting:
    """Sort a recording: find the spike trains of single neurons.

    The whole recording is read twice (to detect spikes and to match templates), and sample blocks for noise, whitening,
    shapes and waveforms. If the traces are corrected for drift, spikes are detected once more.

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
    source = source.with_preprocessing(run.step("preprocessing", fit_preprocessing, source, settings.preprocess))
    shapes = run.step("shapes", learn_shapes, source, settings.shapes, False)

    drift = find_drift(run, source, shapes, settings.detect, settings, known_motion)
    source, detected, model = drift.source, drift.detected, drift.model
    at_rest = run.step("spikes at rest", move_to_rest, detected, model)
    clusters = run.step("clusters", cluster_detected, at_rest, model.groups, settings.cluster)
    clustered = ClusteredSpikes(detected, at_rest, clusters)
    templates = run.step("templates", make_templates, clustered, shapes, model, settings.templates)
    followed = drift.followed
    run.store.forget("detect", "detect again", "spikes at rest", "clusters")
    del drift, detected, at_rest, clusters, clustered

    matched = run.step("match", match_templates, source, templates, shapes, model, settings.match)
    group, both = group_of_templates(templates, model), TimedClusterParams(settings.cluster, settings.curate)
    again = run.step("clusters again", cluster_matched, source.recording, matched, group, model.groups, both)
    how = CurationOf(shapes, settings.curate, settings.match.threshold)
    units = run.step("units", curate_clusters, source, matched, again, templates, how)
    sorted_spikes = SortedSpikes(shapes, matched, units, followed)
    return run.step("sorting", describe, source, sorted_spikes, DescriptionParams(settings.units, settings.curate))
