"""Clusters spikes group by group, on the workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.model import F32, I32, I64, Recording
from spikesieve.passes.drift import SpikesAtRest
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.stages import cluster, templates
from spikesieve.stages.curate import CompareSides
from spikesieve.stages.features import Groups
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.templates import LearnedTemplates


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of all groups.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_spikes,)
        Cluster of each spike, -1 for none.
    means : LearnedTemplates
        Mean features of each cluster, with its number of spikes in the whole recording.
    group : ndarray of int64, shape (n_clusters,)
        The group of each cluster.
    """

    unit: I64
    means: LearnedTemplates
    group: I64


@versioned(1)
def cluster_detected(run: Run, spikes: SpikesAtRest, groups: Groups, params: ClusterParams) -> Clusters:
    """Cluster detected spikes by shape. In a group of many spikes, some stand for all, and the others get no cluster.

    Parameters
    ----------
    run : Run
        Resources.
    spikes : SpikesAtRest
        Detected spikes.
    groups : Groups
        Contacts of each group.
    params : ClusterParams
        The settings.

    Returns
    -------
    Clusters
        Of all groups.
    """
    members = _members(spikes.group, len(groups))
    chosen = [cluster.evenly_spaced(rows, params.max_spikes) for rows in members]
    work = _OfGroup(spikes.features, groups, chosen, params, None)
    return _clusters(run, work, [len(rows) for rows in members], "cluster")


@versioned(1)
def cluster_matched(
    run: Run, recording: Recording, spikes: MatchedSpikes, group: I64, groups: Groups, params: TimedClusterParams
) -> Clusters:
    """Cluster matched spikes by shape and by the refractory test of every split.

    Parameters
    ----------
    run : Run
        Resources.
    recording : Recording
        Gives sampling rate and duration.
    spikes : MatchedSpikes
        Matched spikes.
    group : ndarray of int64, shape (n_templates,)
        The group of each template, which is where its spikes were described.
    groups : Groups
        Contacts of each group.
    params : TimedClusterParams
        The settings.

    Returns
    -------
    Clusters
        Of all groups.
    """
    members = _members(group[spikes.template], len(groups))
    times = CompareSides(spikes.sample, recording.sampling_hz, recording.duration_s, params.curate)
    work = _OfGroup(spikes.features, groups, members, params.cluster, times)
    return _clusters(run, work, [len(rows) for rows in members], "cluster again")


@dataclass(frozen=True)
class TimedClusterParams:
    """Settings of the second clustering.

    Attributes
    ----------
    cluster : ClusterParams
        How spikes are clustered by shape.
    curate : CurateParams
        Criteria of the refractory test.
    """

    cluster: ClusterParams
    curate: CurateParams


@dataclass(frozen=True, eq=False)
class _OfGroup:
    """Clusters the spikes of one group."""

    features: F32
    groups: Groups
    members: list[I64]
    params: ClusterParams
    times: CompareSides | None

    def __call__(self, group: int) -> tuple[I64, LearnedTemplates]:
        """Labels of the group's spikes, and the means of the labels."""
        rows = self.members[group]
        contacts = self.groups.contacts[group][self.groups.contacts[group] >= 0]
        features = np.ascontiguousarray(self.features[rows][:, : len(contacts)])
        compare = None if self.times is None else replace(self.times, sample=np.asarray(self.times.sample[rows]))
        flat = features.reshape(len(rows), features.shape[1] * features.shape[2])
        labels = cluster.cluster_group(flat, self.params, compare)
        n_labels = int(labels.max()) + 1 if len(labels) else 0
        return labels, templates.from_labels(features, labels, n_labels, contacts)


def _clusters(run: Run, work: _OfGroup, n_all: list[int], name: str) -> Clusters:
    """Clusters of all groups, numbered through; counts are those of the whole recording."""
    unit = np.full(len(work.features), -1, np.int64)
    parts, of_group, n_units = [], [np.empty(0, np.int64)], 0
    for group, (labels, means) in enumerate(run.map(work, range(len(work.groups)), name)):
        rows = work.members[group]
        unit[rows] = labels + n_units
        whole = np.round(means.n_spikes * (n_all[group] / max(1, len(rows)))).astype(np.int64)
        parts.append(replace(means, n_spikes=whole))
        of_group.append(np.full(len(means), group, np.int64))
        n_units += len(means)
    n_near, n_pcs = work.features.shape[1:]
    return Clusters(unit, templates.concatenate(parts, n_near, n_pcs), np.concatenate(of_group))


def _members(group: I32 | I64, n_groups: int) -> list[I64]:
    """The spikes of each group, ascending."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n_groups + 1))
    return [order[a:b] for a, b in pairwise(edges)]
