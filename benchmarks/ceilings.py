"""The truth in place of what a step finds: true detections, true labels. For `benchmarks/accuracy.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, update_wrapper
from typing import Any

import numpy as np
from losses import Truth

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import I64
from spikesieve.passes.clustering import Clusters
from spikesieve.passes.detection import DetectedSpikes, energy_of_block, groups_of
from spikesieve.passes.drift import SpikesAtRest
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.features import FeaturesParams
from spikesieve.stages import detect, localize, templates
from spikesieve.stages.features import Groups, group_of
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

MATCH_MS = 0.4
# No step of a method has this version, so that a store tells the truth from what was found.
TRUE_VERSION = -1


def substitutes(truth: Truth, sampling_hz: float, detections: bool, labels: bool) -> dict[str, Callable[..., Any]]:
    """Give the steps that hand out the truth, for `SubstitutedRun`.

    Parameters
    ----------
    truth : Truth
        The true spikes.
    sampling_hz : float
        Sampling rate in Hz.
    detections : bool
        Whether the true spikes are detected.
    labels : bool
        Whether detected spikes are clustered by their true units.

    Returns
    -------
    dict of str to callable
        By name of the step.
    """
    steps: dict[str, Callable[..., Any]] = {}
    if detections:
        detect = _step(detect_truth, truth)
        steps |= {"detect": detect, "detect again": detect}
    if labels:
        window_samples = round(MATCH_MS * 1e-3 * sampling_hz)
        steps["clusters"] = _step(cluster_by_truth, truth, window_samples)
    return steps


def _step(function: Callable[..., Any], *truth: Any) -> Callable[..., Any]:
    """A step that knows the truth."""
    return versioned(TRUE_VERSION)(update_wrapper(partial(function, *truth), function))


@dataclass(frozen=True, eq=False)
class DescribeTruth(BlockTask[DetectedSpikes]):
    """Describe the true spikes of a block.

    Attributes
    ----------
    truth : Truth
        The true spikes.
    shapes : Shapes
        Temporal components.
    groups : Groups
        Contacts that describe spikes.
    group_of_unit : ndarray of int64, shape (n_units,)
        The group where each true unit rests.
    """

    truth: Truth
    shapes: Shapes
    groups: Groups
    group_of_unit: I64

    @property
    def margin_samples(self) -> int:
        """Two waveforms."""
        return 2 * self.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> DetectedSpikes:
        """Return the true spikes, described where their units rest and located as they look."""
        truth, shapes, block = self.truth, self.shapes, core.block
        rows = slice(*np.searchsorted(truth.sample, (block.start, block.stop)))
        unit, sample = truth.unit[rows], truth.sample[rows] - block.start + core.start
        contacts = self.groups.contacts[self.group_of_unit[unit]]
        features = backend.describe(clean.white, sample, contacts, shapes.pcs, shapes.peak_index)
        amplitude_uv = localize.amplitudes(clean.uv, sample, contacts, self.source.sampling_hz)
        located = localize.localize(amplitude_uv, contacts, self.source.probe)
        size = energy_of_block(self.source, clean, core)
        return DetectedSpikes(
            sample=sample,
            group=self.group_of_unit[unit].astype(np.int32),
            score=np.linalg.norm(features, axis=(1, 2)).astype(np.float32),
            centre_um=truth.position_um[unit].astype(np.float32),
            position_um=located.position_um,
            located=located.ok,
            amplitude_uv=amplitude_uv.max(axis=1, initial=0.0),
            features=features,
            time_bin=size.time_bin,
            uv2=size.uv2,
            n_used=size.n_used,
            n_whole=detect.whole_times(clean.blanked, self.groups.contacts, core.span, shapes, backend)[None],
            n_samples=core.stop - core.start,
        )


def detect_truth(
    truth: Truth, run: Run, source: Source, shapes: Shapes, params: DetectParams, features: FeaturesParams
) -> DetectedSpikes:
    """Stand in for `passes.detection.detect_spikes`: return the true spikes."""
    probe, groups = source.probe, groups_of(source.probe, params, features)
    distance_um = np.hypot(*(truth.position_um[:, None] - probe.positions_um).transpose(2, 0, 1))
    group_of_unit = group_of(truth.position_um, probe.shanks[distance_um.argmin(axis=1)], groups)
    found, _ = run.collect(DescribeTruth(source, truth, shapes, groups, group_of_unit), source.blocks, "detect")
    return replace(found, shank_of_group=tuple(groups.shanks.tolist()))


def cluster_by_truth(
    truth: Truth, window_samples: int, run: Run, spikes: SpikesAtRest, groups: Groups, params: ClusterParams
) -> Clusters:
    """Stand in for `passes.clustering.cluster_detected`: the spikes of a true unit in a group are a cluster."""
    unit = labels_of(truth, spikes.sample, window_samples)
    key = np.where(unit >= 0, unit * len(groups) + spikes.group, -1)
    keys, cluster = np.unique(key, return_inverse=True)
    cluster = cluster.ravel() - np.count_nonzero(keys < 0)
    group = keys[keys >= 0] % len(groups)
    parts = []
    for k, contacts in enumerate(groups.contacts[group]):
        features = np.asarray(spikes.features[cluster == k])[:, contacts >= 0]
        parts.append(templates.from_labels(features, np.zeros(len(features), np.int64), 1, contacts[contacts >= 0]))
    return Clusters(cluster, templates.concatenate(parts, *spikes.features.shape[1:]), group)


def labels_of(truth: Truth, sample: I64, window_samples: int) -> I64:
    """Find the unit of the true spike nearest to each sample.

    Parameters
    ----------
    truth : Truth
        The true spikes.
    sample : ndarray of int64, shape (n,)
        Samples of spikes.
    window_samples : int
        A true spike farther away does not count.

    Returns
    -------
    ndarray of int64, shape (n,)
        -1 where no true spike is near.
    """
    if len(truth.sample) == 0:
        return np.full(len(sample), -1)
    after = np.searchsorted(truth.sample, sample)
    candidates = np.clip(np.stack([after - 1, after]), 0, len(truth.sample) - 1)
    distance = np.abs(truth.sample[candidates] - sample)
    nearest = candidates[distance.argmin(axis=0), np.arange(len(sample))]
    return np.where(distance.min(axis=0) <= window_samples, truth.unit[nearest], -1)
