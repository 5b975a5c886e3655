"""Drift estimation from located spikes: the displacement of each shank, its standard error, and whether to use it.

By decentralised registration of rasters (DREDge), or by Kilosort4's alignment with a template; see docs/motion.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.geometry import SAME_ROW_UM
from spikesieve.model import F32, F64, I64, Bool, DriftDecision, Motion, Probe
from spikesieve.model.text import counted, one_or_more
from spikesieve.settings.motion import MotionParams
from spikesieve.stages.motion.confidence import (
    DisplacementEstimate,
    SplitHalfEstimate,
    assess,
    effective_neurons,
    half_of_neurons,
)
from spikesieve.stages.motion.depth_windows import DepthWindows, make_depth_windows
from spikesieve.stages.motion.kilosort import align_batches
from spikesieve.stages.motion.multiscale import Registration, register
from spikesieve.stages.motion.raster import BinnedSpikes, HiddenDepths, bin_spikes
from spikesieve.stages.motion.time_bins import TimeBins, time_bins
from spikesieve.stages.share import Share

# A time bin holds about this many spikes of each section.
SPIKES_PER_BIN = 30
MIN_BIN_S, MAX_BIN_S = 0.5, 20.0
KILOSORT_BATCH_S = 2.0
DEPTH_BIN_UM, KILOSORT_DEPTH_BIN_UM = 2.5, 5.0
# Movement is seen along rows of contacts that are close enough for a neuron to pass from one to the next.
MIN_ROWS, MAX_ROW_GAP_UM = 4, 60.0
# A single neuron that lies across cells counts as up to 4.
MIN_BINS, MIN_SPIKES_PER_BIN, MIN_NEURONS = 5, 10.0, 5.0
# Templates are predicted in steps of 1 um: less than half of that is no step. The steepest footprint changes by 3 %
# over it, a third of the spread of a neuron's amplitudes.
MIN_MOVEMENT_UM = 0.5

# A place is hidden in a time bin if it is seen for less than this share of the time in which the best one is seen.
MIN_SEEN_RATIO = 0.5

NO_CORRECTION = "No drift is corrected."


@dataclass(frozen=True, eq=False)
class DetectableTime:
    """When spikes could be detected at which depths: contacts may be blanked for some time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_times,)
        Times in samples, ascending and evenly spaced.
    ends_um : ndarray of float64, shape (n_places, 2)
        Lowest and highest depth of each place in um.
    shank : ndarray of int64, shape (n_places,)
        Shank of each place.
    n_samples : ndarray of int64, shape (n_times, n_places)
        Samples around each time in which all contacts of a place are seen.
    """

    sample: I64
    ends_um: F64
    shank: I64
    n_samples: I64

    def hidden(self, bins: TimeBins, shank: int) -> HiddenDepths | None:
        """Find the places of a shank at which less is seen than half of what is seen elsewhere.

        Parameters
        ----------
        bins : TimeBins
            Time bins.
        shank : int
            The shank.

        Returns
        -------
        HiddenDepths or None
            None where all places are seen alike.
        """
        row, places = bins.index_of(self.sample), np.flatnonzero(self.shank == shank)
        total = np.zeros((len(bins), len(places)))
        np.add.at(total, row[row >= 0], self.n_samples[row >= 0][:, places])
        time_bin, place = np.nonzero(total < MIN_SEEN_RATIO * total.max(axis=1, keepdims=True))
        return HiddenDepths(time_bin, self.ends_um[places[place]]) if len(place) else None


@dataclass(frozen=True, eq=False)
class MotionSpikes:
    """The located spikes that the displacement is estimated from, ordered by sample.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Spike times in samples, ascending.
    depth_um : ndarray of float32, shape (n,)
        Depths in um, of spikes whose location is ok (`localize.SpikeLocations`).
    amplitude_uv : ndarray of float32, shape (n,)
        Amplitudes on the largest contact in uV.
    shank : ndarray of int64, shape (n,)
        Shank numbers of the probe.
    detectable : DetectableTime or None
        When spikes could be detected where; None: always and everywhere.
    """

    sample: I64
    depth_um: F32
    amplitude_uv: F32
    shank: I64
    detectable: DetectableTime | None = None

    def __len__(self) -> int:
        return len(self.sample)

    def take(self, keep: Bool | I64) -> MotionSpikes:
        """Select spikes.

        Parameters
        ----------
        keep : ndarray of bool, or of int64
            Mask, or ascending indices.

        Returns
        -------
        MotionSpikes
            The selected spikes.
        """
        sample, depth_um, amplitude_uv = self.sample[keep], self.depth_um[keep], self.amplitude_uv[keep]
        return MotionSpikes(sample, depth_um, amplitude_uv, self.shank[keep], self.detectable)


def estimate(
    spikes: MotionSpikes,
    probe: Probe,
    segments: tuple[tuple[int, int], ...],
    sampling_hz: float,
    params: MotionParams,
    share: Share = map,
) -> Motion:
    """Estimate how far the tissue moved along each shank.

    Parameters
    ----------
    spikes : MotionSpikes
        Located spikes of all shanks.
    probe : Probe
        The contacts that are sorted.
    segments : tuple of (int, int)
        Segments (start, stop) that are sorted, in samples. The time between them is left out.
    sampling_hz : float
        Sampling rate in Hz.
    params : MotionParams
        The estimator and its bins; `mode` is not looked at.
    share : Share, optional
        Runs the work that can be done at the same time.

    Returns
    -------
    Motion
        Displacement, standard error and decision for each shank.

    Examples
    --------
    One spike is not enough:

    >>> tetrode = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64))
    >>> spike = MotionSpikes(np.array([9]), np.zeros(1, np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    >>> estimate(spike, tetrode, ((0, 300_000),), 30_000.0, MotionParams()).decisions
    (<DriftDecision.REFUSE: 'refuse'>,)
    """
    shanks = np.unique(probe.shanks)
    windows = _depth_windows(probe, params)
    seconds = sum(stop - start for start, stop in segments) / sampling_hz
    n_sections = len(shanks) * (len(windows) + 1) // 2
    bins = time_bins(segments, _bin_s(spikes, n_sections, seconds, params) * sampling_hz)
    shape = len(shanks), len(bins), len(windows)
    um, se_um = np.zeros(shape, np.float32), np.full(shape, np.inf, np.float32)
    decisions, reasons = [], []
    for row, shank in enumerate(shanks):
        on_shank = np.flatnonzero(spikes.shank == shank)
        binned = bin_spikes(bins, spikes.sample[on_shank], spikes.depth_um[on_shank], spikes.amplitude_uv[on_shank])
        if spikes.detectable is not None:
            binned = replace(binned, hidden=spikes.detectable.hidden(bins, int(shank)))
        decision, reason = "refuse", _too_little(binned, len(bins), probe.positions_um[probe.shanks == shank, 1])
        if not reason:
            found = _estimate_shank(binned, bins, windows, sampling_hz, params, share)
            um[row], se_um[row] = found.displacement_um, found.se_um
            decision, reason = _decide(found, windows)
        decisions.append(decision)
        reasons.append(reason)
    sample, index = bins.knots(segments)
    decided = tuple(map(DriftDecision, decisions))
    return Motion(
        sample / sampling_hz, windows.centre_um, shanks, um[:, index], se_um[:, index], decided, tuple(reasons)
    )


def _depth_windows(probe: Probe, params: MotionParams) -> DepthWindows:
    low, high = probe.positions_um[:, 1].min(), probe.positions_um[:, 1].max()
    n_sections = params.n_sections or max(1, round((high - low) / params.section_height_um))
    return make_depth_windows(float(low), float(high), n_sections)


def _bin_s(spikes: MotionSpikes, n_sections: int, seconds: float, params: MotionParams) -> float:
    if params.time_bin_s is not None:
        return params.time_bin_s
    if params.estimator == "kilosort":
        return KILOSORT_BATCH_S
    wanted_s = SPIKES_PER_BIN * n_sections * seconds / max(1, len(spikes))
    return float(np.clip(wanted_s, MIN_BIN_S, MAX_BIN_S))


def _too_little(spikes: BinnedSpikes, n_bins: int, depth_um: F64) -> str:
    """Why the displacement of a shank cannot be estimated, or an empty string."""
    rows_um = np.unique(np.round(depth_um / SAME_ROW_UM) * SAME_ROW_UM)
    chains = np.split(rows_um, np.flatnonzero(np.diff(rows_um) > MAX_ROW_GAP_UM) + 1)
    longest = max(len(chain) for chain in chains)
    if longest < MIN_ROWS:
        return (
            f"Drift cannot be estimated: at most {counted(longest, 'row')} of contacts "
            f"{one_or_more(longest, 'lies', 'lie')} within {MAX_ROW_GAP_UM:g} µm of each other, "
            f"and {MIN_ROWS} are needed. {NO_CORRECTION}"
        )
    n_needed = MIN_SPIKES_PER_BIN * max(n_bins, MIN_BINS)
    if len(spikes) < n_needed:
        return (
            f"Drift cannot be estimated: {counted(len(spikes), 'spike')} could be located, and {n_needed:.0f} are "
            f"needed for this duration. {NO_CORRECTION} To have more spikes, lower detect.threshold."
        )
    if n_bins < MIN_BINS:
        return (
            f"Drift cannot be estimated: the recording has {counted(n_bins, 'time bin')}, and {MIN_BINS} are needed. "
            f"{NO_CORRECTION} Sort a longer part of the recording, or lower motion.time_bin_s."
        )
    return ""


def _estimate_shank(
    spikes: BinnedSpikes,
    bins: TimeBins,
    windows: DepthWindows,
    sampling_hz: float,
    params: MotionParams,
    share: Share,
) -> DisplacementEstimate:
    """Estimate the displacement of one shank from all its spikes, and its error from halves of its neurons."""
    bin_s = float(np.median(bins.stop - bins.start)) / sampling_hz
    (whole,) = _displacements([spikes], bins, windows, bin_s, params, share)
    half = half_of_neurons(spikes, whole, windows)
    halves = [spikes.select(half), spikes.select(~half)]
    first, second = _displacements(halves, bins, windows, bin_s, params, share)
    counts, n_neurons = spikes.counts(len(bins), windows), effective_neurons(spikes, whole, windows, bin_s)
    split = SplitHalfEstimate(whole, first, second, counts, n_neurons, bins.gap)
    return assess(split, windows, remove_noise=params.estimator == "decentralized")


def _displacements(
    sets: Sequence[BinnedSpikes],
    bins: TimeBins,
    windows: DepthWindows,
    bin_s: float,
    params: MotionParams,
    share: Share,
) -> list[F64]:
    """Estimate the displacement from each set of spikes: (n_bins, n_windows) in um."""
    if params.estimator == "decentralized":
        horizon = max(1, round(params.time_horizon_s / bin_s))
        registration = Registration(bins, params.depth_bin_um or DEPTH_BIN_UM, params.max_shift_um, horizon)
        return register(sets, registration, windows, share)
    bin_um = params.depth_bin_um or KILOSORT_DEPTH_BIN_UM
    align = partial(align_batches, n_bins=len(bins), windows=windows, bin_um=bin_um, max_shift_um=params.max_shift_um)
    return list(share(align, sets))


def _decide(found: DisplacementEstimate, windows: DepthWindows) -> tuple[str, str]:
    """Decide what to do with a displacement, with a sentence for the user."""
    if found.n_neurons < MIN_NEURONS:
        return "refuse", (
            f"Drift cannot be estimated: fewer than {MIN_NEURONS:g} neurons were detected, and each may mislead. "
            f"{NO_CORRECTION} To detect more neurons, lower detect.threshold."
        )
    drift = f"{found.rms_um:.1f} µm (root mean square), with a standard error of {found.rms_error_um:.1f} µm"
    if not found.is_moving:
        return "refuse", (
            f"No drift was found: the estimate is {drift}. {NO_CORRECTION} If the tissue is known to drift, more "
            "spikes may show it: lower detect.threshold, or raise motion.time_bin_s."
        )
    if found.rms_um < MIN_MOVEMENT_UM:
        return "refuse", (
            f"The tissue stood still: the estimate is {drift}, and a movement of less than {MIN_MOVEMENT_UM:g} µm "
            f"changes no footprint. {NO_CORRECTION}"
        )
    if len(windows) > 1 and found.depths_differ:
        return "use", f"The tissue drifted by {drift}, differently at different depths."
    if len(windows) > 1:
        return "rigid", f"The tissue drifted by {drift}. Depths differ by less than the error: all are corrected alike."
    return "rigid", f"The tissue drifted by {drift}, estimated as one section."
