"""Pictures of drift: displacement over time, spikes before and after correction."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.model import F64, I64
from spikesieve.report.drift.numbers import AFTER_TITLES, BAND_SE, DriftNumbers
from spikesieve.report.sorting.spike_figures import BAR_MARGIN_IN, add_amplitude_bar, amplitude_scale, scatter_spikes
from spikesieve.report.sorting.style import COLOURS, set_margins, write_message
from spikesieve.report.thinning import ThinnedSpikes

USED_COLOUR, UNUSED_COLOUR = COLOURS["good"], COLOURS["noise"]
"""Colours of a displacement that was corrected, and of one that was not."""
MAX_SHANKS = 8
"""Shanks in one picture."""
PART_SENTENCE = "Only the depths with most spikes are shown, so that the movement can be seen."
"""Above a raster that leaves out contacts."""


def displacement(drift: DriftNumbers) -> Figure:
    """Draw the displacement of each shank over time, one trace for each depth, with its 95 % band.

    Parameters
    ----------
    drift : DriftNumbers
        Numbers of the drift.

    Returns
    -------
    Figure
        One panel for each shank. Traces lie above each other by depth, on one scale. Where the band is unlimited it
        fills the room of its trace.
    """
    n_shanks, _, n_depths = drift.estimated_um[:MAX_SHANKS].shape
    figure = Figure(figsize=(12.0, n_shanks * (1.5 + max(1.5, 0.5 * n_depths))))
    set_margins(figure, left_in=0.8, right_in=0.8, top_in=0.6)
    figure.subplots_adjust(hspace=0.25)
    room_um = 2 * drift.half_range_um
    for row, axes in enumerate(figure.subplots(n_shanks, 1, sharex=True, squeeze=False)[:, 0]):
        for depth in range(n_depths):
            _draw_trace(axes, drift, row, depth, room_um)
        dashed = " Dashed: the mean over depths, which was used." if drift.decisions[row] == "rigid" else ""
        axes.set_title(drift.sentences[row] + dashed, loc="left", fontsize=9, wrap=True)
        axes.set(ylim=(-room_um / 2, (n_depths - 0.5) * room_um), xlabel="time (s)" if row == n_shanks - 1 else "")
        axes.margins(x=0.01)
        _label_depths(axes, drift.depth_um, room_um)
    return figure


def _draw_trace(axes: Axes, drift: DriftNumbers, row: int, depth: int, room_um: float) -> None:
    um, used = (values[row, :, depth].astype(np.float64) for values in (drift.estimated_um, drift.used_um))
    colour = UNUSED_COLOUR if drift.decisions[row] == "refuse" else USED_COLOUR
    middle = depth * room_um
    axes.axhline(middle, color="#dddddd", linewidth=0.6, zorder=1)
    if drift.has_band:
        half = np.minimum(BAND_SE * drift.se_um[row, :, depth], room_um)
        low, high = (np.clip(um + sign * half, -room_um / 2, room_um / 2) + middle for sign in (-1, 1))
        axes.fill_between(drift.time_s, low, high, color=colour, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(drift.time_s, um + middle, color=colour, linewidth=1.1, zorder=3)
    if drift.decisions[row] == "rigid":
        axes.plot(drift.time_s, used + middle, color="black", linewidth=0.8, linestyle="--", zorder=4)


def _label_depths(axes: Axes, depth_um: F64, room_um: float) -> None:
    """Label the traces by depth and the right axis by displacement. A single trace gets only the latter."""
    if len(depth_um) == 1:
        axes.set_ylabel("displacement (µm)")
        return
    middles = room_um * np.arange(len(depth_um))
    axes.set_yticks(middles, [f"{depth:.0f}" for depth in depth_um])
    axes.set_ylabel("depth (µm)")
    tick_um = _round_tick_um(room_um)
    scale = axes.secondary_yaxis("right")
    ends = (middles[:, None] + tick_um * np.array([-1.0, 0.0, 1.0])).ravel()
    scale.set_yticks(ends, [f"{um:+g}" if um else "0" for um in np.tile([-tick_um, 0.0, tick_um], len(middles))])
    scale.set_ylabel("displacement (µm)")
    scale.tick_params(labelsize=7)


def _round_tick_um(room_um: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... um that is at most 0.4 of the room."""
    power = 10.0 ** np.floor(np.log10(0.4 * room_um))
    return float(max(step * power for step in (1, 2, 5) if step * power <= 0.4 * room_um))


def raster_before_and_after(drift: DriftNumbers, raster: ThinnedSpikes, shank_of_unit: I64) -> Figure:
    """Draw the spikes by time and depth before and after drift correction.

    Only the depths of `drift.depth_windows_um` are shown: a movement of some um cannot be seen on a whole probe.

    Parameters
    ----------
    drift : DriftNumbers
        Numbers of the drift.
    raster : ThinnedSpikes
        Spikes of the raster of all spikes.
    shank_of_unit : ndarray of int64, shape (n_units,)
        Shank of each unit.

    Returns
    -------
    Figure
        One row for each shank: depth on the probe (left) and corrected depth (right).
    """
    shanks = drift.shanks[:MAX_SHANKS]
    figure = Figure(figsize=(14.0, max(6.0, 3.6 * len(shanks))))
    set_margins(figure, left_in=0.8, right_in=BAR_MARGIN_IN, top_in=0.65 if any(drift.shows_a_part) else 0.4)
    figure.subplots_adjust(wspace=0.06, hspace=0.25)
    panels = figure.subplots(len(shanks), 2, sharex=True, sharey="row", squeeze=False)
    spikes = raster.every_nth(drift.step)
    if len(spikes) == 0:
        write_message(panels[0, 0], "No spikes were found.")
        return figure
    if any(drift.shows_a_part):
        figure.text(0.5, 1 - 0.22 / figure.get_figheight(), PART_SENTENCE, ha="center", va="center", fontsize=10)
    scale, shank_of_spike = amplitude_scale(spikes.amplitude_uv), shank_of_unit[spikes.unit]
    for row, (before, after) in enumerate(panels):
        on_shank = shank_of_spike == shanks[row]
        time_s, amplitude_uv = spikes.time_s[on_shank], spikes.amplitude_uv[on_shank]
        scatter_spikes(before, time_s, drift.depth_on_probe_um[on_shank], amplitude_uv, scale)
        points = scatter_spikes(after, time_s, spikes.depth_um[on_shank], amplitude_uv, scale)
        name = f"shank {shanks[row]}, " if len(drift.shanks) > 1 else ""
        depths = f" ({drift.depths_text(row)})" if drift.shows_a_part[row] else ""
        before.set(title=f"{name}as seen on the probe{depths}", ylabel="depth (µm)", ylim=drift.depth_windows_um[row])
        after.set(title=f"{name}{AFTER_TITLES[drift.decisions[row]]}")
    for axes in panels[-1]:
        axes.set_xlabel("time (s)")
    add_amplitude_bar(points, figure)
    return figure
