"""Pictures with one cell for each unit: templates, autocorrelograms, amplitudes over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikesieve.model import F32, F64, I64, Probe, Templates, Unit
from spikesieve.report.sorting.style import COLOURS, count_text, units_by_label, write_message
from spikesieve.report.thinning import ThinnedSpikes

MAX_CELLS = 300
"""Units in one picture, largest amplitude first."""
MAX_CONTACTS = 8
"""Contacts on which a template is drawn."""
TEMPLATE_HEIGHT = 0.86
"""Part of the height of a cell that a template may fill. Above is the title."""
ACG_LAG_MS = 50
"""Largest lag of the autocorrelograms in ms."""
HEADER_IN, FOOTER_IN = 0.5, 0.3
MIN_COLUMNS, MIN_WIDTH_IN, CELL_IN = 3, 6.25, 1.25
"""Fewest cells in a row, smallest width of a picture (for its header) and smallest width of a cell, in inches."""


def template_gallery(templates: Templates, probe: Probe, units: Sequence[Unit], sampling_hz: float) -> Figure:
    """Draw the template of each unit on up to 8 contacts near it, at the positions of the contacts.

    Parameters
    ----------
    templates : Templates
        Templates of all units.
    probe : Probe
        Contacts of the probe.
    units : sequence of Unit
        The unit table.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Figure
        Units by shank and depth, top of the probe first. Each unit has its own scale and its amplitude as title.
    """
    shown, row_of = _largest_units(units), _rows(units)
    duration_ms = 1000 * templates.uv.shape[1] / sampling_hz
    title = f"Templates of {count_text(shown, units)}, top of the probe first"
    legend = f"unit: peak-to-peak amplitude; traces of {duration_ms:.1f} ms, each unit on its own scale"
    figure, axes, corners = _cells(len(shown), title, legend)
    if not units:
        write_message(axes, "No units were found.")
        return figure
    traces: list[NDArray[Any]] = []
    colours: list[str] = []
    for corner, unit in zip(corners, shown, strict=True):
        row = row_of[unit.unit]
        lines = _template_lines(templates.uv[row], templates.contacts[row], probe, unit)
        traces += [line + corner for line in lines]
        colours += [COLOURS[unit.label]] * len(lines)
        _write_cell_title(axes, corner, f"{unit.unit}: {unit.amplitude_uv:.0f} µV", COLOURS[unit.label])
    axes.add_collection(LineCollection(traces, colors=colours, linewidths=0.8))
    for index, (label, group) in enumerate(units_by_label(shown).items()):
        place = 0.03 + index * 0.8 / figure.get_figwidth(), 0.08 / figure.get_figheight()
        figure.text(*place, f"{len(group)} {label}", color=COLOURS[label])
    return figure


def acgs_of_good_units(acgs: I64, units: Sequence[Unit]) -> Figure:
    """Draw the autocorrelograms of the units labelled good, in 1 ms bins up to ±50 ms.

    Parameters
    ----------
    acgs : ndarray of int64, shape (n_units, n_bins)
        Counts in bins of 1 ms, from lag 0 on.
    units : sequence of Unit
        The unit table.

    Returns
    -------
    Figure
        One cell for each unit, each on its own scale.
    """
    good = [unit for unit in units if unit.label == "good"]
    shown, row_of = _largest_units(good), _rows(units)
    title = f"Autocorrelograms of {count_text(shown, good)} labelled good"
    legend = f"unit: firing rate; ±{ACG_LAG_MS} ms in 1 ms bins, each unit on its own scale"
    figure, axes, corners = _cells(len(shown), title, legend)
    if not good:
        write_message(axes, "No unit is labelled good.")
        return figure
    pairs = zip(corners, shown, strict=True)
    bars = [_acg_outline(acgs[row_of[unit.unit], :ACG_LAG_MS]) + corner for corner, unit in pairs]
    axes.add_collection(PolyCollection(bars, facecolors=COLOURS["good"], edgecolors="none"))
    for corner, unit in zip(corners, shown, strict=True):
        _write_cell_title(axes, corner, f"{unit.unit}: {unit.firing_rate_hz:.3g} Hz", COLOURS["good"])
    _draw_baselines(axes, corners)
    return figure


def amplitudes_over_time(spikes: ThinnedSpikes, units: Sequence[Unit]) -> Figure:
    """Draw the amplitudes of each unit over time, from 0 up.

    Parameters
    ----------
    spikes : ThinnedSpikes
        Spikes of the units.
    units : sequence of Unit
        The unit table.

    Returns
    -------
    Figure
        One cell for each unit, each on its own scale.
    """
    shown, row_of = _largest_units(units), _rows(units)
    title = f"Amplitudes over time of {count_text(shown, units)}"
    legend = "unit: its largest amplitude; across: the sorted time; up: amplitude from 0, each unit on its own scale"
    figure, axes, corners = _cells(len(shown), title, legend)
    if not units:
        write_message(axes, "No units were found.")
        return figure
    start_s, stop_s = (spikes.time_s.min(), spikes.time_s.max()) if len(spikes) else (0.0, 1.0)
    points: dict[str, list[F64]] = {label: [] for label in COLOURS}
    for corner, unit in zip(corners, shown, strict=True):
        is_own = spikes.unit == row_of[unit.unit]
        highest_uv = max(float(spikes.amplitude_uv[is_own].max(initial=0)), 1e-9)
        across = (spikes.time_s[is_own] - start_s) / max(stop_s - start_s, 1e-9)
        share = np.stack([across, spikes.amplitude_uv[is_own] / highest_uv])
        points[unit.label].append(corner[:, None] + [[0.02], [0.0]] + share * [[0.96], [0.85]])
        _write_cell_title(axes, corner, f"{unit.unit}: {highest_uv:.0f} µV", COLOURS[unit.label])
    for label, of_label in points.items():
        x, y = np.concatenate([np.empty((2, 0)), *of_label], axis=1)
        axes.plot(x, y, ".", color=COLOURS[label], markersize=1.5, markeredgewidth=0, alpha=0.7)
    _draw_baselines(axes, corners)
    return figure


def _largest_units(units: Sequence[Unit]) -> list[Unit]:
    """The largest units, at most `MAX_CELLS`, sorted by shank and from the top of the probe down."""
    largest = sorted(units, key=lambda unit: -unit.amplitude_uv)[:MAX_CELLS]
    return sorted(largest, key=lambda unit: (unit.shank, -unit.y_um))


def _rows(units: Sequence[Unit]) -> dict[int, int]:
    """Row of each unit in templates and autocorrelograms, by its number."""
    return {unit.unit: row for row, unit in enumerate(units)}


def _cells(n: int, title: str, legend: str) -> tuple[Figure, Axes, F64]:
    """A figure with one frameless axes, and the lower left corner of each of n cells of 1 x 1, row by row.

    One axes for all cells draws 300 units in a second; one axes each takes half a minute.
    """
    n_columns = max(MIN_COLUMNS, int(np.ceil(np.sqrt(1.3 * n))))
    n_rows = max(1, -(-n // n_columns))
    cell_in = max(CELL_IN, MIN_WIDTH_IN / n_columns)
    width_in, height_in = cell_in * n_columns, 0.96 * cell_in * n_rows
    total_in = height_in + HEADER_IN + FOOTER_IN
    figure = Figure(figsize=(width_in, total_in))
    axes = figure.add_axes((0.02, FOOTER_IN / total_in, 0.96, height_in / total_in))
    axes.set(xlim=(0, 1.1 * n_columns), ylim=(-1.15 * n_rows, 0))
    axes.set_axis_off()
    figure.text(0.03, 1 - 0.22 / total_in, title, fontsize=10, fontweight="bold")
    figure.text(0.03, 1 - 0.4 / total_in, legend, fontsize=8.5)
    index = np.arange(n)
    corners: F64 = np.stack([1.1 * (index % n_columns) + 0.05, -1.15 * (index // n_columns) - 1.1], axis=1)
    return figure, axes, corners


def _draw_baselines(axes: Axes, corners: F64) -> None:
    ends = corners[:, None] + np.array([[0.02, 0.0], [0.98, 0.0]])
    axes.add_collection(LineCollection(list(ends), colors="#777777", linewidths=0.6))


def _write_cell_title(axes: Axes, corner: F64, text: str, colour: str) -> None:
    place = corner[0] + 0.5, corner[1] + 0.92
    axes.text(*place, text, ha="center", va="bottom", fontsize=7.5, color=colour, parse_math=False)


def _template_lines(uv: F32, contacts: I64, probe: Probe, unit: Unit) -> list[F64]:
    """Template of one unit as lines of shape (n_samples, 2) within a cell of 1 x `TEMPLATE_HEIGHT`."""
    columns = np.flatnonzero(contacts >= 0)
    if columns.size == 0:
        return []
    distance_um = np.linalg.norm(probe.positions_um[contacts[columns]] - probe.positions_um[unit.chan_best], axis=1)
    columns = columns[np.argsort(distance_um, kind="stable")[:MAX_CONTACTS]]
    across, x_pitch = _places_in_cell(probe.positions_um[contacts[columns], 0])
    up, y_pitch = _places_in_cell(probe.positions_um[contacts[columns], 1])
    time = np.linspace(-0.45, 0.45, uv.shape[0]) * x_pitch
    scale = min(0.6, 1.2 * y_pitch) / max(float(np.ptp(uv[:, columns], axis=0).max()), 1e-9)
    heights = 0.8 * up[:, None] + scale * uv[:, columns].T.astype(np.float64)
    # Traces reach beyond the contacts: squeeze and move all so that they end within the cell.
    heights *= min(1.0, TEMPLATE_HEIGHT / max(float(np.ptp(heights)), 1e-9))
    heights += (TEMPLATE_HEIGHT - heights.max() - heights.min()) / 2
    return [np.stack([x + time, height], axis=1) for x, height in zip(across, heights, strict=True)]


def _places_in_cell(positions_um: F64) -> tuple[F64, float]:
    """Positions along one axis scaled to 0.05..0.95, with room for a trace at both ends, and the room of each trace."""
    distinct = np.unique(np.round(positions_um, 1))
    if distinct.size == 1:
        return np.full(len(positions_um), 0.5), 0.9
    span = distinct[-1] - distinct[0]
    # Staggered columns lie close together: the median step sets the room, not the smallest.
    pitch = 0.9 / (span / float(np.median(np.diff(distinct))) + 1)
    return 0.05 + pitch / 2 + (positions_um - distinct[0]) / span * (0.9 - pitch), float(pitch)


def _acg_outline(counts: I64) -> F64:
    """The mirrored histogram as a closed outline within a cell of 1 x 0.85, shape (n_points, 2)."""
    both = np.concatenate([counts[::-1], counts])
    height = np.repeat(0.85 * both / max(int(both.max()), 1), 2)
    edges = np.repeat(np.linspace(0.02, 0.98, len(both) + 1), 2)[1:-1]
    outline = np.stack([edges, height], axis=1)
    return np.concatenate([[[0.02, 0.0]], outline, [[0.98, 0.0]]])
