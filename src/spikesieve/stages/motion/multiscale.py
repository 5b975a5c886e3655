"""Decentralised registration from coarse to fine: first the whole shank, then what smaller sections add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spikesieve.model import F64
from spikesieve.stages.motion.depth_windows import DepthWindows, make_depth_windows
from spikesieve.stages.motion.raster import BinnedSpikes, make_axes, make_raster
from spikesieve.stages.motion.registration import RasterCorrelator, correlate_pairs, solve_displacement
from spikesieve.stages.motion.time_bins import TimeBins
from spikesieve.stages.share import Share

# Largest shift of a section relative to the whole shank.
SECTION_SHIFT_UM, LARGE_SECTION_SHIFT_UM = 25.0, 50.0
# From this many sections on, fewer and larger ones come first.
MANY_SECTIONS, SECTIONS_PER_LARGE_ONE = 8, 4
# Weight of smoothness in time where pairs say little; noise and movement are told apart afterwards.
SMOOTHNESS = 0.1


@dataclass(frozen=True, eq=False)
class Registration:
    """What the registration of all windows has in common.

    Attributes
    ----------
    bins : TimeBins
        Time bins.
    bin_um : float
        Height of a depth bin in um.
    max_shift_um : float
        Largest shift of the whole shank in um.
    horizon : int
        Pairs of time bins farther apart than this many are left out.
    """

    bins: TimeBins
    bin_um: float
    max_shift_um: float
    horizon: int


def register(
    sets: Sequence[BinnedSpikes], registration: Registration, windows: DepthWindows, share: Share
) -> list[F64]:
    """Estimate the displacement from each of several sets of spikes.

    Parameters
    ----------
    sets : sequence of BinnedSpikes
        Sets of spikes of one shank.
    registration : Registration
        Bins and largest shift.
    windows : DepthWindows
        The windows whose displacements are wanted.
    share : Share
        Runs the registration of all sets and windows.

    Returns
    -------
    list of ndarray of float64, shape (n_bins, n_windows)
        Displacement in um from each set.
    """
    totals_um = [np.zeros((len(registration.bins), len(windows))) for _ in sets]
    remaining = [(spikes, total_um) for spikes, total_um in zip(sets, totals_um, strict=True) if len(spikes)]
    for level, max_shift_um in _levels(windows, registration.max_shift_um):
        step = partial(_register_window, registration=registration, windows=level, max_shift_um=max_shift_um)
        parts = list(share(step, [(spikes, k) for spikes, _ in remaining for k in range(len(level))]))
        for i, (spikes, total_um) in enumerate(remaining):
            displacement_um = np.stack(parts[i * len(level) : (i + 1) * len(level)], axis=1)
            total_um += level.interpolate(displacement_um, windows.centre_um)
            remaining[i] = spikes.at_rest(displacement_um, level), total_um
    return totals_um


def _levels(windows: DepthWindows, max_shift_um: float) -> list[tuple[DepthWindows, float]]:
    """The whole shank, a few large sections if there are many, the wanted windows; each with its largest shift."""
    n_sections = (len(windows) + 1) // 2
    low_um, high_um = windows.ends_um
    levels = [(make_depth_windows(low_um, high_um, 1), max_shift_um)]
    if n_sections >= MANY_SECTIONS:
        large = make_depth_windows(low_um, high_um, n_sections // SECTIONS_PER_LARGE_ONE)
        levels.append((large, LARGE_SECTION_SHIFT_UM))
    return levels if n_sections == 1 else [*levels, (windows, SECTION_SHIFT_UM)]


def _register_window(
    item: tuple[BinnedSpikes, int], registration: Registration, windows: DepthWindows, max_shift_um: float
) -> F64:
    """Estimate the displacement of one window from spikes: (n_bins,) in um."""
    spikes, k = item
    bins, bin_um = registration.bins, registration.bin_um
    lowest, highest = spikes.depth_um.min() - max_shift_um, spikes.depth_um.max() + max_shift_um
    low, high = np.clip(windows.limits_um(k), lowest, highest)
    if high - low < bin_um:
        return np.zeros(len(bins))
    axes = make_axes(spikes, (float(low), float(high)), bin_um)
    correlator = RasterCorrelator(
        partial(make_raster, spikes, axes),
        windows.weights(k, axes.depth_um),
        max(1, round(max_shift_um / bin_um)),
        bin_um,
    )
    pairs = correlate_pairs(correlator, len(bins), registration.horizon)
    return solve_displacement(pairs, bins.gap, SMOOTHNESS)
