"""From a probe that moves to tissue at rest, and back: features before clustering, templates before matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from spikesieve.engine.blocks import Block
from spikesieve.engine.executor import map_in_order, silent
from spikesieve.engine.run import Run
from spikesieve.engine.scratch import GrowingArray
from spikesieve.model import F32, F64, I32, I64, Motion, Probe
from spikesieve.passes.clustering import Clusters
from spikesieve.passes.passes import Detected, Detector, SpikeTable, detect_all
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.features import Groups, add_features, group_of
from spikesieve.stages.match import Matcher, make_matcher
from spikesieve.stages.motion.estimate import MotionSpikes, estimate
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.share import Share
from spikesieve.stages.templates import Families, LearnedTemplates, advanced
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict, traces_to_rest

# Spikes whose features are handled at a time.
CHUNK = 20_000
# Block displacements whose matchers are kept: neighbouring blocks often share one.
MATCHERS = 8


@dataclass(frozen=True, eq=False)
class Followed:
    """Detected spikes, and who follows the tissue: the traces of `run`, or templates by `motion`.

    found   how the tissue moved
    motion  what is left for templates to follow: nothing where the traces were moved
    """

    run: Run
    detected: Detected
    found: Motion
    motion: Motion


def follow(run: Run, fitted: Preprocessing, detector: Detector, motion: MotionParams, tissue: TissueParams) -> Followed:
    """First pass, and the movement in it; where the traces are to follow it, they do and are searched again."""
    probe = fitted.probe
    detected = detect_all(run, fitted, detector)
    found = find_motion(run, probe, detected, motion)
    if motion.mode != "traces":
        return Followed(run, detected, found, found)
    run = with_traces_at_rest(run, probe, found, tissue)
    again = detect_all(run, fitted, detector, "detect again")
    return Followed(run, again, found, Motion.still(probe.shanks, "The traces follow the tissue."))


def find_motion(run: Run, probe: Probe, detected: Detected, params: MotionParams) -> Motion:
    """How the tissue moved: as it was given, or from the detected spikes; still where nobody wants to know."""
    if params.mode == "off" or params.n_sections == 0:
        return Motion.still(probe.shanks, "motion.mode is off.")
    if run.motion is not None:
        return run.motion
    return estimate(
        located_spikes(detected), probe, run.recording.segments, run.recording.sampling_hz, params, run.share
    )


def located_spikes(detected: Detected) -> MotionSpikes:
    """The spikes whose position can be trusted."""
    ok = np.flatnonzero(detected.located > 0)
    depth_um = detected.position_um[:, 1]
    return MotionSpikes(detected.spikes.sample[ok], depth_um[ok], detected.amplitude_uv[ok], detected.shank(ok))


def with_traces_at_rest(run: Run, probe: Probe, motion: Motion, params: TissueParams) -> Run:
    """The run with every block's traces moved to where the tissue is at rest, as Kilosort4 follows drift."""

    def to_rest(block: Block) -> F32:
        middle = np.full(probe.n_contacts, block.middle / run.recording.sampling_hz)
        return traces_to_rest(
            probe, motion.at(middle, probe.positions_um[:, 1], probe.shanks), params.traces_length_scale_um
        )

    return replace(run, to_rest=to_rest)


@dataclass(frozen=True, eq=False)
class Rest:
    """What leads to tissue at rest: the motion, the footprints' covariance, groups of contacts; who shares the work."""

    motion: Motion
    tissue: Tissue
    groups: Groups
    sampling_hz: float
    share: Share = map

    def displacement_um(self, sample: I64, depth_um: F64, shank: I64) -> F64:
        """(n,) float64, in steps: the displacement at n samples and depths."""
        step = self.tissue.params.displacement_step_um
        return np.round(self.motion.at(sample / self.sampling_hz, depth_um, shank) / step) * step


@dataclass(frozen=True, eq=False)
class AtRest:
    """Detected spikes in tissue coordinates: source is the group at rest, features are those at rest.

    displacement_um  (n,) float64, in steps
    """

    spikes: SpikeTable
    displacement_um: F64


def spikes_at_rest(run: Run, detected: Detected, rest: Rest) -> AtRest:
    """Every detected spike as the contacts would have seen it at rest."""
    spikes, groups = detected.spikes, rest.groups
    moved, source = np.empty(len(spikes.sample)), np.empty(len(spikes.sample), np.int32)

    def at_rest(part: slice) -> tuple[I64, F32]:
        tissue_um, shank = detected.centre_um[part].astype(np.float64), detected.shank(part)
        moved[part] = rest.displacement_um(spikes.sample[part], tissue_um[:, 1], shank)
        tissue_um[:, 1] -= moved[part]
        there = group_of(tissue_um, shank, groups)
        return there, _features_at_rest(spikes.features[part], spikes.source[part], there, moved[part], rest)

    parts = [slice(start, start + CHUNK) for start in range(0, len(moved), CHUNK)]
    with GrowingArray(run.scratch / "rest.features", spikes.features.shape[1:], np.float32) as out:
        for part, (there, features) in zip(parts, map_in_order(run.pool, at_rest, parts, "", silent), strict=True):
            source[part] = there
            out.append(features)
        return AtRest(replace(spikes, source=source, features=out.finish()), moved)


def _features_at_rest(features: F32, here: I32, there: I64, moved_um: F64, rest: Rest) -> F32:
    """features (n, n_near, n_pcs) of group `here` to group `there`, (n,) each."""
    out = np.array(features)
    for rows, (a, b, d) in _runs_of(here, there, moved_um):
        if a != b or d != 0:
            to_rest = rest.tissue.to_rest(rest.groups.contacts[int(a)], rest.groups.contacts[int(b)], d)
            out[rows] = np.matmul(to_rest, features[rows])
    return out


def _runs_of(*columns: I32 | I64 | F64) -> list[tuple[I64, tuple[float, ...]]]:
    """Rows that agree in all columns, and what they agree on."""
    keys, inverse = np.unique(np.stack(columns, axis=1).astype(np.float64), axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(inverse.ravel(), minlength=len(keys)))[:-1])
    return [(r, tuple(key)) for r, key in zip(rows, keys.tolist(), strict=True)]


def moving_templates(
    detected: Detected, moved: AtRest, clusters: Clusters, families: Families, shapes: Shapes, rest: Rest
) -> MovingTemplates:
    """Templates at every displacement, from what their spikes looked like on the probe at each."""
    tissue, groups = rest.tissue, rest.groups
    xy, shanks = tissue.probe.positions_um, tissue.probe.shanks
    peak = families.templates.peak_contacts
    contacts = groups.contacts[group_of(xy[peak], shanks[peak], groups)]
    steps = _steps_um(rest)
    if len(steps) == 1:
        return _standing_templates(families.templates, contacts, tissue.probe.n_contacts)
    there = np.stack([tissue.contacts_at(d) for d in steps])
    contacts_at = np.where(contacts >= 0, there[:, np.maximum(contacts, 0)], -1)
    seen = _observed(detected.spikes, moved.displacement_um, clusters, families, shapes, rest)
    n_pcs = detected.spikes.features.shape[2]
    scores = np.zeros((*contacts_at.shape, n_pcs), np.float32)
    step = partial(_predicted, tissue=tissue, steps_um=steps)
    for k, found in enumerate(rest.share(step, [(one, contacts_at[:, k]) for k, one in enumerate(seen)])):
        scores[:, k] = found
    still = int(np.abs(steps).argmin())
    return MovingTemplates(
        LearnedTemplates(contacts, scores[still], families.templates.n_spikes), steps, contacts_at, scores
    )


def _predicted(one: tuple[Observed, I64], tissue: Tissue, steps_um: F64) -> F32:
    return predict(tissue, *one, steps_um)


def _standing_templates(means: LearnedTemplates, contacts: I64, n_contacts: int) -> MovingTemplates:
    """Where nothing moves the means are the templates."""
    scores = means.dense(n_contacts)[np.arange(len(means))[:, None], np.maximum(contacts, 0)]
    scores[contacts < 0] = 0.0
    return MovingTemplates(
        LearnedTemplates(contacts, scores, means.n_spikes), np.zeros(1), contacts[None], scores[None]
    )


def _steps_um(rest: Rest) -> F64:
    step = rest.tissue.params.displacement_step_um
    low, high = np.floor(rest.motion.um.min() / step), np.ceil(rest.motion.um.max() / step)
    return np.arange(min(low, 0), max(high, 0) + 1) * step


def _observed(
    spikes: SpikeTable, moved_um: F64, clusters: Clusters, families: Families, shapes: Shapes, rest: Rest
) -> list[Observed]:
    """Mean scores of each template in bins of displacement, on the contacts where they were measured."""
    width = rest.tissue.params.displacement_bin_um
    unit = clusters.unit
    used = np.flatnonzero((unit >= 0) & (families.member[np.maximum(unit, 0)] >= 0))
    bins = np.round(moved_um[used] / width).astype(np.int64)
    low, n_bins = int(bins.min(initial=0)), int(np.ptp(bins)) + 1 if len(bins) else 1
    n_groups = len(rest.groups)
    keys = (unit[used] * n_groups + spikes.source[used]) * n_bins + (bins - low)
    distinct_keys, of_spike = np.unique(keys, return_inverse=True)
    group, moved = distinct_keys // n_bins % n_groups, distinct_keys % n_bins + low
    cluster = distinct_keys // (n_bins * n_groups)
    sums, counts = np.zeros((len(cluster), *spikes.features.shape[1:])), np.bincount(of_spike)
    for start in range(0, len(used), CHUNK):
        part = slice(start, start + CHUNK)
        add_features(spikes.features[used[part]], of_spike[part], sums)
    for i, k in enumerate(cluster):
        sums[i] = advanced(sums[i], int(families.advance_samples[k]), shapes.pcs)
    member = families.member[cluster]
    return [
        Observed(
            moved[rows] * width,
            rest.groups.contacts[group[rows]],
            sums[rows] / counts[rows][:, None, None],
            counts[rows].astype(np.int64),
        )
        for rows in (np.flatnonzero(member == k) for k in range(len(families.templates)))
    ]


def moving_matcher(run: Run, templates: MovingTemplates, shapes: Shapes, rest: Rest) -> Callable[[Block], Matcher]:
    """The matcher of each block: every template where the tissue is in the middle of the block."""
    probe = rest.tissue.probe
    peak = templates.rest.peak_contacts
    depth_um, shanks = probe.positions_um[peak, 1], probe.shanks[peak]

    @lru_cache(maxsize=MATCHERS)
    def at(steps: bytes) -> Matcher:
        here = templates.at(np.frombuffer(steps, np.int64))
        matcher = make_matcher(here, here.contacts, probe.n_contacts, shapes)
        return replace(matcher, feature_scores=templates.rest.scores)

    def of_block(block: Block) -> Matcher:
        middle = np.full(len(peak), block.middle / run.recording.sampling_hz)
        return at(templates.step_of(rest.motion.at(middle, depth_um, shanks)).tobytes())

    return of_block
