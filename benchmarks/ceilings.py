"""The truth in place of what a stage finds: true detections, true labels. For `benchmarks/accuracy.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from losses import Truth
from spikesieve.passes.passes import Detected, Detector, SpikeTable, clean_block

from spikesieve.engine.blocks import Block
from spikesieve.engine.run import Run
from spikesieve.model import F32, I64, Bool
from spikesieve.passes.clustering import Clusters
from spikesieve.stages import features, localize, templates
from spikesieve.stages.features import Groups
from spikesieve.stages.preprocess import Preprocessing

MATCH_MS = 0.4


@contextmanager
def in_place(module: ModuleType, **functions: Callable[..., Any]) -> Iterator[None]:
    """The functions of a method's page replaced while the context lasts."""
    before = {name: getattr(module, name) for name in functions}
    for name, function in functions.items():
        setattr(module, name, function)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(module, name, function)


def true_detections(truth: Truth) -> Callable[..., Detected]:
    """A `detect_all` that hands out the true spikes, described where their units rest and placed as they look."""

    def detect_all(run: Run, fitted: Preprocessing, detector: Detector, stage: str = "detect") -> Detected:
        groups, shanks = detector.groups, fitted.probe.shanks
        away = np.hypot(*(truth.position_um[:, None] - fitted.probe.positions_um).transpose(2, 0, 1))
        shank = shanks[away.argmin(axis=1)]
        group = features.group_of(truth.position_um, shank, groups)[truth.unit]
        step = partial(_described, fitted=fitted, detector=detector, truth=truth, group=group)
        parts = [part for _, part in run.over(run.blocks, step, stage)]
        rows, described, place, located, amplitude_uv = (np.concatenate(column) for column in zip(*parts, strict=True))
        value = np.linalg.norm(described, axis=(1, 2)).astype(np.float32)
        table = SpikeTable(truth.sample[rows], group[rows].astype(np.int32), value, described)
        still = truth.position_um[truth.unit[rows]].astype(np.float32)
        return Detected(table, still, place, located, amplitude_uv, shank[truth.unit[rows]])

    return detect_all


def _described(
    run: Run, block: Block, *, fitted: Preprocessing, detector: Detector, truth: Truth, group: I64
) -> tuple[I64, F32, F32, Bool, F32]:
    """Rows of the truth in a block: their features, place by triangulation, whether that can be trusted, amplitude."""
    learned = detector.learned
    margin = 2 * learned.n_samples
    rows = np.arange(*np.searchsorted(truth.sample, (block.start, block.stop)))
    clean = clean_block(run, block, fitted, margin)
    contacts = detector.groups.contacts[group[rows]]
    at = truth.sample[rows] - block.start + margin
    scores = features.describe(clean.white, at, contacts, learned.pcs, learned.peak_index)
    amplitude_uv = localize.amplitudes(clean.uv, at, contacts, fitted.sampling_hz)
    place = localize.localize(amplitude_uv, contacts, fitted.probe)
    return rows, scores, place.position_um.astype(np.float32), place.ok, amplitude_uv.max(axis=1, initial=0.0)


def true_labels(truth: Truth, otherwise: Callable[..., Clusters]) -> Callable[..., Clusters]:
    """A `cluster_all` whose first call labels spikes by the truth; spikes of no unit and later calls are `otherwise`'s.

    Of several true spikes within 0.4 ms the nearest in time counts.
    """
    first = True

    def cluster_all(run: Run, spikes: SpikeTable, group: I64, groups: Groups, *rest: Any) -> Clusters:
        nonlocal first
        if not first:
            return otherwise(run, spikes, group, groups, *rest)
        first = False
        unit = labels_of(truth, spikes.sample, round(MATCH_MS * 1e-3 * run.recording.sampling_hz))
        pair = np.where(unit >= 0, unit * len(groups) + group, -1)
        known, label = np.unique(pair, return_inverse=True)
        label = label.ravel() - (known[0] < 0 if len(known) else 0)
        parts = []
        for k, at in enumerate(known[known >= 0]):
            contacts = groups.contacts[at % len(groups)]
            mine = np.asarray(spikes.features[label == k])[:, contacts >= 0]
            parts.append(templates.from_labels(mine, np.zeros(len(mine), np.int64), 1, contacts[contacts >= 0]))
        n_near, n_pcs = spikes.features.shape[1:]
        means = templates.concatenate(parts, n_near, n_pcs)
        return Clusters(label, means, known[known >= 0] % len(groups))

    return cluster_all


def labels_of(truth: Truth, sample: I64, window_samples: int) -> I64:
    """The true unit of the true spike nearest to each sample, -1 where none is within the window: (n,) int64."""
    if len(truth.sample) == 0:
        return np.full(len(sample), -1)
    after = np.searchsorted(truth.sample, sample)
    around = np.clip(np.stack([after - 1, after]), 0, len(truth.sample) - 1)
    away = np.abs(truth.sample[around] - sample)
    nearest = around[away.argmin(axis=0), np.arange(len(sample))]
    return np.where(away.min(axis=0) <= window_samples, truth.unit[nearest], -1)
