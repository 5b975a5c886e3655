"""Pictures of drift: displacement over time with its band, and the spikes before and after it is taken off."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.model import F64, I64
from spikesieve.report.drift.numbers import AFTER, BAND_SE, DriftNumbers
from spikesieve.report.sorting.figures import (
    COLOURS,
    amplitude_bar,
    amplitude_scale,
    leave_margins,
    say,
    scatter_spikes,
)
from spikesieve.report.sorting.numbers import SomeSpikes

USED, NOT_USED = COLOURS["good"], COLOURS["noise"]
MOST_SHANKS = 8
"""Shanks in one picture."""


def displacement(drift: DriftNumbers) -> Figure:
    """Displacement over time of each shank, one trace for each depth, with its 95 % band and what was decided.

    Traces lie above each other by depth, all on one scale; where the band has no limit it fills the room of its trace.
    """
    n_shanks, _, n_depths = drift.estimated_um[:MOST_SHANKS].shape
    figure = Figure(figsize=(12.0, n_shanks * (1.5 + max(1.5, 0.5 * n_depths))))
    leave_margins(figure, left_in=0.8, right_in=0.8, top_in=0.6)
    figure.subplots_adjust(hspace=0.25)
    room_um = 2 * drift.reach_um
    for row, axes in enumerate(figure.subplots(n_shanks, 1, sharex=True, squeeze=False)[:, 0]):
        for depth in range(n_depths):
            _trace(axes, drift, row, depth, room_um)
        dashed = " Dashed: what is used, the mean over depths." if drift.decisions[row] == "rigid" else ""
        axes.set_title(drift.sentences[row] + dashed, loc="left", fontsize=9, wrap=True)
        axes.set(ylim=(-room_um / 2, (n_depths - 0.5) * room_um), xlabel="time (s)" if row == n_shanks - 1 else "")
        axes.margins(x=0.01)
        _say_depths(axes, drift.depth_um, room_um)
    return figure


def _trace(axes: Axes, drift: DriftNumbers, row: int, depth: int, room_um: float) -> None:
    um, used = (values[row, :, depth].astype(np.float64) for values in (drift.estimated_um, drift.used_um))
    refused = drift.decisions[row] == "refuse"
    colour, middle = NOT_USED if refused else USED, depth * room_um
    axes.axhline(middle, color="#dddddd", linewidth=0.6, zorder=1)
    if drift.has_band:
        half = np.minimum(BAND_SE * drift.se_um[row, :, depth], room_um)
        low, high = (np.clip(um + side * half, -room_um / 2, room_um / 2) + middle for side in (-1, 1))
        axes.fill_between(drift.time_s, low, high, color=colour, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(drift.time_s, um + middle, color=colour, linewidth=1.1, zorder=3)
    if drift.decisions[row] == "rigid":
        axes.plot(drift.time_s, used + middle, color="black", linewidth=0.8, linestyle="--", zorder=4)


def _say_depths(axes: Axes, depth_um: F64, room_um: float) -> None:
    """Each trace's depth at its zero, and to the right its displacement; of a single one only that."""
    if len(depth_um) == 1:
        axes.set_ylabel("displacement (µm)")
        return
    middles = room_um * np.arange(len(depth_um))
    axes.set_yticks(middles, [f"{depth:.0f}" for depth in depth_um])
    axes.set_ylabel("depth (µm)")
    bar_um = scale_bar_um(room_um)
    scale = axes.secondary_yaxis("right")
    ends = (middles[:, None] + bar_um * np.array([-1.0, 0.0, 1.0])).ravel()
    scale.set_yticks(ends, [f"{um:+g}" if um else "0" for um in np.tile([-bar_um, 0.0, bar_um], len(middles))])
    scale.set_ylabel("displacement (µm)")
    scale.tick_params(labelsize=7)


def scale_bar_um(room_um: float) -> float:
    """The largest of 1, 2, 5, 10, 20 ... um that is at most 0.4 of the room."""
    power = 10.0 ** np.floor(np.log10(0.4 * room_um))
    return float(max(step * power for step in (1, 2, 5) if step * power <= 0.4 * room_um))


def raster_before_and_after(drift: DriftNumbers, raster: SomeSpikes, shank_of_unit: I64) -> Figure:
    """Spikes by time and depth as they were seen on the probe, and where they are in the tissue, a row for each shank.

    Only the depths of `drift.window_um`: over a whole probe a movement of some um cannot be seen.

    raster         the spikes of the raster of all
    shank_of_unit  (n_units,) int64
    """
    shanks = drift.shanks[:MOST_SHANKS]
    figure = Figure(figsize=(14.0, max(6.0, 3.6 * len(shanks))))
    leave_margins(figure, left_in=0.8, right_in=0.8)
    figure.subplots_adjust(wspace=0.06)
    panels = figure.subplots(len(shanks), 2, sharex=True, sharey="row", squeeze=False)
    spikes = raster.every(drift.step)
    if len(spikes) == 0:
        say(panels[0, 0], "No spikes were found.")
        return figure
    scale, shank_of_spike = amplitude_scale(spikes.amplitude_uv), shank_of_unit[spikes.unit]
    for (before, after), shank, decision, window_um in zip(
        panels, shanks, drift.decisions, drift.window_um, strict=False
    ):
        mine = shank_of_spike == shank
        time_s, amplitude_uv = spikes.time_s[mine], spikes.amplitude_uv[mine]
        scatter_spikes(before, time_s, drift.on_probe_um[mine], amplitude_uv, scale)
        points = scatter_spikes(after, time_s, spikes.depth_um[mine], amplitude_uv, scale)
        name = f"shank {shank}, " if len(drift.shanks) > 1 else ""
        before.set(title=f"{name}as seen on the probe", ylabel="depth (µm)", ylim=window_um)
        after.set(title=f"{name}{AFTER[decision]}")
    for axes in panels[-1]:
        axes.set_xlabel("time (s)")
    amplitude_bar(points, panels.ravel().tolist(), figure, aspect=20 * len(shanks))
    return figure
