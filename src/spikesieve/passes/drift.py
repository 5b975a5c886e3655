"""Drift: how the tissue moved, and detected spikes as the contacts would have seen them at rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source, TraceShift
from spikesieve.model import F32, F64, I32, I64, Motion, Probe
from spikesieve.passes.detection import DetectedSpikes, detect_spikes, groups_of
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.sort import Settings
from spikesieve.stages.features import Groups, group_of
from spikesieve.stages.motion.estimate import MotionSpikes, estimate
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.tissue import Tissue

# Spikes whose features are handled at a time.
SPIKES_AT_ONCE = 20_000
TRACES_FOLLOW = "The traces follow the tissue."


@dataclass(frozen=True, eq=False)
class DriftModel:
    """Leads from the probe to the tissue and back.

    Attributes
    ----------
    motion : Motion
        The displacement that templates follow: none where the traces were moved.
    tissue : Tissue
        How footprints covary with the place in the tissue.
    groups : Groups
        Groups of contacts that describe spikes.
    sampling_hz : float
        Sampling rate in Hz.
    """

    motion: Motion
    tissue: Tissue
    groups: Groups
    sampling_hz: float

    @property
    def probe(self) -> Probe:
        """The contacts that are sorted."""
        return self.tissue.probe

    @property
    def steps_um(self) -> F64:
        """Displacements at which templates are predicted, ascending: (n_steps,) float64."""
        step = self.tissue.params.displacement_step_um
        low, high = np.floor(self.motion.um.min() / step), np.ceil(self.motion.um.max() / step)
        return np.arange(min(low, 0), max(high, 0) + 1) * step

    def displacement_um(self, sample: I64, depth_um: F64, shank: I64) -> F64:
        """Displacement of spikes, rounded to steps.

        Parameters
        ----------
        sample : ndarray of int64, shape (n,)
            When.
        depth_um : ndarray of float64, shape (n,)
            Where.
        shank : ndarray of int64, shape (n,)
            Number of the shank.

        Returns
        -------
        ndarray of float64, shape (n,)
            In um, upwards positive.
        """
        step = self.tissue.params.displacement_step_um
        return np.round(self.motion.at(sample / self.sampling_hz, depth_um, shank) / step) * step


@dataclass(frozen=True, eq=False)
class FollowedMotion:
    """How the tissue moved, and who followed it.

    Attributes
    ----------
    found : Motion or None
        How the tissue moved; None where it was not looked at.
    followed : Motion or None
        The displacement that templates followed: none of it where the traces were moved.
    """

    found: Motion | None = None
    followed: Motion | None = None


@dataclass(frozen=True, eq=False)
class Drift:
    """Detected spikes, how the tissue moved, and what follows it.

    Attributes
    ----------
    source : Source
        The recording; its traces are moved where they are to follow the tissue.
    detected : DetectedSpikes
        Spikes of the first pass in these traces.
    motion : Motion
        How the tissue moved.
    model : DriftModel
        What is left for templates to follow.
    """

    source: Source
    detected: DetectedSpikes
    motion: Motion
    model: DriftModel

    @property
    def followed(self) -> FollowedMotion:
        """How the tissue moved, and what of it templates followed."""
        return FollowedMotion(self.motion, self.model.motion)


def find_drift(
    run: Run, source: Source, shapes: Shapes, detect: DetectParams, settings: Settings, known: Motion | None
) -> Drift:
    """Detect spikes, find how the tissue moved, and decide what follows it.

    Where the traces are to follow the tissue they are moved, and searched again.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Shapes and temporal components.
    detect : DetectParams
        How spikes are detected.
    settings : Settings
        Of features, motion and tissue.
    known : Motion or None
        The displacement, where it was measured elsewhere.

    Returns
    -------
    Drift
        Spikes and displacement.
    """
    detected = run.step("detect", detect_spikes, source, shapes, detect, settings.features)
    motion = run.step("motion", find_motion, source, detected, known, settings.motion)
    followed = motion
    if settings.motion.mode == "traces":
        shift = run.step("trace shift", make_trace_shift, motion, settings.tissue.traces_length_scale_um)
        source = source.with_shift(shift)
        followed = Motion.still(source.probe.shanks, TRACES_FOLLOW)
        detected = run.step("detect again", detect_spikes, source, shapes, detect, settings.features)
    groups = groups_of(source.probe, detect, settings.features)
    tissue = Tissue(source.probe, source.preprocessing.whitening, settings.tissue)
    return Drift(source, detected, motion, DriftModel(followed, tissue, groups, source.sampling_hz))


def register_traces(
    run: Run, source: Source, shapes: Shapes, settings: Settings, known: Motion | None
) -> tuple[Source, FollowedMotion]:
    """Detect spikes, find how the tissue moved, and have the traces follow it.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Shapes and temporal components.
    settings : Settings
        Of detection, features, motion and tissue.
    known : Motion or None
        The displacement, where it was measured elsewhere.

    Returns
    -------
    source : Source
        The recording with traces at rest.
    motion : FollowedMotion
        How the tissue moved.
    """
    detected = run.step("detect", detect_spikes, source, shapes, settings.detect, settings.features)
    motion = run.step("motion", find_motion, source, detected, known, settings.motion)
    shift = run.step("trace shift", make_trace_shift, motion, settings.tissue.traces_length_scale_um)
    return source.with_shift(shift), FollowedMotion(motion, Motion.still(source.probe.shanks, TRACES_FOLLOW))


@versioned(1)
def find_motion(
    run: Run, source: Source, detected: DetectedSpikes, known: Motion | None, params: MotionParams
) -> Motion:
    """Find how the tissue moved.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        Gives probe, segments and sampling rate.
    detected : DetectedSpikes
        Spikes of the first pass.
    known : Motion or None
        The displacement, where it was measured elsewhere.
    params : MotionParams
        The settings.

    Returns
    -------
    Motion
        The known one, or an estimate; none where the settings switch it off.
    """
    probe, recording = source.probe, source.recording
    if params.mode == "off" or params.n_sections == 0:
        return Motion.still(probe.shanks, "motion.mode is off.")
    if known is not None:
        return known
    spikes = located_spikes(detected)
    return estimate(spikes, probe, recording.segments, recording.sampling_hz, params, run.map)


def make_trace_shift(run: Run, motion: Motion, length_um: float) -> TraceShift:
    """Describe traces that follow the tissue, as a step, so that the traces can be read again later.

    Parameters
    ----------
    run : Run
        Not used.
    motion : Motion
        How the tissue moved.
    length_um : float
        Length scale of the interpolation between contacts.

    Returns
    -------
    TraceShift
        For `Source.with_shift`.
    """
    return TraceShift(motion, length_um)


def located_spikes(detected: DetectedSpikes) -> MotionSpikes:
    """Select the spikes whose position can be trusted.

    Parameters
    ----------
    detected : DetectedSpikes
        All detected spikes.

    Returns
    -------
    MotionSpikes
        What the displacement is estimated from.
    """
    rows = np.flatnonzero(detected.located)
    depth_um = np.asarray(detected.position_um[:, 1])[rows]
    return MotionSpikes(detected.sample[rows], depth_um, detected.amplitude_uv[rows], detected.shank(rows))


@dataclass(frozen=True, eq=False)
class SpikesAtRest:
    """Detected spikes as the contacts would have seen them with the tissue at rest.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    group : ndarray of int32, shape (n,)
        The group of contacts that would have described it.
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts of that group.
    displacement_um : ndarray of float64, shape (n,)
        How far the tissue was from rest, in steps.
    """

    sample: I64
    group: I32
    features: F32
    displacement_um: F64


@versioned(1)
def move_to_rest(run: Run, detected: DetectedSpikes, drift: DriftModel) -> SpikesAtRest:
    """Move the features of all detected spikes to where the tissue is at rest.

    Parameters
    ----------
    run : Run
        Resources.
    detected : DetectedSpikes
        Spikes of the first pass.
    drift : DriftModel
        How far the tissue was from rest.

    Returns
    -------
    SpikesAtRest
        With features on disk.
    """
    n = len(detected)
    parts = [slice(start, min(start + SPIKES_AT_ONCE, n)) for start in range(0, n, SPIKES_AT_ONCE)]
    groups, displacements = [np.empty(0, np.int32)], [np.empty(0)]
    with run.store.growing("features", detected.features.shape[1:], np.float32) as file:
        for group, displacement_um, features in run.map(partial(_part_at_rest, detected, drift), parts):
            groups.append(group.astype(np.int32))
            displacements.append(displacement_um)
            file.append(features)
        features = file.finish()
    return SpikesAtRest(detected.sample, np.concatenate(groups), features, np.concatenate(displacements))


def _part_at_rest(detected: DetectedSpikes, drift: DriftModel, part: slice) -> tuple[I64, F64, F32]:
    """Group at rest, displacement, and features there, of some spikes."""
    tissue_um, shank = detected.centre_um[part].astype(np.float64), detected.shank(part)
    displacement_um = drift.displacement_um(np.asarray(detected.sample[part]), tissue_um[:, 1], shank)
    tissue_um[:, 1] -= displacement_um
    group = group_of(tissue_um, shank, drift.groups)
    features = np.array(detected.features[part])
    at_rest = np.array(features)
    contacts = drift.groups.contacts
    for rows, (a, b, d) in _equal_rows(detected.group[part], group, displacement_um):
        if a != b or d != 0:
            at_rest[rows] = np.matmul(drift.tissue.to_rest(contacts[int(a)], contacts[int(b)], d), features[rows])
    return group, displacement_um, at_rest


def _equal_rows(*columns: I32 | I64 | F64) -> list[tuple[I64, tuple[float, ...]]]:
    """Rows that agree in all columns, and the values on which they agree."""
    keys, inverse = np.unique(np.stack(columns, axis=1).astype(np.float64), axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(inverse.ravel(), minlength=len(keys)))[:-1])
    return [(r, tuple(key)) for r, key in zip(rows, keys.tolist(), strict=True)]
