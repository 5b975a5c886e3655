"""Pictures of sortings compared with the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesieve.comparison.truth_comparison import MEASURES, TruthComparison
from spikesieve.report.comparison.style import COLOURS, MARKERS, ORACLE_COLOUR, shade, single_axes, write_message

MIN_COLLISIONS = 10
"""Bins with fewer colliding spikes are not drawn."""
AXIS_LABELS = {
    "snr": "SNR of the true unit",
    "depth_um": "depth (µm)",
    "rate_hz": "firing rate (Hz)",
    "similarity": "similarity to the nearest true unit",
}
"""Axis labels of the properties of the true units."""


def accuracy_curves(entries: Sequence[TruthComparison]) -> Figure:
    """Draw the accuracies of all true units, highest first, for each sorting and for the oracle.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    Figure
        One curve for each sorting.
    """
    figure, axes = single_axes((7.0, 4.5))
    for entry, colour, marker in zip(entries, COLOURS, MARKERS, strict=False):
        accuracy = np.sort(entry.column("accuracy"))[::-1]
        rank = np.arange(1, len(accuracy) + 1)
        axes.plot(rank, accuracy, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=entry.name)
    oracle = entries[0].column("oracle_accuracy")
    if np.isfinite(oracle).any():
        known = np.sort(oracle[np.isfinite(oracle)])[::-1]
        rank = np.arange(1, len(known) + 1)
        axes.plot(rank, known, color=ORACLE_COLOUR, linestyle="--", label="oracle (true templates)")
    axes.axhline(0.8, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.annotate("well detected", (1, 0.8), (0, 2), textcoords="offset points", fontsize=8, color="#777777")
    axes.set(
        xlabel="true units, best first", ylabel="accuracy", ylim=(-0.03, 1.03), title="Accuracy of every true unit"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="lower left")
    return figure


def scores_by_property(entries: Sequence[TruthComparison]) -> Figure:
    """Draw accuracy, recall and precision of every true unit against SNR, depth, firing rate and similarity.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    Figure
        Points for the true units, lines for the means of the bins.
    """
    properties = tuple(AXIS_LABELS)
    figure = Figure(figsize=(13.0, 7.5), layout="constrained")
    grid = figure.subplots(len(MEASURES), len(properties), sharey=True)
    for row, measure in zip(grid, MEASURES, strict=True):
        for axes, prop in zip(row, properties, strict=True):
            _scores_by_one_property(axes, entries, measure, prop)
        row[0].set_ylabel(measure)
    for axes, prop in zip(grid[-1], properties, strict=True):
        axes.set_xlabel(AXIS_LABELS[prop])
    grid[0][properties.index("rate_hz")].legend(frameon=False, fontsize=8, loc="lower right")  # always known
    title = "Accuracy, recall and precision by unit property (points: true units; lines: means of 5 bins)"
    figure.suptitle(title, fontsize=11)
    return figure


def _scores_by_one_property(axes: Axes, entries: Sequence[TruthComparison], measure: str, prop: str) -> None:
    axes.set_ylim(-0.05, 1.05)
    if not np.isfinite(entries[0].column(prop)).any():
        write_message(axes, "not known")
        return
    for entry, colour, marker in zip(entries, COLOURS, MARKERS, strict=False):
        x, y = entry.column(prop), entry.column(measure)
        axes.scatter(x, y, s=14, color=colour, marker=marker, alpha=0.45, linewidths=0, label=entry.name)
        bins = [one for one in entry.bins if one.property == prop]
        middle = [(one.low + one.high) / 2 for one in bins]
        axes.plot(middle, [getattr(one, measure) for one in bins], color=colour, linewidth=1.5)
    if prop == "rate_hz":
        axes.set_xscale("log")


def collision_recall(entries: Sequence[TruthComparison]) -> Figure:
    """Draw the recall of colliding spikes by lag, one line for each range of template similarity.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    Figure
        One panel for each sorting.
    """
    figure = Figure(figsize=(6.0 * len(entries) + 1.0, 4.2), layout="constrained")
    panels = figure.subplots(1, len(entries), sharey=True, squeeze=False)[0]
    for axes, entry in zip(panels, entries, strict=True):
        found = entry.collisions
        middle_ms = (found.lag_edges_ms[:-1] + found.lag_edges_ms[1:]) / 2
        shades = np.linspace(0.25, 0.95, len(found.recall))
        for k, (recall, darkness) in enumerate(zip(found.recall, shades, strict=True)):
            low, high = found.similarity_edges[k : k + 2]
            n = int(found.n_spikes[k].sum())
            label = f"similarity {low:.1f} to {high:.1f} ({n:,} spikes)" if len(shades) > 1 else f"all ({n:,} spikes)"
            drawn = np.where(found.n_spikes[k] >= MIN_COLLISIONS, recall, np.nan)
            axes.plot(middle_ms, drawn, color=shade(darkness), marker=".", label=label)
        axes.set(xlabel="lag of the other spike (ms)", title=entry.name, ylim=(-0.03, 1.03))
        axes.legend(frameon=False, fontsize=7.5, loc="lower right")
    panels[0].set_ylabel("recall of colliding spikes")
    return figure
