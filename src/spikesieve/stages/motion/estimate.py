"""How far the tissue moved, estimated from where spikes were: per shank, with a standard error and a decision.

Decentralised registration of rasters (DREDge) or Kilosort4's alignment to a template; see docs/motion.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spikesieve.geometry import SAME_ROW_UM
from spikesieve.model import F32, F64, I64, Motion, Probe
from spikesieve.settings.motion import MotionParams
from spikesieve.stages.motion.confidence import Evidence, Judged, half_of_neurons, judge, n_neurons
from spikesieve.stages.motion.kilosort import align
from spikesieve.stages.motion.raster import (
    BinnedSpikes,
    TimeBins,
    Windows,
    binned,
    make_axes,
    make_raster,
    make_windows,
    time_bins,
)
from spikesieve.stages.motion.registration import Comparison, compare, solve
from spikesieve.stages.share import Share

# A bin of time holds about this many spikes of each section.
SPIKES_IN_BIN = 30
SHORTEST_BIN_S, LONGEST_BIN_S = 0.5, 20.0
KILOSORT_BATCH_S = 2.0
DEPTH_BIN_UM, KILOSORT_DEPTH_BIN_UM = 2.5, 5.0
# What sections do differently is looked for within this distance; from so many sections on, it is first looked for in
# fewer and larger ones.
SECTION_SHIFT_UM, LARGE_SECTION_SHIFT_UM = 25.0, 50.0
MANY_SECTIONS, FEWER = 8, 4
# Weight of smoothness in time where pairs say little; what is noise and what movement is told afterwards.
SMOOTHNESS = 0.1
# Movement is seen along rows of contacts that lie close enough for a neuron to pass from one to the next.
MIN_ROWS, ROW_GAP_UM = 4, 60.0
# The effective number of neurons of one that lies across cells is up to 4.
MIN_BINS, MIN_SPIKES_IN_BIN, MIN_NEURONS = 5, 10.0, 5.0


@dataclass(frozen=True, eq=False)
class MotionSpikes:
    """What the movement is estimated from, ordered by sample.

    sample        (n,) int64
    depth_um      (n,) float32; only spikes that were located (`localize.Located.ok`)
    amplitude_uv  (n,) float32, on the largest contact
    shank         (n,) int64, shank number of the probe
    """

    sample: I64
    depth_um: F32
    amplitude_uv: F32
    shank: I64

    def __len__(self) -> int:
        return len(self.sample)


def estimate(
    spikes: MotionSpikes,
    probe: Probe,
    segments: tuple[tuple[int, int], ...],
    sampling_hz: float,
    params: MotionParams,
    share: Share = map,
) -> Motion:
    """How far the tissue moved along each shank, how sure that is, and whether it is to be used.

    segments  stretches (start, stop) in samples that are sorted: time between them is missing, not still
    params    its mode is the caller's business
    """
    shanks = np.unique(probe.shanks)
    windows = _windows(probe, params)
    seconds = sum(stop - start for start, stop in segments) / sampling_hz
    n_sections = len(shanks) * (len(windows) + 1) // 2
    bins = time_bins(segments, _bin_s(spikes, n_sections, seconds, params) * sampling_hz)
    shape = len(shanks), len(bins), len(windows)
    um, se_um = np.zeros(shape, np.float32), np.full(shape, np.inf, np.float32)
    decisions, why = [], []
    for row, shank in enumerate(shanks):
        mine = np.flatnonzero(spikes.shank == shank)
        some = binned(bins, spikes.sample[mine], spikes.depth_um[mine], spikes.amplitude_uv[mine])
        hopeless = _hopeless(some, len(bins), probe.positions_um[probe.shanks == shank, 1])
        if hopeless:
            decision, sentence = "refuse", hopeless
        else:
            found = _judged(some, bins, windows, sampling_hz, params, share)
            um[row], se_um[row] = found.um, found.se_um
            decision, sentence = _decided(found, windows)
        decisions.append(decision)
        why.append(sentence)
    return Motion(bins.centre / sampling_hz, windows.centre_um, shanks, um, se_um, tuple(decisions), tuple(why))


def _windows(probe: Probe, params: MotionParams) -> Windows:
    low, high = probe.positions_um[:, 1].min(), probe.positions_um[:, 1].max()
    return make_windows(
        float(low), float(high), params.n_sections or max(1, round((high - low) / params.section_height_um))
    )


def _bin_s(spikes: MotionSpikes, n_sections: int, seconds: float, params: MotionParams) -> float:
    if params.time_bin_s is not None:
        return params.time_bin_s
    if params.estimator == "kilosort":
        return KILOSORT_BATCH_S
    wanted_s = SPIKES_IN_BIN * n_sections * seconds / max(1, len(spikes))
    return float(np.clip(wanted_s, SHORTEST_BIN_S, LONGEST_BIN_S))


def _hopeless(spikes: BinnedSpikes, n_bins: int, depth_um: F64) -> str:
    """Why nothing can be said of a shank's movement, or nothing."""
    rows = np.unique(np.round(depth_um / SAME_ROW_UM) * SAME_ROW_UM)
    chains = np.split(rows, np.flatnonzero(np.diff(rows) > ROW_GAP_UM) + 1)
    longest = max(len(chain) for chain in chains)
    if longest < MIN_ROWS:
        return (
            f"Movement cannot be seen: no more than {longest} rows of contacts lie within {ROW_GAP_UM:g} um of each "
            f"other, and {MIN_ROWS} are needed. The tissue is held to be still."
        )
    wanted = MIN_SPIKES_IN_BIN * max(n_bins, MIN_BINS)
    if len(spikes) < wanted:
        return (
            f"Movement cannot be seen: {len(spikes)} spikes could be located, and {wanted:.0f} are needed for this "
            "duration. The tissue is held to be still. Lower detect.threshold to have more spikes."
        )
    if n_bins < MIN_BINS:
        return (
            f"Movement cannot be seen: the recording has {n_bins} bins of time, and {MIN_BINS} are needed. "
            "Sort a longer stretch, or lower motion.time_bin_s."
        )
    return ""


def _judged(
    spikes: BinnedSpikes, bins: TimeBins, windows: Windows, sampling_hz: float, params: MotionParams, share: Share
) -> Judged:
    """The displacement of one shank from all its spikes, judged by that from halves of its neurons."""
    bin_s = float(np.median(bins.stop - bins.start)) / sampling_hz
    decentralized = params.estimator == "decentralized"
    bin_um = params.depth_bin_um or (DEPTH_BIN_UM if decentralized else KILOSORT_DEPTH_BIN_UM)
    courses: Callable[[Sequence[BinnedSpikes]], list[F64]]
    if decentralized:
        horizon = max(1, round(params.time_horizon_s / bin_s))
        courses = _Registration(bins, windows, bin_um, params.max_shift_um, horizon, share)
    else:
        one = partial(align, n_bins=len(bins), windows=windows, bin_um=bin_um, max_shift_um=params.max_shift_um)
        courses = partial(_each, one, share)
    (whole,) = courses([spikes])
    half = half_of_neurons(spikes, whole, windows)
    first, second = courses([spikes.select(half), spikes.select(~half)])
    counts, neurons = spikes.counts(len(bins), windows), n_neurons(spikes, whole, windows, bin_s)
    return judge(Evidence(whole, first, second, counts, neurons, bins.gap), windows, decentralized)


def _each(course: Callable[[BinnedSpikes], F64], share: Share, sets: Sequence[BinnedSpikes]) -> list[F64]:
    return list(share(course, sets))


@dataclass(frozen=True, eq=False)
class _Registration:
    """Decentralised registration: the shank as a whole first, then what ever smaller sections do differently."""

    bins: TimeBins
    windows: Windows
    bin_um: float
    max_shift_um: float
    horizon: int
    share: Share

    def __call__(self, sets: Sequence[BinnedSpikes]) -> list[F64]:
        """(n_bins, n_windows) float64 um from each set of spikes."""
        totals = [np.zeros((len(self.bins), len(self.windows))) for _ in sets]
        some = [(spikes, total) for spikes, total in zip(sets, totals, strict=True) if len(spikes)]
        for windows, reach_um in self._levels():
            step = partial(self._course, windows=windows, reach_um=reach_um)
            parts = list(self.share(step, [(spikes, k) for spikes, _ in some for k in range(len(windows))]))
            for i, (spikes, total) in enumerate(some):
                course = np.stack(parts[i * len(windows) : (i + 1) * len(windows)], axis=1)
                total += windows.between(course, self.windows.centre_um)
                some[i] = spikes.at_rest(course, windows), total
        return totals

    def _levels(self) -> list[tuple[Windows, float]]:
        """Windows of the whole shank, of a few large sections where there are many, and those that are wanted."""
        n = (len(self.windows) + 1) // 2
        low, high = self.windows.ends_um
        levels = [(make_windows(low, high, 1), self.max_shift_um)]
        if n >= MANY_SECTIONS:
            levels.append((make_windows(low, high, n // FEWER), LARGE_SECTION_SHIFT_UM))
        return levels if n == 1 else [*levels, (self.windows, SECTION_SHIFT_UM)]

    def _course(self, one: tuple[BinnedSpikes, int], windows: Windows, reach_um: float) -> F64:
        """(n_bins,) float64 um, from spikes and the number of a window."""
        spikes, k = one
        low, high = np.clip(windows.reach_um(k), spikes.depth_um.min() - reach_um, spikes.depth_um.max() + reach_um)
        if high - low < self.bin_um:
            return np.zeros(len(self.bins))
        axes = make_axes(spikes, (float(low), float(high)), self.bin_um)
        comparison = Comparison(
            lambda start, stop: make_raster(spikes, (start, stop), axes),
            windows.weights(k, axes.depth_um),
            max(1, round(reach_um / self.bin_um)),
            self.bin_um,
        )
        return solve(compare(comparison, len(self.bins), self.horizon), self.bins.gap, SMOOTHNESS)


def _decided(found: Judged, windows: Windows) -> tuple[str, str]:
    """What to do with a displacement, and a sentence about it."""
    if found.neurons < MIN_NEURONS:
        return "refuse", (
            f"Movement cannot be told: fewer than {MIN_NEURONS:g} neurons were heard, and each may mislead. The tissue "
            "is held to be still. Lower detect.threshold to hear more neurons."
        )
    moved = f"{found.moved_um:.1f} um (root mean square), with a standard error of {found.error_um:.1f} um"
    if not found.seen:
        return "refuse", (
            f"No movement was seen: the estimate is {moved}. The tissue is held to be still. If it is known to move, "
            "more spikes may show it: lower detect.threshold, or raise motion.time_bin_s."
        )
    if len(windows) > 1 and found.differs:
        return "use", f"The tissue moved by {moved}, and not at all depths alike."
    if len(windows) > 1:
        return "rigid", f"The tissue moved by {moved}; depths do not differ by more than the error, so all move as one."
    return "rigid", f"The tissue moved by {moved}, seen as one section."
