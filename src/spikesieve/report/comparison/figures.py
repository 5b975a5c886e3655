"""Pictures of a comparison as a whole: arrays in, a matplotlib Figure out.

A is blue with circles, B vermilion with triangles, the oracle grey (Okabe and Ito, told apart in colour blindness).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.divergence import MatrixDifference, TraceLag
from spikesieve.comparison.likeness import Likeness
from spikesieve.comparison.relations import Relations
from spikesieve.comparison.truth_table import AgainstTruth
from spikesieve.model import F32, F64, I64, Bool
from spikesieve.sorted_by_others import DriftTraces, ExternalSorting

COLOURS = ("#0072B2", "#D55E00")
MARKERS = ("o", "^")
ORACLE = "#777777"
SHOWN_CHANNELS = 12
SHOWN_MS = 20.0
SHOWN_QUANTILE = 0.97
"""Of the values of a matrix, where its colours end: beyond the diagonal of whitening, which is larger than all else."""
FEWEST_COLLISIONS = 10
"""Bins with fewer have no point."""
MOST_TICKS = 30
RELATIONS = ("matched", "split", "merged", "partial", "alone")
AXIS_LABELS = {
    "snr": "SNR of the true unit",
    "depth_um": "depth (µm)",
    "rate_hz": "firing rate (Hz)",
    "similarity": "similarity to the nearest true unit",
}


def accuracy_curves(entries: Sequence[AgainstTruth]) -> Figure:
    """Accuracies of all true units, best first: one curve a sorting, one of the oracle."""
    figure, axes = _single((7.0, 4.5))
    for entry, colour, marker in zip(entries, COLOURS, MARKERS, strict=False):
        accuracy = np.sort(entry.column("accuracy"))[::-1]
        rank = np.arange(1, len(accuracy) + 1)
        axes.plot(rank, accuracy, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=entry.name)
    oracle = entries[0].column("oracle_accuracy")
    if np.isfinite(oracle).any():
        known = np.sort(oracle[np.isfinite(oracle)])[::-1]
        axes.plot(np.arange(1, len(known) + 1), known, color=ORACLE, linestyle="--", label="oracle (true templates)")
    axes.axhline(0.8, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.annotate("well detected", (1, 0.8), (0, 2), textcoords="offset points", fontsize=8, color="#777777")
    axes.set(
        xlabel="true units, best first", ylabel="accuracy", ylim=(-0.03, 1.03), title="Accuracy of every true unit"
    )
    axes.legend(frameon=False, loc="lower left")
    return figure


def by_property(entries: Sequence[AgainstTruth]) -> Figure:
    """Accuracy, recall and precision of every true unit against SNR, depth, rate and similarity, with means by bin."""
    measures, properties = ("accuracy", "recall", "precision"), tuple(AXIS_LABELS)
    figure = Figure(figsize=(13.0, 7.5), layout="constrained")
    grid = figure.subplots(len(measures), len(properties), sharey=True)
    for row, measure in zip(grid, measures, strict=True):
        for axes, prop in zip(row, properties, strict=True):
            _one_property(axes, entries, measure, prop)
        row[0].set_ylabel(measure)
    for axes, prop in zip(grid[-1], properties, strict=True):
        axes.set_xlabel(AXIS_LABELS[prop])
    grid[0][properties.index("rate_hz")].legend(frameon=False, fontsize=8, loc="lower right")  # always known
    figure.suptitle("What the result depends on (points: true units; lines: means of fifths of them)", fontsize=11)
    return figure


def _one_property(axes: Axes, entries: Sequence[AgainstTruth], measure: str, prop: str) -> None:
    axes.set_ylim(-0.05, 1.05)
    if not np.isfinite(entries[0].column(prop)).any():
        _say(axes, "not known")
        return
    for entry, colour, marker in zip(entries, COLOURS, MARKERS, strict=False):
        x, y = entry.column(prop), entry.column(measure)
        axes.scatter(x, y, s=14, color=colour, marker=marker, alpha=0.45, linewidths=0, label=entry.name)
        bins = [one for one in entry.bins if one.property == prop]
        middle = [(one.low + one.high) / 2 for one in bins]
        axes.plot(middle, [getattr(one, measure) for one in bins], color=colour, linewidth=1.5)
    if prop == "rate_hz":
        axes.set_xscale("log")


def collision_recall(entries: Sequence[AgainstTruth]) -> Figure:
    """Recall of spikes with another unit's spike near them, by lag, one line a range of similarity."""
    figure = Figure(figsize=(6.0 * len(entries) + 1.0, 4.2), layout="constrained")
    grid = figure.subplots(1, len(entries), sharey=True, squeeze=False)[0]
    for axes, entry in zip(grid, entries, strict=True):
        found = entry.collisions
        middle = (found.lag_edges_ms[:-1] + found.lag_edges_ms[1:]) / 2
        shades = np.linspace(0.25, 0.95, len(found.recall))
        for k, (recall, shade) in enumerate(zip(found.recall, shades, strict=True)):
            low, high = found.similarity_edges[k : k + 2]
            n = int(found.n_spikes[k].sum())
            label = f"similarity {low:.1f} to {high:.1f} ({n:,} spikes)" if len(shades) > 1 else f"all ({n:,} spikes)"
            enough = np.where(found.n_spikes[k] >= FEWEST_COLLISIONS, recall, np.nan)
            axes.plot(middle, enough, color=_shade(shade), marker=".", label=label)
        axes.set(xlabel="lag of the other spike (ms)", title=entry.name, ylim=(-0.03, 1.03))
        axes.legend(frameon=False, fontsize=7.5, loc="lower right")
    grid[0].set_ylabel("recall of colliding spikes")
    return figure


def agreement_matrix(scores: F64, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> Figure:
    """Agreement of all pairs; matched pairs first, so that they lie on the diagonal."""
    figure, axes = _single((7.2, 6.2))
    image = axes.imshow(scores[np.ix_(*order)], cmap="viridis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=axes, label="agreement")
    _name_units(axes, sides, order)
    axes.set_title("Agreement, matched pairs first")
    return figure


def likeness_matrices(alike: Likeness, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> Figure:
    """Similarity of all templates, and the lag at which they are most similar."""
    figure = Figure(figsize=(12.5, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    cut = np.ix_(*order)
    similarity, lag_ms = alike.similarity[cut], 1000 * alike.lag_samples[cut] / sides[0].sampling_hz
    image = left.imshow(similarity, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=left, label="normalised dot product at the best lag")
    reach = max(float(np.abs(lag_ms).max(initial=0)), 1e-3)
    shown = np.ma.masked_where(similarity < 0.5, lag_ms)
    image = right.imshow(shown, cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    right.set_facecolor("#dddddd")
    figure.colorbar(image, ax=right, label="best lag (ms), where the similarity is at least 0.5")
    for axes in (left, right):
        _name_units(axes, sides, order)
    left.set_title("Similarity of templates, matched pairs first")
    right.set_title("Lag")
    return figure


def _name_units(axes: Axes, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> None:
    """The units' own numbers on both axes; with many units only some."""
    for axis, side, rows in zip((axes.yaxis, axes.xaxis), sides, order, strict=True):
        every = max(1, -(-len(rows) // MOST_TICKS))
        places = np.arange(0, len(rows), every)
        axis.set_ticks(places, [str(unit) for unit in side.trains.units[rows[places]]], fontsize=6)
        axis.set_label_text(f"units of {side.name}")
    axes.tick_params(axis="x", labelrotation=90)


def sizes_of_only(sides: Sequence[ExternalSorting], only: Sequence[Bool]) -> Figure:
    """How large the spikes are that only one sorting has, beside those that both have."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    for axes, side, alone, colour in zip(figure.subplots(1, 2), sides, only, COLOURS, strict=True):
        axes.set_title(
            f"{side.name}: {int(alone.sum()):,} of {len(alone):,} spikes are in no related unit of the other"
        )
        axes.title.set_fontsize(9)
        if side.amplitude is None:
            _say(axes, "The sizes of its spikes are not known.")
            continue
        edges, in_both, only_here = counts_by_size(side.amplitude, alone)
        axes.stairs(in_both, edges, fill=True, color="#bbbbbb", label="in both")
        axes.stairs(only_here, edges, fill=True, color=colour, alpha=0.85, label="only here")
        axes.set(xlabel=f"amplitude ({side.amplitude_unit})", ylabel="spikes")
        axes.legend(frameon=False)
    return figure


def counts_by_size(amplitude: F32, alone: Bool) -> tuple[F64, I64, I64]:
    """Edges, and how many spikes between them both sortings have, and only one; the outermost 1% lie in the end bins.

    amplitude, alone  (n_spikes,)
    """
    low, high = (float(q) for q in np.percentile(amplitude, [0.5, 99.5]))
    edges = np.linspace(low, max(high, low + 1e-6), 60)
    clipped = np.clip(amplitude, edges[0], edges[-1])
    return edges, np.histogram(clipped[~alone], edges)[0], np.histogram(clipped[alone], edges)[0]


def relation_counts(relations: Relations, names: tuple[str, str]) -> Figure:
    """How many units of each sorting are matched, split, merged, partial or alone."""
    figure, axes = _single((7.0, 3.4))
    for k, (counts, name) in enumerate(zip(count_relations(relations), names, strict=True)):
        bars = axes.bar(np.arange(len(RELATIONS)) + 0.4 * k - 0.2, counts, 0.38, color=COLOURS[k], label=name)
        axes.bar_label(bars, fontsize=8)
    axes.set_xticks(range(len(RELATIONS)), RELATIONS)
    axes.set(ylabel="units", title="What became of the units in the other sorting")
    axes.margins(y=0.12)
    axes.legend(frameon=False)
    return figure


def count_relations(relations: Relations) -> tuple[list[int], list[int]]:
    """How many units of A and of B are each of RELATIONS."""
    of_a, of_b = (
        [sum(row.relation == word for row in rows) for word in RELATIONS] for rows in (relations.a, relations.b)
    )
    return of_a, of_b


def preprocessed_traces(traces: tuple[F32, F32], lag: TraceLag, names: tuple[str, str], sampling_hz: float) -> Figure:
    """The start of both preprocessed traces on some channels, each on its own scale, B moved by the lag found."""
    figure = Figure(figsize=(12.0, 6.5), layout="constrained")
    channels, of_a, of_b, moved_b = shown_traces(traces, lag, sampling_hz)
    time_ms = 1000 * np.arange(len(of_a)) / sampling_hz
    scales = [max(float(trace.std()), 1e-9) * 8 for trace in traces]
    panels = figure.subplots(1, 2, sharey=True)
    for axes, second, title in zip(panels, (of_b, moved_b), ("as they are", "B moved by the lag"), strict=True):
        for shown, scale, colour, name in zip((of_a, second), scales, COLOURS, names, strict=True):
            for k in range(len(channels)):
                label = name if k == 0 else None
                axes.plot(time_ms, k + shown[:, k] / scale, color=colour, linewidth=0.7, alpha=0.8, label=label)
        axes.set(xlabel="time (ms)", title=title)
    panels[0].set_yticks(range(len(channels)), [str(channel) for channel in channels])
    panels[0].set_ylabel("contact")
    panels[0].legend(frameon=False, loc="upper right", fontsize=8)
    figure.suptitle(lag.sentence, fontsize=9.5)
    return figure


def shown_traces(traces: tuple[F32, F32], lag: TraceLag, sampling_hz: float) -> tuple[I64, F32, F32, F32]:
    """Channels that are shown, and a, b and b moved by the lag on these: (n_samples, n_shown) float32, NaN beyond b."""
    n = min(len(traces[0]), round(SHOWN_MS / 1000 * sampling_hz))
    channels = np.unique(np.linspace(0, traces[0].shape[1] - 1, SHOWN_CHANNELS).astype(np.int64))
    first, second = (trace[:, channels] for trace in traces)
    return channels, first[:n], _shifted(second, 0, n), _shifted(second, lag.lag_samples, n)


def _shifted(trace: F32, shift: int, n: int) -> F32:
    """The first n samples of the trace moved `shift` earlier, NaN where it has none: (n, n_channels) float32."""
    out = np.full((n, trace.shape[1]), np.nan, np.float32)
    part = trace[max(0, shift) : n + shift]
    first = max(0, -shift)
    out[first : first + len(part)] = part
    return out


def matrix_panels(found: MatrixDifference, names: tuple[str, str], what: str, axis: str) -> Figure:
    """Two matrices and their difference on one colour scale."""
    figure = Figure(figsize=(14.0, 4.6), layout="constrained")
    panels = figure.subplots(1, 3)
    reach = float(np.quantile(np.abs([found.a, found.b]), SHOWN_QUANTILE)) or 1.0
    titles = (names[0], names[1], f"difference (root mean square {found.relative:.2f})")
    for axes, matrix, title in zip(panels, (found.a, found.b, found.difference), titles, strict=True):
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        axes.set(title=title, xlabel=axis, ylabel=axis)
    figure.colorbar(image, ax=panels, label=f"{what} (root mean square 1)", extend="both")
    return figure


DASHES = ("-", "--", "-.", ":")


def drift_traces(drifts: Sequence[DriftTraces], names: tuple[str, str]) -> Figure:
    """Displacement over time of both runs, one line for each depth (darker is deeper) and shank (dashes)."""
    figure = Figure(figsize=(11.0, 4.5), layout="constrained")
    for axes, drift, name in zip(figure.subplots(1, 2, sharey=True), drifts, names, strict=True):
        depths, row = np.unique(drift.depth_um, return_inverse=True)
        shank = np.zeros_like(row) if drift.shank is None else np.unique(drift.shank, return_inverse=True)[1]
        for k, trace in enumerate(drift.names):
            look = {
                "color": _shade(0.3 + 0.65 * (1 - row[k] / max(1, len(depths) - 1))),
                "linestyle": DASHES[shank[k] % 4],
            }
            axes.plot(drift.time_s, drift.displacement_um[:, k], linewidth=1, label=trace, **look)
        axes.set(title=name, xlabel="time (s)", ylabel="displacement (µm)")
        if drift.displacement_um.shape[1] <= 12:
            axes.legend(frameon=False, fontsize=7, title="depth", title_fontsize=7)
    return figure


def batch_orders(orders: Sequence[I64], names: tuple[str, str]) -> Figure:
    """Place of each batch in the order that each run gave them."""
    figure, axes = _single((7.5, 4.5))
    for order, name, colour, marker in zip(orders, names, COLOURS, MARKERS, strict=True):
        axes.plot(order, marker, color=colour, markersize=4, alpha=0.7, label=name)
    axes.set(xlabel="place in the order (iorig)", ylabel="batch, in order of time", title="Order of the batches")
    axes.legend(frameon=False)
    return figure


def batch_dissimilarity(found: BatchOrder) -> Figure:
    """`ccb0` in order of time and `ccbsort` as sorted, on one colour scale."""
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    shown = {"in order of time (ccb0)": found.ccb0, "as sorted (ccbsort)": found.ccbsort}
    known = [np.abs(matrix) for matrix in shown.values() if matrix is not None]
    reach = max((float(np.quantile(matrix, SHOWN_QUANTILE)) for matrix in known), default=1.0) or 1.0
    panels = figure.subplots(1, 2)
    for axes, (title, matrix) in zip(panels, shown.items(), strict=True):
        axes.set(title=title, xlabel="batch", ylabel="batch")
        if matrix is None:
            _say(axes, "not kept")
            continue
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        figure.colorbar(image, ax=axes, label="dissimilarity (SD of a column)", extend="both")
    panels[1].set(xlabel="place in the order", ylabel="place in the order")
    figure.suptitle(f"Batches of {found.name}", fontsize=11)
    return figure


def batch_places(found: BatchOrder) -> Figure:
    """The place of each batch over time, and against the displacement."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    over_time, against = figure.subplots(1, 2)
    over_time.plot(found.time_s, found.place, MARKERS[0], color=COLOURS[0], markersize=4)
    over_time.set(xlabel="time (s)", ylabel="place in the order")
    figure.suptitle(f"Order of the batches of {found.name}\n{found.sentence}", fontsize=10)
    if found.displacement_um is None:
        _say(against, "No displacement is known.")
        return figure
    twin = over_time.twinx()
    twin.plot(found.time_s, found.displacement_um, color=COLOURS[1], linewidth=1.2)
    twin.set_ylabel(f"displacement of {found.told_by} (µm)", color=COLOURS[1])
    against.plot(found.displacement_um, found.place, MARKERS[0], color=COLOURS[0], markersize=4)
    against.set(xlabel="displacement (µm)", ylabel="place in the order")
    return figure


def _single(size_in: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size_in, layout="constrained")
    return figure, figure.add_subplot()


def _shade(shade: float) -> Any:
    return colormaps["viridis"](1 - shade)


def _say(axes: Axes, sentence: str) -> None:
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color="#777777")
    axes.set(xticks=[])
