"""Kilosort4's algorithm (Pachitariu et al., Nature Methods 2024), from its description, with its defects mended.

docs/ has a page for every stage; docs/kilosort4.md says what differs and why.
"""

from __future__ import annotations

from spikesieve.engine.run import Run
from spikesieve.methods.describe import Final, describe
from spikesieve.methods.grouping import cluster_all
from spikesieve.methods.passes import detect_all, fit_preprocessing, learn_shapes, match_all
from spikesieve.model import Probe, Sorting
from spikesieve.settings import Settings
from spikesieve.stages.curate import Trains, curate
from spikesieve.stages.detect import pitch_um, universal_templates
from spikesieve.stages.features import group_of, make_groups
from spikesieve.stages.match import make_matcher
from spikesieve.stages.templates import learn_templates


def sort(run: Run, probe: Probe, settings: Settings) -> Sorting:
    """Spike trains of single neurons.

    The recording is read twice from end to end (detect, match) and in samples (noise and whitening, shapes, waveforms).
    Drift has its place between the first pass and the clustering; this version holds the probe to be still.
    """
    fitted, odd_contacts = fit_preprocessing(run, probe, settings.preprocess)
    shapes = learn_shapes(run, fitted, settings.shapes)
    xy, shanks, n_contacts = fitted.probe.positions_um, fitted.probe.shanks, fitted.probe.n_contacts

    universal = universal_templates(fitted.probe, settings.detect)
    groups = make_groups(fitted.probe, pitch_um(fitted.probe, settings.detect), settings.features)
    detected = detect_all(run, fitted, shapes, universal, groups, settings.detect)

    first = cluster_all(run, detected, detected.source, groups, settings.cluster, None)
    templates = learn_templates(first.means, n_contacts, shapes, settings.templates)
    peak = templates.peak_contacts
    group_of_template = group_of(xy[peak], shanks[peak], groups)

    matcher = make_matcher(templates, groups.contacts[group_of_template], n_contacts, shapes)
    matched = match_all(run, fitted, shapes, matcher, settings.match)
    second = cluster_all(run, matched, group_of_template[matched.source], groups, settings.cluster, settings.curate)

    trains = Trains(matched.sample, second.unit, run.recording.sampling_hz, run.recording.duration_s)
    trains, means, removed = curate(trains, second.means, n_contacts, shapes, settings.curate)
    final = Final(trains, means, matcher.feature_contacts, (*odd_contacts, *removed))
    return describe(run, fitted, shapes, matched, final, settings)
