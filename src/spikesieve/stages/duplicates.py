"""Makes one template of clusters that look alike: the templates to match a recording with. See docs/templates.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F32, I64
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, aligned, overlaps, similarity


@dataclass(frozen=True, eq=False)
class TemplateAssignment:
    """Templates, and the template that each cluster belongs to.

    Attributes
    ----------
    templates : LearnedTemplates
        One for each set of duplicate clusters.
    template_of_cluster : ndarray of int64, shape (n_clusters,)
        The template of each cluster; -1 if it has none.
    advance_samples : ndarray of int64, shape (n_clusters,)
        Number of samples by which the waveforms of a cluster must move earlier to align with its template.
    """

    templates: LearnedTemplates
    template_of_cluster: I64
    advance_samples: I64


def without_duplicates(
    means: LearnedTemplates,
    n_contacts: int,
    pcs: F32,
    params: TemplatesParams,
    may_be_one: Callable[[int, int], bool] = lambda *_: True,
) -> TemplateAssignment:
    """Join clusters of nearly the same shape and size, those with most spikes first: their scores stay.

    Parameters
    ----------
    means : LearnedTemplates
        Cluster means.
    n_contacts : int
        Number of contacts of the probe.
    pcs : ndarray of float32, shape (n_pcs, n_samples)
        Temporal components.
    params : TemplatesParams
        Correlation and norm difference of duplicates.
    may_be_one : callable, optional
        Whether two duplicates may be one neuron. Default: all may.

    Returns
    -------
    TemplateAssignment
    """
    template_of_cluster, lead = np.full(len(means), -1, np.int64), np.zeros(len(means), np.int64)
    if len(means) == 0:
        return TemplateAssignment(means, template_of_cluster, lead)
    correlation, lag = similarity(overlaps(means, n_contacts, pcs), len(means))
    norms = means.norms.astype(np.float64)
    difference = 2 * np.abs(norms[:, None] - norms) / np.maximum(norms[:, None] + norms, 1e-12)
    same = (correlation > params.duplicate_correlation) & (difference < params.duplicate_norm_difference)
    keep: list[int] = []
    for k in np.argsort(-means.n_spikes, kind="stable"):
        if template_of_cluster[k] < 0:
            joining = (template_of_cluster < 0) & same[k]
            joining[k] = False
            joining[[j for j in np.flatnonzero(joining) if not may_be_one(int(k), int(j))]] = False
            joining[k] = True
            template_of_cluster[joining] = len(keep)
            lead[joining] = np.where(np.flatnonzero(joining) == k, 0, lag[k, joining])
            keep.append(int(k))
    totals = np.bincount(template_of_cluster, weights=means.n_spikes, minlength=len(keep)).astype(np.int64)
    templates = replace(means.take(np.array(keep, np.int64)), n_spikes=totals)
    return TemplateAssignment(templates, template_of_cluster, -lead)


def learn_templates(
    means: LearnedTemplates, n_contacts: int, shapes: Shapes, params: TemplatesParams
) -> TemplateAssignment:
    """Make the templates for matching from cluster means: large enough, aligned, without duplicates.

    Parameters
    ----------
    means : LearnedTemplates
        Cluster means.
    n_contacts : int
        Number of contacts of the probe.
    shapes : Shapes
        Temporal components and peak index.
    params : TemplatesParams
        Smallest cluster, and the criteria of duplicates.

    Returns
    -------
    TemplateAssignment
        The templates, and the template of each cluster; -1 for clusters that were too small.
    """
    large = np.flatnonzero((means.n_spikes >= params.min_spikes) & (means.norms > 0))
    moved, shifts = aligned(means.take(large), shapes)
    distinct = without_duplicates(moved, n_contacts, shapes.pcs, params)
    template_of_cluster, advance_samples = np.full(len(means), -1, np.int64), np.zeros(len(means), np.int64)
    template_of_cluster[large] = distinct.template_of_cluster
    advance_samples[large] = shifts + distinct.advance_samples
    return TemplateAssignment(distinct.templates, template_of_cluster, advance_samples)
