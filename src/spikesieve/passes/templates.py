"""Makes templates at every displacement from clusters of detected spikes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.model import F32, F64, I64
from spikesieve.passes.clustering import Clusters
from spikesieve.passes.detection import DetectedSpikes
from spikesieve.passes.drift import DriftModel, SpikesAtRest
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.duplicates import TemplateAssignment, learn_templates
from spikesieve.stages.features import add_features, group_of
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, advanced
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict

# Spikes whose features are summed at a time.
SPIKES_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class ClusteredSpikes:
    """Detected spikes with their displacements and clusters.

    Attributes
    ----------
    detected : DetectedSpikes
        The spikes as they were recorded.
    at_rest : SpikesAtRest
        The same, corrected for drift.
    clusters : Clusters
        Their clusters.
    """

    detected: DetectedSpikes
    at_rest: SpikesAtRest
    clusters: Clusters


@versioned(4)
def make_templates(
    run: Run, spikes: ClusteredSpikes, shapes: Shapes, drift: DriftModel, params: TemplatesParams
) -> MovingTemplates:
    """Make templates from clusters, and predict them at every displacement.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    spikes : ClusteredSpikes
        Spikes and clusters.
    shapes : Shapes
        Temporal components.
    drift : DriftModel
        Displacements, and the covariance of footprints.
    params : TemplatesParams
        Criteria for a cluster to become a template.

    Returns
    -------
    MovingTemplates
        Templates, predicted from the spikes that were recorded at each displacement.
    """
    n_contacts = drift.probe.n_contacts
    means = replace(spikes.clusters.means, n_spikes=_counts_if_all_was_seen(spikes))
    families = _in_used_time(learn_templates(means, n_contacts, shapes, params), spikes.detected.used_share)
    xy, shanks = drift.probe.positions_um, drift.probe.shanks
    peak = families.templates.peak_contacts
    contacts = drift.groups.contacts[group_of(xy[peak], shanks[peak], drift.groups)]
    steps = drift.steps_um
    if len(steps) == 1:
        return _still_templates(families.templates, contacts, n_contacts)
    at_step = np.stack([drift.tissue.contacts_at(d) for d in steps])
    contacts_at = np.where(contacts >= 0, at_step[:, np.maximum(contacts, 0)], -1)
    observed = _observed(spikes, families, shapes, drift)
    scores = np.zeros((*contacts_at.shape, spikes.detected.features.shape[2]), np.float32)
    each = [(one, contacts_at[:, k]) for k, one in enumerate(observed)]
    for k, predicted in enumerate(run.map_kept(partial(_predicted, tissue=drift.tissue, steps_um=steps), each)):
        scores[:, k] = predicted
    at_rest = int(np.abs(steps).argmin())
    learned = LearnedTemplates(contacts, scores[at_rest], families.templates.n_spikes)
    return MovingTemplates(learned, steps, contacts_at, scores)


def group_of_templates(templates: MovingTemplates, drift: DriftModel) -> I64:
    """Find the group of contacts of each template.

    Parameters
    ----------
    templates : MovingTemplates
        The templates.
    drift : DriftModel
        Its groups are used.

    Returns
    -------
    ndarray of int64, shape (n_templates,)
        Group nearest to the largest contact of the template at rest.
    """
    peak, probe = templates.rest.peak_contacts, drift.probe
    return group_of(probe.positions_um[peak], probe.shanks[peak], drift.groups)


def _counts_if_all_was_seen(spikes: ClusteredSpikes) -> I64:
    """Spikes that each cluster would have, (n_clusters,), if they were detected in blanked time as well."""
    detected, unit, n_spikes = spikes.detected, spikes.clusters.unit, spikes.clusters.means.n_spikes
    inside = np.flatnonzero(unit >= 0)
    for_each = 1 / detected.whole_share[detected.group[inside]]
    total = np.bincount(unit[inside], for_each, len(n_spikes))
    n_clustered = np.bincount(unit[inside], minlength=len(n_spikes))
    return np.round(n_spikes * total / np.maximum(n_clustered, 1)).astype(np.int64)


def _in_used_time(families: TemplateAssignment, used_share: float) -> TemplateAssignment:
    """Templates with the spikes that they have in the time that is not blanked: rates are those of this time."""
    n_spikes = np.round(families.templates.n_spikes * used_share).astype(np.int64)
    return replace(families, templates=replace(families.templates, n_spikes=n_spikes))


def _predicted(one: tuple[Observed, I64], tissue: Tissue, steps_um: F64) -> F32:
    return predict(tissue, *one, steps_um)


def _still_templates(means: LearnedTemplates, contacts: I64, n_contacts: int) -> MovingTemplates:
    """Without drift the means of the clusters are the templates."""
    scores = means.dense(n_contacts)[np.arange(len(means))[:, None], np.maximum(contacts, 0)]
    scores[contacts < 0] = 0.0
    learned = LearnedTemplates(contacts, scores, means.n_spikes)
    return MovingTemplates(learned, np.zeros(1), contacts[None], scores[None])


def _observed(
    spikes: ClusteredSpikes, families: TemplateAssignment, shapes: Shapes, drift: DriftModel
) -> list[Observed]:
    """Mean PC scores of each template in bins of displacement, on the contacts where they were measured."""
    detected, moved_um, unit = spikes.detected, spikes.at_rest.displacement_um, spikes.clusters.unit
    width = drift.tissue.params.displacement_bin_um
    used = np.flatnonzero((unit >= 0) & (families.template_of_cluster[np.maximum(unit, 0)] >= 0))
    bins = np.round(moved_um[used] / width).astype(np.int64)
    low, n_bins = int(bins.min(initial=0)), int(np.ptp(bins)) + 1 if len(bins) else 1
    n_groups = len(drift.groups)
    keys = (unit[used] * n_groups + detected.group[used]) * n_bins + (bins - low)
    distinct_keys, of_spike = np.unique(keys, return_inverse=True)
    group, moved = distinct_keys // n_bins % n_groups, distinct_keys % n_bins + low
    cluster = distinct_keys // (n_bins * n_groups)
    sums, counts = np.zeros((len(cluster), *detected.features.shape[1:])), np.bincount(of_spike)
    for start in range(0, len(used), SPIKES_AT_ONCE):
        part = slice(start, start + SPIKES_AT_ONCE)
        add_features(detected.features[used[part]], of_spike[part], sums)
    for i, k in enumerate(cluster):
        sums[i] = advanced(sums[i], int(families.advance_samples[k]), shapes.pcs)
    member = families.template_of_cluster[cluster]
    return [
        Observed(
            moved[rows] * width,
            drift.groups.contacts[group[rows]],
            sums[rows] / counts[rows][:, None, None],
            counts[rows].astype(np.int64),
        )
        for rows in (np.flatnonzero(member == k) for k in range(len(families.templates)))
    ]
