"""Drift: estimates the displacement of the tissue and corrects detected spikes or traces for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source, TraceShift
from spikesieve.model import F32, F64, I32, I64, Motion, Probe, RowsOnDemand
from spikesieve.passes.detection import DetectedSpikes, detect_spikes, groups_of
from spikesieve.passes.located_spikes import detectable_time, located_spikes
from spikesieve.passes.overview import make_overview
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.sort import Settings
from spikesieve.stages.blanked_time import seldom_whole
from spikesieve.stages.features import Groups, group_of
from spikesieve.stages.motion.estimate import estimate
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.tissue import Tissue

# Spikes that are corrected at a time.
SPIKES_AT_ONCE = 20_000
TRACES_FOLLOW = "The traces follow the tissue."


@dataclass(frozen=True, eq=False)
class DriftModel:
    """Model of drift: predicts spikes at rest from spikes at any displacement, and back.

    Attributes
    ----------
    motion : Motion
        Displacement that the templates follow; zero if the traces were corrected.
    tissue : Tissue
        Covariance of footprints over positions in the tissue.
    groups : Groups
        Groups of contacts on which features are measured.
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
        """Displacements at which templates are predicted, in um, ascending: (n_steps,) float64."""
        step = self.tissue.params.displacement_step_um
        low, high = np.floor(self.motion.um.min() / step), np.ceil(self.motion.um.max() / step)
        return np.arange(min(low, 0), max(high, 0) + 1) * step

    def displacement_um(self, sample: I64, depth_um: F64, shank: I64) -> F64:
        """Look up the displacement of spikes, rounded to steps.

        Parameters
        ----------
        sample : ndarray of int64, shape (n,)
            Sample of each spike.
        depth_um : ndarray of float64, shape (n,)
            Depth of each spike in um.
        shank : ndarray of int64, shape (n,)
            Shank of each spike.

        Returns
        -------
        ndarray of float64, shape (n,)
            Displacement in um, upwards positive.
        """
        step = self.tissue.params.displacement_step_um
        return np.round(self.motion.at(sample / self.sampling_hz, depth_um, shank) / step) * step


@dataclass(frozen=True, eq=False)
class FollowedMotion:
    """Displacement of the tissue, and the part of it that templates followed.

    Attributes
    ----------
    found : Motion or None
        Displacement of the tissue; None if it was not estimated.
    followed : Motion or None
        Displacement that the templates followed; zero if the traces were corrected.
    """

    found: Motion | None = None
    followed: Motion | None = None


@dataclass(frozen=True, eq=False)
class Drift:
    """Detected spikes, displacement of the tissue, and how drift is corrected.

    Attributes
    ----------
    source : Source
        The recording, with corrected traces if `motion.mode` is "traces".
    detected : DetectedSpikes
        Spikes detected in these traces.
    motion : Motion
        Displacement of the tissue.
    model : DriftModel
        Model of the drift that the templates follow.
    """

    source: Source
    detected: DetectedSpikes
    motion: Motion
    model: DriftModel

    @property
    def followed(self) -> FollowedMotion:
        """Displacement of the tissue, and the part of it that templates followed."""
        return FollowedMotion(self.motion, self.model.motion)


def find_drift(
    run: Run, source: Source, shapes: Shapes, detect: DetectParams, settings: Settings, known: Motion | None
) -> Drift:
    """Detect spikes, estimate the displacement of the tissue, and set up the correction of drift.

    If the traces are corrected, spikes are detected again in the corrected traces.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Shapes and temporal components.
    detect : DetectParams
        Settings of detection.
    settings : Settings
        Settings of features, motion and tissue.
    known : Motion or None
        Displacement that was measured elsewhere.

    Returns
    -------
    Drift
        Spikes, displacement and model of drift.
    """
    detected = run.step("detect", detect_spikes, source, shapes, detect, settings.features)
    run.step("overview", make_overview, source, detected)
    groups = groups_of(source.probe, detect, settings.features)
    unseen = seldom_whole(detected.whole_share, groups.contacts, source.probe.channels)
    source = source.with_preprocessing(replace(source.preprocessing, notes=(*source.preprocessing.notes, *unseen)))
    motion = run.step("motion", find_motion, source, detected, groups, known, settings.motion)
    followed = motion
    if settings.motion.mode == "traces":
        shift = run.step("trace shift", make_trace_shift, motion, settings.tissue.traces_length_scale_um)
        source = source.with_shift(shift)
        followed = Motion.still(source.probe.shanks, TRACES_FOLLOW)
        detected = run.step("detect again", detect_spikes, source, shapes, detect, settings.features)
    tissue = Tissue(source.probe, source.preprocessing.whitening, settings.tissue)
    return Drift(source, detected, motion, DriftModel(followed, tissue, groups, source.sampling_hz))


def register_traces(
    run: Run, source: Source, shapes: Shapes, settings: Settings, known: Motion | None
) -> tuple[Source, FollowedMotion]:
    """Detect spikes, estimate the displacement of the tissue, and correct the traces.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Shapes and temporal components.
    settings : Settings
        Settings of detection, features, motion and tissue.
    known : Motion or None
        Displacement that was measured elsewhere.

    Returns
    -------
    source : Source
        The recording with corrected traces.
    motion : FollowedMotion
        Displacement of the tissue.
    """
    detected = run.step("detect", detect_spikes, source, shapes, settings.detect, settings.features)
    run.step("overview", make_overview, source, detected)
    groups = groups_of(source.probe, settings.detect, settings.features)
    motion = run.step("motion", find_motion, source, detected, groups, known, settings.motion)
    shift = run.step("trace shift", make_trace_shift, motion, settings.tissue.traces_length_scale_um)
    return source.with_shift(shift), FollowedMotion(motion, Motion.still(source.probe.shanks, TRACES_FOLLOW))


@versioned(6)
def find_motion(
    run: Run, source: Source, detected: DetectedSpikes, groups: Groups, known: Motion | None, params: MotionParams
) -> Motion:
    """Estimate the displacement of the tissue.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        Probe, segments and sampling rate.
    detected : DetectedSpikes
        Detected spikes.
    groups : Groups
        Contacts that must be seen where a spike is detected.
    known : Motion or None
        Displacement that was measured elsewhere.
    params : MotionParams
        The settings.

    Returns
    -------
    Motion
        The known displacement, or an estimate; zero if the settings switch drift correction off.
    """
    probe, recording = source.probe, source.recording
    if params.mode == "off" or params.n_sections == 0:
        return Motion.still(probe.shanks, "motion.mode is off.")
    if known is not None:
        return known
    spikes = replace(located_spikes(detected), detectable=detectable_time(source, detected, groups))
    return estimate(spikes, probe, recording.segments, recording.sampling_hz, params, run.map_kept)


@versioned(1)
def make_trace_shift(run: Run, motion: Motion, length_um: float) -> TraceShift:
    """Make the correction of the traces. As a step it is stored, so that the traces can be read again later.

    Parameters
    ----------
    run : Run
        Not used; every step takes it.
    motion : Motion
        Displacement of the tissue.
    length_um : float
        Length scale of the interpolation between contacts in um.

    Returns
    -------
    TraceShift
        Argument of `Source.with_shift`.
    """
    return TraceShift(motion, length_um)


@dataclass(frozen=True, eq=False)
class FeaturesAtRest(RowsOnDemand):
    """Features of detected spikes, corrected for drift when they are read.

    Attributes
    ----------
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts of the group that recorded the spike.
    recorded_by : ndarray of int32, shape (n,)
        That group.
    group : ndarray of int32, shape (n,)
        Group of contacts that is nearest to the spike at rest.
    displacement_um : ndarray of float64, shape (n,)
        Displacement of the tissue in um.
    drift : DriftModel
        Model of drift.
    """

    features: F32
    recorded_by: I32
    group: I32
    displacement_um: F64
    drift: DriftModel

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, n_near, n_pcs)."""
        return self.features.shape

    def rows(self, numbers: I64) -> F32:
        """Compute the features of spikes on the contacts of their group at rest.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            Rows of the spikes.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_pcs)
            Features.
        """
        features = np.asarray(self.features[numbers])
        at_rest, contacts = np.array(features), self.drift.groups.contacts
        columns = self.recorded_by[numbers], self.group[numbers], self.displacement_um[numbers]
        for same, (a, b, d) in _equal_rows(*columns):
            if a != b or d != 0:
                matrix = self.drift.tissue.to_rest(contacts[int(a)], contacts[int(b)], d)
                at_rest[same] = np.matmul(matrix, features[same])
        return at_rest


@dataclass(frozen=True, eq=False)
class SpikesAtRest:
    """Detected spikes, corrected for drift: as the contacts would have seen them with the tissue at rest.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    group : ndarray of int32, shape (n,)
        Group of contacts that is nearest to the spike at rest.
    features : FeaturesAtRest, or ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts of that group.
    displacement_um : ndarray of float64, shape (n,)
        Displacement of the tissue in um, a multiple of the step.
    """

    sample: I64
    group: I32
    features: FeaturesAtRest | F32
    displacement_um: F64


@versioned(2)
def move_to_rest(run: Run, detected: DetectedSpikes, drift: DriftModel) -> SpikesAtRest:
    """Find out where all detected spikes would be recorded with the tissue at rest.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    detected : DetectedSpikes
        Detected spikes.
    drift : DriftModel
        Model of drift.

    Returns
    -------
    SpikesAtRest
        The corrected spikes; their features are computed when they are read.
    """
    n = len(detected)
    parts = [slice(start, min(start + SPIKES_AT_ONCE, n)) for start in range(0, n, SPIKES_AT_ONCE)]
    groups, displacements = [np.empty(0, np.int32)], [np.empty(0)]
    for of_part, moved_um in run.map(partial(_part_at_rest, detected, drift), parts):
        groups.append(of_part.astype(np.int32))
        displacements.append(moved_um)
    group, displacement_um = np.concatenate(groups), np.concatenate(displacements)
    features = FeaturesAtRest(detected.features, detected.group, group, displacement_um, drift)
    return SpikesAtRest(detected.sample, group, features, displacement_um)


def _part_at_rest(detected: DetectedSpikes, drift: DriftModel, part: slice) -> tuple[I64, F64]:
    """Group at rest and displacement of a part of the spikes."""
    tissue_um, shank = detected.centre_um[part].astype(np.float64), detected.shank(part)
    displacement_um = drift.displacement_um(np.asarray(detected.sample[part]), tissue_um[:, 1], shank)
    tissue_um[:, 1] -= displacement_um
    return group_of(tissue_um, shank, drift.groups), displacement_um


def _equal_rows(*columns: I32 | I64 | F64) -> list[tuple[I64, tuple[float, ...]]]:
    """Rows with equal values in all columns, and these values."""
    keys, inverse = np.unique(np.stack(columns, axis=1).astype(np.float64), axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    edges = np.cumsum(np.bincount(inverse.ravel(), minlength=len(keys)))
    return [(order[a:b], tuple(key)) for a, b, key in zip([0, *edges], edges, keys.tolist(), strict=False)]
