"""Pictures of all units in one axes: on the probe, by amplitude and firing rate, histograms of quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spikesieve.model import F64, Probe, Unit
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


def units_on_probe(probe: Probe, units: Sequence[Unit]) -> Figure:
    """Draw the contacts and the units at their positions. The area of a marker grows with the amplitude of the unit.

    Parameters
    ----------
    probe : Probe
        Contacts of the probe.
    units : sequence of Unit
        The unit table.

    Returns
    -------
    Figure
        The probe.
    """
    width_um, height_um = np.maximum(np.ptp(probe.positions_um, axis=0), 1.0)
    slender = height_um > 2 * width_um
    height_in = 9.0 if slender else float(np.clip(1.5 + 4.5 * height_um / width_um, 3.0, 9.0))
    figure = Figure(figsize=(6.5, height_in))
    set_margins(figure, left_in=0.8, right_in=1.2)
    axes = figure.add_subplot()
    axes.plot(*probe.positions_um.T, "s", color="#cccccc", markersize=3 if probe.n_contacts > 64 else 6, zorder=1)
    axes.margins(x=0.25 if slender else 0.1, y=0.05 if slender else 0.1)
    positions_um = np.array([(unit.x_um, unit.y_um) for unit in units]).reshape(-1, 2)
    area_pt2 = np.array([np.clip(unit.amplitude_uv, 15, 300) for unit in units]) * min(1.0, 80 / max(1, len(units)))
    _scatter_by_label(axes, units, positions_um, area_pt2)
    if not slender:
        axes.set_aspect("equal", adjustable="box")
    across = "across the probe (µm, stretched)" if slender else "across the probe (µm)"
    axes.set(title=f"{count_text(units, units)} on {probe.name}", xlabel=across, ylabel="depth (µm)")
    if not units:
        write_message(axes, "No units were found.")
        return figure
    axes.legend(*_legend_entries(units), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _write_unit_numbers(axes, units, positions_um, area_pt2)
    return figure


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
    axes = figure.add_subplot(xlabel="firing rate (Hz)", ylabel="peak-to-peak amplitude (µV)")
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
