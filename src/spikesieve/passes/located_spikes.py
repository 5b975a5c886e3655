"""What the displacement of the tissue is estimated from: located spikes, and when they could be detected where."""

from __future__ import annotations

import numpy as np

from spikesieve.engine.source import Source
from spikesieve.passes.detection import DetectedSpikes
from spikesieve.stages.features import Groups
from spikesieve.stages.motion.estimate import DetectableTime, MotionSpikes
from spikesieve.stages.overview import bin_samples


def located_spikes(detected: DetectedSpikes) -> MotionSpikes:
    """Select the spikes with a reliable position.

    Parameters
    ----------
    detected : DetectedSpikes
        All detected spikes.

    Returns
    -------
    MotionSpikes
        Spikes from which the displacement is estimated.
    """
    rows = np.flatnonzero(detected.located)
    depth_um = np.asarray(detected.position_um[:, 1])[rows]
    return MotionSpikes(detected.sample[rows], depth_um, detected.amplitude_uv[rows], detected.shank(rows))


def detectable_time(source: Source, detected: DetectedSpikes, groups: Groups) -> DetectableTime | None:
    """Find out when spikes could be detected at which depths.

    Parameters
    ----------
    source : Source
        The recording.
    detected : DetectedSpikes
        Knows how many samples of each contact are used.
    groups : Groups
        Contacts that must be seen where a spike is detected.

    Returns
    -------
    DetectableTime or None
        None where all contacts are used for as long.
    """
    n_used = np.asarray(detected.n_used)
    if (n_used == n_used[:, :1]).all():
        return None
    n_bin = bin_samples(source.recording.n_samples, source.sampling_hz)
    bins, row = np.unique(detected.time_bin, return_inverse=True)
    total = np.zeros((len(bins), n_used.shape[1]), np.int64)
    np.add.at(total, row, n_used)
    seen = np.stack([total[:, near[near >= 0]].min(axis=1) for near in groups.contacts], axis=1)
    depth_um = groups.positions_um[:, 1]
    half_um = np.diff(np.unique(depth_um)).max(initial=0.0) / 2
    ends_um = np.stack([depth_um - half_um, depth_um + half_um], axis=1)
    return DetectableTime(bins * n_bin + n_bin // 2, ends_um, groups.shanks, seen)
