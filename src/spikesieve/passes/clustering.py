"""Clusters spikes, group by group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.model import F32, I32, I64, Recording
from spikesieve.passes.drift import FeaturesAtRest, SpikesAtRest
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.stages import cluster, templates
from spikesieve.stages.curate import CompareSides
from spikesieve.stages.features import Groups
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.templates import LearnedTemplates


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of the spikes of all groups.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_spikes,)
        Cluster of each spike; -1 for none.
    means : LearnedTemplates
        Mean features of each cluster, and its number of spikes in the whole recording.
    group : ndarray of int64, shape (n_clusters,)
        Group of each cluster.
    """

    unit: I64
    means: LearnedTemplates
    group: I64


@versioned(2)
def cluster_detected(run: Run, spikes: SpikesAtRest, groups: Groups, params: ClusterParams) -> Clusters:
    """Cluster detected spikes by shape. In groups with many spikes only a sample of them is clustered.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    spikes : SpikesAtRest
        Detected spikes.
    groups : Groups
        Contacts of each group.
    params : ClusterParams
        The settings.

    Returns
    -------
    Clusters
        Clusters of all groups; spikes outside the sample have cluster -1.
    """
    members = _members(spikes.group, len(groups))
    chosen = [cluster.evenly_spaced(rows, params.max_spikes) for rows in members]
    work = _OfGroup(spikes.features, groups, chosen, params, None)
    return _clusters(run, work, [len(rows) for rows in members], "cluster")


@versioned(4)
def cluster_matched(
    run: Run, recording: Recording, spikes: MatchedSpikes, group: I64, groups: Groups, params: TimedClusterParams
) -> Clusters:
    """Cluster matched spikes by shape; every split must also pass a test of the refractory period.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    recording : Recording
        The time that was sorted.
    spikes : MatchedSpikes
        Matched spikes.
    group : ndarray of int64, shape (n_templates,)
        Group of each template. The features of its spikes are on the contacts of this group.
    groups : Groups
        Contacts of each group.
    params : TimedClusterParams
        The settings.

    Returns
    -------
    Clusters
        Clusters of all groups.
    """
    members = _members(group[spikes.template], len(groups))
    times = CompareSides(spikes.sample, recording.sorted_time, params.curate)
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
        Criteria of the test of the refractory period.
    """

    cluster: ClusterParams
    curate: CurateParams


@dataclass(frozen=True, eq=False)
class _OfGroup:
    """Clusters the spikes of one group."""

    features: F32 | FeaturesAtRest
    groups: Groups
    members: list[I64]
    params: ClusterParams
    times: CompareSides | None

    def __call__(self, group: int) -> tuple[I64, LearnedTemplates]:
        """Labels of the spikes of a group, and the mean features of each label."""
        rows = self.members[group]
        contacts = self.groups.contacts[group][self.groups.contacts[group] >= 0]
        features = np.ascontiguousarray(self.features[rows][:, : len(contacts)])
        compare = None if self.times is None else replace(self.times, sample=np.asarray(self.times.sample[rows]))
        flat = features.reshape(len(rows), features.shape[1] * features.shape[2])
        labels = cluster.cluster_group(flat, self.params, compare)
        n_labels = int(labels.max()) + 1 if len(labels) else 0
        return labels, templates.from_labels(features, labels, n_labels, contacts)


def _clusters(run: Run, work: _OfGroup, n_all: list[int], name: str) -> Clusters:
    """Clusters of all groups, numbered consecutively; spike counts are extrapolated to the whole recording."""
    unit = np.full(len(work.features), -1, np.int64)
    parts, of_group, n_units = [], [np.empty(0, np.int64)], 0
    for group, (labels, means) in enumerate(run.map_kept(work, range(len(work.groups)), name)):
        rows = work.members[group]
        unit[rows] = labels + n_units
        whole = np.round(means.n_spikes * (n_all[group] / max(1, len(rows)))).astype(np.int64)
        parts.append(replace(means, n_spikes=whole))
        of_group.append(np.full(len(means), group, np.int64))
        n_units += len(means)
    n_near, n_pcs = work.features.shape[1:]
    return Clusters(unit, templates.concatenate(parts, n_near, n_pcs), np.concatenate(of_group))


def _members(group: I32 | I64, n_groups: int) -> list[I64]:
    """Indices of the spikes of each group, ascending."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n_groups + 1))
    return [order[a:b] for a, b in pairwise(edges)]
