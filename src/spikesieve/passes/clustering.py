"""Clusters the spikes of a pass group by group, on the workers, and joins what comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.engine.executor import map_in_order
from spikesieve.engine.run import Run
from spikesieve.model import I32, I64
from spikesieve.passes.passes import SpikeTable
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.stages import cluster, templates
from spikesieve.stages.curate import CompareSides
from spikesieve.stages.features import Groups
from spikesieve.stages.templates import LearnedTemplates


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of all groups: unit (n_spikes,) int64 per spike, -1 for none; means (one row a unit), whose numbers of
    spikes are those of the whole recording; group (n_units,) int64.
    """

    unit: I64
    means: LearnedTemplates
    group: I64


def cluster_all(
    run: Run, spikes: SpikeTable, group: I32 | I64, groups: Groups, params: ClusterParams, curate: CurateParams | None
) -> Clusters:
    """Cluster each group of spikes by itself.

    group   (n_spikes,) int32 or int64, the group of each spike, which is where its features were taken
    curate  criteria of the refractory test of splits, or None to split by shape alone: then some spikes of a group
            stand for all where there are too many, and the others get no unit
    """
    members = _members(group, len(groups))
    n_all = [len(rows) for rows in members]
    if curate is None:
        members = [cluster.evenly_spaced(rows, params.max_spikes) for rows in members]
    step = partial(_cluster_one, work=_Work(run, spikes, groups, members, params, curate))
    unit = np.full(len(spikes.sample), -1, np.int64)
    parts, of_group, n_units = [], [], 0
    stage = "cluster" if curate is None else "cluster again"
    for g, (labels, means) in enumerate(map_in_order(run.pool, step, range(len(groups)), stage, run.progress)):
        unit[members[g]] = labels + n_units
        whole = np.round(means.n_spikes * (n_all[g] / max(1, len(members[g])))).astype(np.int64)
        parts.append(replace(means, n_spikes=whole))
        of_group.append(np.full(len(means), g, np.int64))
        n_units += len(means)
    n_near, n_pcs = spikes.features.shape[1:]
    return Clusters(
        unit, templates.concatenate(parts, n_near, n_pcs), np.concatenate([np.empty(0, np.int64), *of_group])
    )


def _members(group: I32 | I64, n_groups: int) -> list[I64]:
    """The spikes of each group, ascending."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n_groups + 1))
    return [order[a:b] for a, b in pairwise(edges)]


@dataclass(frozen=True, eq=False)
class _Work:
    run: Run
    spikes: SpikeTable
    groups: Groups
    members: list[I64]
    params: ClusterParams
    curate: CurateParams | None


def _cluster_one(g: int, work: _Work) -> tuple[I64, LearnedTemplates]:
    rows = work.members[g]
    contacts = work.groups.contacts[g][work.groups.contacts[g] >= 0]
    features = np.ascontiguousarray(work.spikes.features[rows][:, : len(contacts)])
    compare = None
    if work.curate is not None:
        recording = work.run.recording
        compare = CompareSides(work.spikes.sample[rows], recording.sampling_hz, recording.duration_s, work.curate)
    labels = cluster.cluster_group(
        features.reshape(len(rows), features.shape[1] * features.shape[2]), work.params, compare
    )
    n_labels = int(labels.max()) + 1 if len(labels) else 0
    return labels, templates.from_labels(features, labels, n_labels, contacts)
