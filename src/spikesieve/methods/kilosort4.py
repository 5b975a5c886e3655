"""Kilosort4's algorithm (Pachitariu et al., Nature Methods 2024), from its description, with its defects mended.

docs/ has a page for every stage; docs/kilosort4.md says what differs and why.
"""

from __future__ import annotations

from spikesieve.engine.run import Run
from spikesieve.model import Probe, Sorting
from spikesieve.passes.clustering import cluster_all
from spikesieve.passes.describe import Final, describe
from spikesieve.passes.moving import Rest, follow, moving_matcher, moving_templates, spikes_at_rest
from spikesieve.passes.passes import Detector, fit_preprocessing, learn_shapes, match_all
from spikesieve.settings.sort import Settings
from spikesieve.stages.curate import UnitSpikes, curate
from spikesieve.stages.detect import pitch_um, universal_templates
from spikesieve.stages.features import group_of, make_groups
from spikesieve.stages.templates import learn_templates
from spikesieve.stages.tissue import Tissue


def sort(run: Run, probe: Probe, settings: Settings) -> Sorting:
    """Spike trains of single neurons.

    The recording is read twice from end to end (detect, match) and in samples (noise and whitening, shapes, waveforms);
    once more where the traces are to follow the tissue.
    """
    fitted, odd_contacts = fit_preprocessing(run, probe, settings.preprocess)
    shapes = learn_shapes(run, fitted, settings.shapes)
    probe, n_contacts = fitted.probe, fitted.probe.n_contacts

    universal = universal_templates(probe, settings.detect)
    groups = make_groups(probe, pitch_um(probe, settings.detect), settings.features)
    detector = Detector(shapes, universal, groups, settings.detect)
    followed = follow(run, fitted, detector, settings.motion, settings.tissue)
    run = followed.run
    rest = Rest(
        followed.motion, Tissue(probe, fitted.whitening, settings.tissue), groups, run.recording.sampling_hz, run.share
    )
    still = spikes_at_rest(run, followed.detected, rest)

    first = cluster_all(run, still.spikes, still.spikes.source, groups, settings.cluster, None)
    families = learn_templates(first.means, n_contacts, shapes, settings.templates)
    templates = moving_templates(followed.detected, still, first, families, shapes, rest)
    peak = templates.rest.peak_contacts
    group_of_template = group_of(probe.positions_um[peak], probe.shanks[peak], groups)

    matched = match_all(run, fitted, shapes, moving_matcher(run, templates, shapes, rest), settings.match)
    second = cluster_all(run, matched, group_of_template[matched.source], groups, settings.cluster, settings.curate)

    trains = UnitSpikes(matched.sample, second.unit, run.recording.sampling_hz, run.recording.duration_s)
    trains, means, removed = curate(trains, second.means, n_contacts, shapes, settings.curate)
    notes = (*odd_contacts, *removed)
    least = settings.match.threshold
    final = Final(trains, means, templates.rest.contacts, least, notes, followed.found, followed.motion)
    return describe(run, fitted, shapes, matched, final, settings)
