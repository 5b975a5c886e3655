"""Pictures of all units in one axes: on the probe, by amplitude and firing rate, histograms of quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spikesieve.model import F64, I64, Probe, Unit
from spikesieve.report.sorting.histograms import Histogram
from spikesieve.report.sorting.style import (
    COLOURS,
    MARKERS,
    count_text,
    plain_log_ticks,
    set_margins,
    units_by_label,
    write_message,
)

AMPLITUDE_LABEL = "peak-to-peak amplitude (µV)"
MIN_HALF_UM = 15.0
"""Half of the smallest width and height of a panel, in um: the size of a neuron."""
MAX_COLUMNS = 8
"""Shanks side by side."""
SLENDER = 2.0
"""A probe that is higher over its width than this is drawn stretched."""


def units_on_probe(probe: Probe, units: Sequence[Unit]) -> Figure:
    """Draw the contacts and the units at their positions. The area of a marker grows with the amplitude of the unit.

    Where the probe is a single contact, the units stand side by side at their amplitudes instead.

    Parameters
    ----------
    probe : Probe
        Contacts of the probe.
    units : sequence of Unit
        The unit table.

    Returns
    -------
    Figure
        The probe, a panel for each shank.
    """
    title = f"{count_text(units, units)} on {probe.name}"
    if probe.n_contacts == 1:
        return _units_on_one_contact(units, f"{title}, largest first")
    shanks = np.unique(probe.shanks)
    middles_um, half_um = _panels_um(probe, shanks, units)
    slender = half_um[1] > SLENDER * half_um[0]
    figure, panels = _probe_panels(len(shanks), SLENDER if slender else float(half_um[1] / half_um[0]))
    crowd = min(1.0, 80 / max(1, len(units))) / min(len(shanks), MAX_COLUMNS)
    area_pt2 = crowd * np.array([np.clip(unit.amplitude_uv, 15, 300) for unit in units])
    for shank, middle_um, axes in zip(shanks, middles_um, panels, strict=True):
        own = [row for row, unit in enumerate(units) if unit.shank == shank]
        limits = middle_um[:, None] + half_um[:, None] * np.array([-1.0, 1.0])
        axes.set(xlim=limits[0], ylim=limits[1])
        _draw_shank(axes, probe.positions_um[probe.shanks == shank], [units[row] for row in own], area_pt2[own])
        if len(shanks) > 1:
            axes.set_title(f"shank {shank}", fontsize=9)
    figure.suptitle(title, x=0.8 / figure.get_figwidth(), y=1 - 0.25 / figure.get_figheight(), ha="left", va="center")
    figure.supxlabel("across the probe (µm, stretched)" if slender else "across the probe (µm)", fontsize=10, y=0.02)
    figure.supylabel("depth (µm)", fontsize=10, x=0.15 / figure.get_figwidth(), ha="left")
    if not units:
        write_message(panels[0], "No units were found.")
        return figure
    corner = 0.72 / figure.get_figwidth(), 1 - 0.36 / figure.get_figheight()
    figure.legend(*_legend_entries(units), loc="upper left", bbox_to_anchor=corner, frameon=False, ncols=len(COLOURS))
    return figure


def _units_on_one_contact(units: Sequence[Unit], title: str) -> Figure:
    figure = Figure(figsize=(6.5, 4.0))
    set_margins(figure, left_in=0.8, right_in=1.2)
    axes = figure.add_subplot(title=title, ylabel=AMPLITUDE_LABEL, xlabel="units", xticks=[])
    if not units:
        axes.set(yticks=[])
        write_message(axes, "No units were found.")
        return figure
    largest_first = sorted(units, key=lambda unit: -unit.amplitude_uv)
    places = np.array([(k, unit.amplitude_uv) for k, unit in enumerate(largest_first)])
    area_pt2 = np.full(len(units), 80.0)
    axes.set(xlim=(-0.7, max(2.0, len(units) - 0.3)), ylim=(0, 1.15 * max(places[:, 1].max(), 1e-3)))
    _scatter_by_label(axes, largest_first, places, area_pt2)
    axes.legend(*_legend_entries(units), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _write_unit_numbers(axes, largest_first, places, area_pt2)
    return figure


def _panels_um(probe: Probe, shanks: I64, units: Sequence[Unit]) -> tuple[F64, F64]:
    """Middle of the panel of each shank, shape (n_shanks, 2), and half of the width and height of all panels, in um."""
    places = []
    for shank in shanks:
        own = [(unit.x_um, unit.y_um) for unit in units if unit.shank == shank and np.isfinite(unit.x_um + unit.y_um)]
        places.append(np.concatenate([probe.positions_um[probe.shanks == shank], np.array(own).reshape(-1, 2)]))
    low, high = (np.array([end(of_shank, axis=0) for of_shank in places]) for end in (np.min, np.max))
    half_um = np.maximum((high - low).max(axis=0) / 2, MIN_HALF_UM)
    return (low + high) / 2, np.asarray(
        half_um * (1.12 if half_um[1] > SLENDER * half_um[0] else 1.25), dtype=np.float64
    )


def _probe_panels(n_shanks: int, height_over_width: float) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each shank, each as high over its width as given."""
    n_columns = min(n_shanks, MAX_COLUMNS)
    n_rows = -(-n_shanks // n_columns)
    gap_in, panel_in = 0.45, max(1.3, 4.5 / n_columns)
    high_in = float(np.clip(panel_in * height_over_width, 1.0, 8.0)) if height_over_width < SLENDER else 8.0
    margins = {"left_in": 0.8, "right_in": 0.3, "bottom_in": 0.6, "top_in": 1.0}
    width_in = n_columns * panel_in + (n_columns - 1) * gap_in + margins["left_in"] + margins["right_in"]
    height_in = n_rows * high_in + (n_rows - 1) * gap_in + margins["bottom_in"] + margins["top_in"]
    figure = Figure(figsize=(max(width_in, 6.0), height_in))
    set_margins(figure, **margins)
    figure.subplots_adjust(wspace=gap_in / panel_in, hspace=gap_in / high_in)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for unused in grid[n_shanks:]:
        unused.set_axis_off()
    return figure, list(grid[:n_shanks])


def _draw_shank(axes: Axes, contacts_um: F64, units: Sequence[Unit], area_pt2: F64) -> None:
    """Draw the contacts and the units of one shank, with their numbers."""
    axes.plot(*contacts_um.T, "s", color="#cccccc", markersize=3 if len(contacts_um) > 64 else 6, zorder=1)
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="x", nbins=4)
    if units:
        places = np.array([(unit.x_um, unit.y_um) for unit in units])
        _scatter_by_label(axes, units, places, area_pt2)
        _write_unit_numbers(axes, units, places, area_pt2)


def amplitude_against_rate(units: Sequence[Unit]) -> Figure:
    """Draw the amplitude of each unit against its firing rate, both on logarithmic axes.

    Parameters
    ----------
    units : sequence of Unit
        The unit table.

    Returns
    -------
    Figure
        One marker for each unit.
    """
    figure = Figure(figsize=(8.0, 6.0))
    set_margins(figure, left_in=0.8, right_in=1.2)
    axes = figure.add_subplot(xlabel="firing rate (Hz)", ylabel=AMPLITUDE_LABEL)
    axes.set_title(count_text(units, units))
    if not units:
        axes.set(xticks=[], yticks=[])
        write_message(axes, "No units were found.")
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
    _write_unit_numbers(axes, units, places, area_pt2)
    return figure


def quality_histograms(histograms: Sequence[Histogram], axis_labels: Mapping[str, str]) -> Figure:
    """Draw the histograms of the quality of the units, stacked by label.

    Parameters
    ----------
    histograms : sequence of Histogram
        One histogram for each quantity.
    axis_labels : mapping of str to str
        Label of each axis, by `Histogram.name`.

    Returns
    -------
    Figure
        One panel for each quantity.
    """
    figure = Figure(figsize=(3.2 * len(histograms), 3.2))
    set_margins(figure, left_in=0.6, right_in=0.1, top_in=0.1)
    figure.subplots_adjust(wspace=0.3)
    for axes, histogram in zip(figure.subplots(1, len(histograms)), histograms, strict=True):
        bottom = np.zeros(len(histogram.edges) - 1)
        for label, counts in histogram.counts.items():
            axes.stairs(bottom + counts, histogram.edges, baseline=bottom, fill=True, color=COLOURS[label], label=label)
            bottom = bottom + counts
        axes.set(xlabel=axis_labels[histogram.name], ylabel="units", ylim=(0, max(1.0, 1.1 * bottom.max())))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        if histogram.log:
            axes.set_xscale("log")
            plain_log_ticks(axes.xaxis)
        if not bottom.any():
            write_message(axes, "not known")
    axes.legend(frameon=False)
    return figure


def _scatter_by_label(axes: Axes, units: Sequence[Unit], places: F64, area_pt2: F64) -> None:
    for label in units_by_label(units):
        has_label = np.array([unit.label == label for unit in units])
        x, y = places[has_label].T
        axes.scatter(x, y, s=area_pt2[has_label], color=COLOURS[label], marker=MARKERS[label], alpha=0.75, zorder=2)


def _legend_entries(units: Sequence[Unit]) -> tuple[list[Line2D], list[str]]:
    groups = units_by_label(units)
    marks = [Line2D([], [], linestyle="", marker=MARKERS[label], color=COLOURS[label]) for label in groups]
    return marks, [f"{len(group)} {label}" for label, group in groups.items()]


def _write_unit_numbers(axes: Axes, units: Sequence[Unit], places: F64, area_pt2: F64) -> None:
    """Write the unit numbers beside their markers where there is room, largest amplitude first."""
    # Matplotlib sets limits and position of axes when it draws them; here they are needed before.
    axes.autoscale_view()
    axes.apply_aspect()
    places_pt = axes.transData.transform(places) * 72 / axes.figure.get_dpi()
    radius_pt = np.sqrt(area_pt2) / 2
    centre_pt = places_pt + np.stack([radius_pt + 7, np.zeros(len(units))], axis=1)
    written_pt: list[F64] = []
    for index in sorted(range(len(units)), key=lambda i: -units[i].amplitude_uv):
        gap_pt = np.abs(places_pt - centre_pt[index]) - radius_pt[:, None]
        gap_pt[index] = np.inf
        on_marker = (gap_pt < (6, 4)).all(axis=1).any()
        on_number = any((np.abs(centre_pt[index] - other) < (15, 9)).all() for other in written_pt)
        if not on_marker and not on_number:
            written_pt.append(centre_pt[index])
            offset = (float(radius_pt[index]) + 2, 0.0)
            axes.annotate(
                str(units[index].unit), places[index], offset, textcoords="offset points", va="center", fontsize=7
            )
