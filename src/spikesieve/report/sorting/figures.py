"""Pictures of a sorting: arrays in, a matplotlib Figure out. Nothing here touches pyplot, so no global state.

Colours: blue, vermilion and grey for good, mua and noise (Okabe and Ito, https://jfly.uni-koeln.de/color/, told apart
in every kind of colour blindness), each with its marker; amplitudes from yellow to dark blue, falling in lightness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from spikesieve.model import F32, F64, I64, Probe, Spikes, Templates, Unit
from spikesieve.report.sorting.numbers import MOST_POINTS, Histogram, SomeSpikes
from spikesieve.report.thinning import evenly

COLOURS = {"good": "#0072B2", "mua": "#D55E00", "noise": "#777777"}
MARKERS = {"good": "o", "mua": "^", "noise": "x"}
MOST_CELLS = 300
"""Units drawn in a gallery, largest amplitude first."""
GALLERY_CONTACTS = 8
ACG_LAG_MS = 50
AMPLITUDE_LEVELS = 32
"""Colours of spikes."""
HEADER_IN = 0.5
FOOTER_IN = 0.3


def units_on_probe(probe: Probe, units: Sequence[Unit]) -> Figure:
    """Contacts and units at their places in um; the area of a marker grows with the amplitude of its unit."""
    width_um, height_um = np.maximum(np.ptp(probe.positions_um, axis=0), 1.0)
    slender = height_um > 2 * width_um
    height_in = 9.0 if slender else float(np.clip(1.5 + 4.5 * height_um / width_um, 3.0, 9.0))
    figure = Figure(figsize=(6.5, height_in))
    leave_margins(figure, left_in=0.8, right_in=1.2)
    axes = figure.add_subplot()
    axes.plot(*probe.positions_um.T, "s", color="#cccccc", markersize=3 if probe.n_contacts > 64 else 6, zorder=1)
    axes.margins(x=0.25 if slender else 0.1, y=0.05 if slender else 0.1)
    places = np.array([(unit.x_um, unit.y_um) for unit in units]).reshape(-1, 2)
    area_pt2 = np.array([np.clip(unit.amplitude_uv, 15, 300) for unit in units]) * min(1.0, 80 / max(1, len(units)))
    _scatter_by_label(axes, units, places, area_pt2)
    if not slender:
        axes.set_aspect("equal", adjustable="box")
    across = "across the probe (µm, stretched)" if slender else "across the probe (µm)"
    axes.set(title=f"{_how_many(units, units)} on {probe.name}", xlabel=across, ylabel="depth (µm)")
    if not units:
        say(axes, "No units were found.")
        return figure
    axes.legend(*_legend_entries(units), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _number(axes, units, places, area_pt2)
    return figure


def spike_raster(spikes: Spikes, sampling_hz: float) -> Figure:
    """Each spike at its time and depth, coloured by its amplitude in uV; at most 200 000, evenly taken."""
    figure = Figure(figsize=(12.0, 7.0))
    leave_margins(figure, left_in=0.8, right_in=0.8)
    axes = figure.add_subplot()
    n = len(spikes)
    axes.set(xlabel="time (s)", ylabel="depth (µm)")
    if n == 0:
        axes.set(xticks=[], yticks=[])
        say(axes, "No spikes were found.")
        return figure
    shown = evenly(n, MOST_POINTS)
    time_s, amplitude_uv = spikes.sample[shown] / sampling_hz, spikes.amplitude_uv[shown]
    points = scatter_spikes(axes, time_s, spikes.position_um[shown, 1], amplitude_uv, amplitude_scale(amplitude_uv))
    amplitude_bar(points, axes, figure)
    which = f"{n:,} spikes" if len(shown) == n else f"{len(shown):,} of {n:,} spikes, evenly taken"
    axes.set_title(which)
    return figure


def amplitude_scale(amplitude_uv: F32) -> LogNorm:
    """Colours for (n,) amplitudes, n > 0: logarithmic between their 1st and 99th percentile."""
    low, high = np.percentile(np.maximum(amplitude_uv, 1e-3), [1, 99])
    return LogNorm(low, max(high, low * 1.1))


def scatter_spikes(axes: Axes, time_s: F64, depth_um: F32, amplitude_uv: F32, scale: LogNorm) -> ScalarMappable:
    """A point a spike, (n,) each, coloured by its amplitude, large ones on top.

    All points of a colour are drawn at once: matplotlib takes five times as long where each has one of its own.
    """
    colours = ScalarMappable(scale, "viridis_r")
    share = np.asarray(scale(np.maximum(amplitude_uv, 1e-3)).filled(0.0))
    level = np.clip(share * AMPLITUDE_LEVELS, 0, AMPLITUDE_LEVELS - 1).astype(np.int64)
    size_pt2 = float(np.clip(100_000 / max(1, len(time_s)), 1, 12))
    for k in np.unique(level):
        colour = colours.get_cmap()((k + 0.5) / AMPLITUDE_LEVELS)
        mine = level == k
        axes.scatter(time_s[mine], depth_um[mine], color=colour, s=size_pt2, linewidths=0, rasterized=True)
    axes.margins(x=0.01)
    return colours


def amplitude_bar(points: ScalarMappable, axes: Axes | Sequence[Axes], figure: Figure, aspect: float = 20) -> None:
    """The colours of `scatter_spikes` beside the axes; `aspect`: the height of the bar over its width."""
    bar = figure.colorbar(points, ax=axes, label="peak-to-peak amplitude (µV)", extend="both", aspect=aspect)
    plain_log_ticks(bar.ax.yaxis)


def template_gallery(templates: Templates, probe: Probe, units: Sequence[Unit], sampling_hz: float) -> Figure:
    """The mean waveform of each unit on up to 8 contacts near it, drawn at the places of the contacts.

    Ordered by shank and depth, top of the probe first. Each unit has its own scale; its peak-to-peak amplitude stands
    above it.
    """
    shown = _shown(units)
    duration_ms = 1000 * templates.uv.shape[1] / sampling_hz
    title = f"Templates of {_how_many(shown, units)}, top of the probe first"
    legend = f"unit: peak-to-peak amplitude; traces of {duration_ms:.1f} ms, each unit on its own scale"
    figure, axes, corners = _cells(len(shown), title, legend)
    if not units:
        say(axes, "No units were found.")
        return figure
    traces: list[NDArray[Any]] = []
    colours: list[str] = []
    for corner, unit in zip(corners, shown, strict=True):
        drawn = _waveform_lines(templates, probe, unit)
        traces += [trace + corner for trace in drawn]
        colours += [COLOURS[unit.label]] * len(drawn)
        _cell_title(axes, corner, f"{unit.unit}: {unit.amplitude_uv:.0f} µV", COLOURS[unit.label])
    axes.add_collection(LineCollection(traces, colors=colours, linewidths=0.8))
    for index, (label, group) in enumerate(_by_label(shown).items()):
        figure.text(0.03 + index * 0.8 / figure.get_figwidth(), 0.01, f"{len(group)} {label}", color=COLOURS[label])
    return figure


def amplitude_against_rate(units: Sequence[Unit]) -> Figure:
    """Amplitude in uV against firing rate in Hz, both logarithmic, one marker a unit."""
    figure = Figure(figsize=(8.0, 6.0))
    leave_margins(figure, left_in=0.8, right_in=1.2)
    axes = figure.add_subplot(xlabel="firing rate (Hz)", ylabel="peak-to-peak amplitude (µV)")
    axes.set_title(_how_many(units, units))
    if not units:
        axes.set(xticks=[], yticks=[])
        say(axes, "No units were found.")
        return figure
    places = np.array([(max(unit.firing_rate_hz, 1e-3), max(unit.amplitude_uv, 1e-3)) for unit in units])
    area_pt2 = np.full(len(units), 36.0)
    axes.set(xscale="log", yscale="log", axisbelow=True)
    axes.grid(which="major", color="#eeeeee")
    _scatter_by_label(axes, units, places, area_pt2)
    plain_log_ticks(axes.xaxis)
    plain_log_ticks(axes.yaxis)
    axes.margins(0.12)
    axes.legend(*_legend_entries(units), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _number(axes, units, places, area_pt2)
    return figure


def acgs_of_good_units(acgs: I64, units: Sequence[Unit]) -> Figure:
    """Autocorrelograms of the units labelled good, 1 ms bins up to +-50 ms, each with its own scale.

    acgs  (n_units, n_bins) int64, counts in 1 ms bins from 0 ms on
    """
    good = [unit for unit in units if unit.label == "good"]
    shown = _shown(good)
    title = f"Autocorrelograms of {_how_many(shown, good)} labelled good"
    legend = f"unit: firing rate; ±{ACG_LAG_MS} ms in 1 ms bins, each unit on its own scale"
    figure, axes, corners = _cells(len(shown), title, legend)
    if not good:
        say(axes, "No unit is labelled good.")
        return figure
    bars = [_acg_outline(acgs[unit.unit, :ACG_LAG_MS]) + corner for corner, unit in zip(corners, shown, strict=True)]
    axes.add_collection(PolyCollection(bars, facecolors=COLOURS["good"], edgecolors="none"))
    for corner, unit in zip(corners, shown, strict=True):
        _cell_title(axes, corner, f"{unit.unit}: {unit.firing_rate_hz:.3g} Hz", COLOURS["good"])
    _floors(axes, corners)
    return figure


def amplitudes_over_time(spikes: SomeSpikes, units: Sequence[Unit]) -> Figure:
    """Amplitude against time of each unit, from 0 up, each with its own scale.

    spikes  some of the spikes of each unit
    """
    shown = _shown(units)
    title = f"Amplitudes over time of {_how_many(shown, units)}"
    legend = (
        "unit: its largest amplitude; from the first to the last sorted second, from 0 up, each unit on its own scale"
    )
    figure, axes, corners = _cells(len(shown), title, legend)
    if not units:
        say(axes, "No units were found.")
        return figure
    start_s, stop_s = (spikes.time_s.min(), spikes.time_s.max()) if len(spikes) else (0.0, 1.0)
    points: dict[str, list[F64]] = {label: [] for label in COLOURS}
    for corner, unit in zip(corners, shown, strict=True):
        mine = spikes.unit == unit.unit
        highest = max(float(spikes.amplitude_uv[mine].max(initial=0)), 1e-9)
        share = np.stack(
            [(spikes.time_s[mine] - start_s) / max(stop_s - start_s, 1e-9), spikes.amplitude_uv[mine] / highest]
        )
        points[unit.label].append(corner[:, None] + [[0.02], [0.0]] + share * [[0.96], [0.85]])
        _cell_title(axes, corner, f"{unit.unit}: {highest:.0f} µV", COLOURS[unit.label])
    for label, some in points.items():
        x, y = np.concatenate([np.empty((2, 0)), *some], axis=1)
        axes.plot(x, y, ".", color=COLOURS[label], markersize=1.5, markeredgewidth=0, alpha=0.7)
    _floors(axes, corners)
    return figure


def quality_histograms(histograms: Sequence[Histogram], titles: Mapping[str, str]) -> Figure:
    """How many units lie where in each quantity, stacked by label.

    titles  what to write under each axis, by `Histogram.name`
    """
    figure = Figure(figsize=(3.2 * len(histograms), 3.2))
    leave_margins(figure, left_in=0.6, right_in=0.1, top_in=0.1)
    figure.subplots_adjust(wspace=0.3)
    for axes, histogram in zip(figure.subplots(1, len(histograms)), histograms, strict=True):
        bottom = np.zeros(len(histogram.edges) - 1)
        for label, counts in histogram.counts.items():
            axes.stairs(bottom + counts, histogram.edges, baseline=bottom, fill=True, color=COLOURS[label], label=label)
            bottom = bottom + counts
        axes.set(xlabel=titles[histogram.name], ylabel="units", ylim=(0, max(1.0, 1.1 * bottom.max())))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        if histogram.log:
            axes.set_xscale("log")
            plain_log_ticks(axes.xaxis)
        if not bottom.any():
            say(axes, "not known")
    axes.legend(frameon=False)
    return figure


def leave_margins(
    figure: Figure, left_in: float, right_in: float, bottom_in: float = 0.55, top_in: float = 0.4
) -> None:
    """Room for what stands around the axes, in inches: matplotlib would draw them several times to find it out."""
    width_in, height_in = figure.get_size_inches()
    figure.subplots_adjust(
        left=left_in / width_in,
        right=1 - right_in / width_in,
        bottom=bottom_in / height_in,
        top=1 - top_in / height_in,
    )


def _by_label(units: Sequence[Unit]) -> dict[str, list[Unit]]:
    groups = {label: [unit for unit in units if unit.label == label] for label in COLOURS}
    return {label: group for label, group in groups.items() if group}


def _scatter_by_label(axes: Axes, units: Sequence[Unit], places: F64, area_pt2: F64) -> None:
    for label in _by_label(units):
        mine = np.array([unit.label == label for unit in units])
        x, y = places[mine].T
        axes.scatter(x, y, s=area_pt2[mine], color=COLOURS[label], marker=MARKERS[label], alpha=0.75, zorder=2)


def _legend_entries(units: Sequence[Unit]) -> tuple[list[Line2D], list[str]]:
    groups = _by_label(units)
    marks = [Line2D([], [], linestyle="", marker=MARKERS[label], color=COLOURS[label]) for label in groups]
    return marks, [f"{len(group)} {label}" for label, group in groups.items()]


def plain_log_ticks(axis: Axis) -> None:
    """1, 2, 5, 10, 20 ... written as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _shown(units: Sequence[Unit]) -> list[Unit]:
    """The largest units, at most MOST_CELLS, ordered by shank and from the top of the probe down."""
    largest = sorted(units, key=lambda unit: -unit.amplitude_uv)[:MOST_CELLS]
    return sorted(largest, key=lambda unit: (unit.shank, -unit.y_um))


def _how_many(shown: Sequence[Unit], units: Sequence[Unit]) -> str:
    if len(shown) < len(units):
        return f"the {len(shown)} largest of {len(units)} units"
    return "1 unit" if len(units) == 1 else f"{len(units)} units"


def say(axes: Axes, sentence: str) -> None:
    """Write one sentence across the axes, for a picture with nothing to show."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", fontsize=14, color="#555555")


def _cells(n: int, title: str, legend: str) -> tuple[Figure, Axes, F64]:
    """A figure with one frameless axes, and the lower left corner of each of n cells of 1 x 1, row by row.

    One axes for all cells draws 300 units in a second; one axes each takes half a minute.
    """
    columns = max(5, int(np.ceil(np.sqrt(1.3 * n))))
    rows = max(1, -(-n // columns))
    width_in, height_in = 1.25 * columns, 1.2 * rows
    total_in = height_in + HEADER_IN + FOOTER_IN
    figure = Figure(figsize=(width_in, total_in))
    axes = figure.add_axes((0.02, FOOTER_IN / total_in, 0.96, height_in / total_in))
    axes.set(xlim=(0, 1.1 * columns), ylim=(-1.15 * rows, 0))
    axes.set_axis_off()
    figure.text(0.03, 1 - 0.22 / total_in, title, fontsize=10, fontweight="bold")
    figure.text(0.03, 1 - 0.4 / total_in, legend, fontsize=8.5)
    index = np.arange(n)
    corners: F64 = np.stack([1.1 * (index % columns) + 0.05, -1.15 * (index // columns) - 1.1], axis=1)
    return figure, axes, corners


def _floors(axes: Axes, corners: F64) -> None:
    """A line under each cell."""
    ends = corners[:, None] + np.array([[0.02, 0.0], [0.98, 0.0]])
    axes.add_collection(LineCollection(list(ends), colors="#777777", linewidths=0.6))


def _cell_title(axes: Axes, corner: F64, text: str, colour: str) -> None:
    place = corner[0] + 0.5, corner[1] + 0.92
    axes.text(*place, text, ha="center", va="bottom", fontsize=7.5, color=colour, parse_math=False)


def _waveform_lines(templates: Templates, probe: Probe, unit: Unit) -> list[F64]:
    """Waveforms of one unit as (sample, 2) lines within a cell of 1 x 0.9."""
    uv, contacts = templates.uv[unit.unit], templates.contacts[unit.unit]
    columns = np.flatnonzero(contacts >= 0)
    if columns.size == 0:
        return []
    far_um = np.linalg.norm(probe.positions_um[contacts[columns]] - probe.positions_um[unit.chan_best], axis=1)
    columns = columns[np.argsort(far_um, kind="stable")[:GALLERY_CONTACTS]]
    across, x_pitch = _spots(probe.positions_um[contacts[columns], 0])
    up, y_pitch = _spots(probe.positions_um[contacts[columns], 1])
    time = np.linspace(-0.45, 0.45, uv.shape[0]) * x_pitch
    scale = min(0.6, 1.2 * y_pitch) / max(float(np.ptp(uv[:, columns], axis=0).max()), 1e-9)
    return [
        np.stack([x + time, 0.1 + 0.8 * y + scale * uv[:, column].astype(np.float64)], axis=1)
        for x, y, column in zip(across, up, columns, strict=True)
    ]


def _spots(places_um: F64) -> tuple[F64, float]:
    """Places along one axis moved into 0.05..0.95 with room for a waveform at both ends, and the room for each."""
    distinct = np.unique(np.round(places_um, 1))
    if distinct.size == 1:
        return np.full(len(places_um), 0.5), 0.9
    span = distinct[-1] - distinct[0]
    # Close columns (staggered contacts) share the room of the median step, not that of the smallest.
    pitch = 0.9 / (span / float(np.median(np.diff(distinct))) + 1)
    return 0.05 + pitch / 2 + (places_um - distinct[0]) / span * (0.9 - pitch), float(pitch)


def _acg_outline(counts: I64) -> F64:
    """The mirrored histogram as a closed outline within a cell of 1 x 0.85: (points, 2)."""
    both = np.concatenate([counts[::-1], counts])
    height = np.repeat(0.85 * both / max(int(both.max()), 1), 2)
    edges = np.repeat(np.linspace(0.02, 0.98, len(both) + 1), 2)[1:-1]
    outline = np.stack([edges, height], axis=1)
    return np.concatenate([[[0.02, 0.0]], outline, [[0.98, 0.0]]])


def _number(axes: Axes, units: Sequence[Unit], places: F64, area_pt2: F64) -> None:
    """Write the numbers of the units beside their markers, largest amplitude first, wherever there is room."""
    # Matplotlib finds the limits and the place of axes when it draws them: here they are needed before.
    axes.autoscale_view()
    axes.apply_aspect()
    spots_pt = axes.transData.transform(places) * 72 / axes.figure.get_dpi()
    radius_pt = np.sqrt(area_pt2) / 2
    centre_pt = spots_pt + np.stack([radius_pt + 7, np.zeros(len(units))], axis=1)
    taken: list[F64] = []
    for index in sorted(range(len(units)), key=lambda i: -units[i].amplitude_uv):
        gap = np.abs(spots_pt - centre_pt[index]) - radius_pt[:, None]
        gap[index] = np.inf
        on_marker = (gap < (6, 4)).all(axis=1).any()
        on_number = any((np.abs(centre_pt[index] - other) < (15, 9)).all() for other in taken)
        if not on_marker and not on_number:
            taken.append(centre_pt[index])
            beside = (float(radius_pt[index]) + 2, 0.0)
            axes.annotate(
                str(units[index].unit), places[index], beside, textcoords="offset points", va="center", fontsize=7
            )
