"""Pictures of the units and spikes of two sortings compared with each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.comparison.relations import Relations
from spikesieve.comparison.template_similarity import TemplateSimilarity
from spikesieve.model import F32, F64, I64, Bool
from spikesieve.model.external import ExternalSorting
from spikesieve.report.comparison.style import COLOURS, single_axes, write_message

MAX_TICKS = 30
"""Unit numbers written on an axis."""
MIN_SIMILARITY = 0.5
"""The lag is shown only for pairs of templates at least this similar."""
RELATIONS = ("matched", "split", "merged", "partial", "alone")
"""Relations of a unit to the other sorting, as in `UnitRelation`."""


def agreement_matrix(scores: F64, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> Figure:
    """Draw the agreement of all pairs of units.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_units_a, n_units_b)
        Agreement of each pair.
    sides : sequence of ExternalSorting
        The two sortings.
    order : tuple of ndarray of int64
        Order of the rows and of the columns: matched pairs first, so that they lie on the diagonal.

    Returns
    -------
    Figure
        The matrix as an image.
    """
    figure, axes = single_axes((7.2, 6.2))
    image = axes.imshow(scores[np.ix_(*order)], cmap="viridis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=axes, label="agreement")
    _label_units(axes, sides, order)
    axes.set_title("Agreement, matched pairs first")
    return figure


def similarity_matrices(found: TemplateSimilarity, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> Figure:
    """Draw the similarity of all pairs of templates, and the lag at which they are most similar.

    Parameters
    ----------
    found : TemplateSimilarity
        Similarity and lag of each pair.
    sides : sequence of ExternalSorting
        The two sortings.
    order : tuple of ndarray of int64
        Order of the rows and of the columns.

    Returns
    -------
    Figure
        Both matrices as images.
    """
    figure = Figure(figsize=(12.5, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    cut = np.ix_(*order)
    similarity, lag_ms = found.similarity[cut], 1000 * found.lag_samples[cut] / sides[0].sampling_hz
    image = left.imshow(similarity, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, ax=left, label="normalised dot product at the best lag")
    limit_ms = max(float(np.abs(lag_ms).max(initial=0)), 1e-3)
    shown = np.ma.masked_where(similarity < MIN_SIMILARITY, lag_ms)
    image = right.imshow(shown, cmap="PuOr", vmin=-limit_ms, vmax=limit_ms, aspect="auto", interpolation="nearest")
    right.set_facecolor("#dddddd")
    figure.colorbar(image, ax=right, label="best lag (ms), where the similarity is at least 0.5")
    for axes in (left, right):
        _label_units(axes, sides, order)
    left.set_title("Similarity of templates, matched pairs first")
    right.set_title("Lag")
    return figure


def _label_units(axes: Axes, sides: Sequence[ExternalSorting], order: tuple[I64, I64]) -> None:
    """Write the unit numbers on both axes, at most `MAX_TICKS` on each."""
    for axis, side, rows in zip((axes.yaxis, axes.xaxis), sides, order, strict=True):
        step = max(1, -(-len(rows) // MAX_TICKS))
        places = np.arange(0, len(rows), step)
        axis.set_ticks(places, [str(unit) for unit in side.trains.units[rows[places]]], fontsize=6)
        axis.set_label_text(f"units of {side.name}")
    axes.tick_params(axis="x", labelrotation=90)


def amplitudes_of_unshared_spikes(sides: Sequence[ExternalSorting], only: Sequence[Bool]) -> Figure:
    """Draw the amplitudes of the spikes that only one sorting has, beside those that both have.

    Parameters
    ----------
    sides : sequence of ExternalSorting
        The two sortings.
    only : sequence of ndarray of bool, shape (n_spikes,)
        For each sorting the spikes that the other one does not have.

    Returns
    -------
    Figure
        One histogram for each sorting.
    """
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    for axes, side, unshared, colour in zip(figure.subplots(1, 2), sides, only, COLOURS, strict=True):
        axes.set_title(f"{side.name}: {int(unshared.sum()):,} of {len(unshared):,} spikes are not in the other sorting")
        axes.title.set_fontsize(9)
        if side.amplitude is None:
            write_message(axes, "The amplitudes of the spikes are not known.")
            continue
        edges, n_shared, n_unshared = counts_by_amplitude(side.amplitude, unshared)
        axes.stairs(n_shared, edges, fill=True, color="#bbbbbb", label="in both")
        axes.stairs(n_unshared, edges, fill=True, color=colour, alpha=0.85, label="only here")
        axes.set(xlabel=f"amplitude ({side.amplitude_unit})", ylabel="spikes")
        axes.legend(frameon=False)
    return figure


def counts_by_amplitude(amplitude: F32, unshared: Bool) -> tuple[F64, I64, I64]:
    """Count shared and unshared spikes by amplitude. The outermost 1 % of the spikes are in the end bins.

    Parameters
    ----------
    amplitude : ndarray of float32, shape (n_spikes,)
        Amplitude of each spike.
    unshared : ndarray of bool, shape (n_spikes,)
        Spikes that the other sorting does not have.

    Returns
    -------
    edges : ndarray of float64, shape (n_bins + 1,)
        Edges of the bins.
    n_shared : ndarray of int64, shape (n_bins,)
        Spikes that both sortings have.
    n_unshared : ndarray of int64, shape (n_bins,)
        Spikes that only this sorting has.

    Examples
    --------
    >>> amplitude = np.arange(100, dtype=np.float32)
    >>> edges, n_shared, n_unshared = counts_by_amplitude(amplitude, amplitude < 30)
    >>> int(n_shared.sum()), int(n_unshared.sum())
    (70, 30)
    """
    low, high = (float(q) for q in np.percentile(amplitude, [0.5, 99.5]))
    edges = np.linspace(low, max(high, low + 1e-6), 60)
    clipped = np.clip(amplitude, edges[0], edges[-1])
    return edges, np.histogram(clipped[~unshared], edges)[0], np.histogram(clipped[unshared], edges)[0]


def relation_counts(relations: Relations, names: tuple[str, str]) -> Figure:
    """Draw how many units of each sorting are matched, split, merged, partial or alone.

    Parameters
    ----------
    relations : Relations
        Relations of the units of both sortings.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    Figure
        A bar chart.
    """
    figure, axes = single_axes((7.0, 3.4))
    for k, (counts, name) in enumerate(zip(count_relations(relations), names, strict=True)):
        bars = axes.bar(np.arange(len(RELATIONS)) + 0.4 * k - 0.2, counts, 0.38, color=COLOURS[k], label=name)
        axes.bar_label(bars, fontsize=8)
    axes.set_xticks(range(len(RELATIONS)), RELATIONS)
    axes.set(ylabel="units", title="Relation of the units to the other sorting")
    axes.margins(y=0.12)
    axes.legend(frameon=False)
    return figure


def count_relations(relations: Relations) -> tuple[list[int], list[int]]:
    """Count the units of each relation.

    Parameters
    ----------
    relations : Relations
        Relations of the units of both sortings.

    Returns
    -------
    tuple of list of int
        For sorting A and B the number of units of each of `RELATIONS`.
    """
    of_a, of_b = (
        [sum(row.relation == word for row in rows) for word in RELATIONS] for rows in (relations.a, relations.b)
    )
    return of_a, of_b
