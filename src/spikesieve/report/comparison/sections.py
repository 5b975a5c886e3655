"""The sections of the page of a comparison: which pictures it shows, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from spikesieve.comparison.intermediates import IntermediateDifferences
from spikesieve.comparison.result import Comparison, PairComparison
from spikesieve.comparison.template_similarity import aligned_waveforms
from spikesieve.model import F32, I64, SortedTime
from spikesieve.model.external import ExternalSorting
from spikesieve.report.comparison import figure_tables, intermediate_figures, truth_figures, unit_figures
from spikesieve.report.comparison.pairs import PairProperties, PairUnit, matched_pair
from spikesieve.report.comparison.tables import TitledTable

Pictures = Iterator[tuple[TitledTable, Figure]]
"""Pictures, each with its numbers. The table also has the name and the title of the picture."""


def sections(result: Comparison, most_pairs: int) -> Iterator[tuple[str, Pictures]]:
    """List the sections of the page of a comparison.

    Parameters
    ----------
    result : Comparison
        The comparison.
    most_pairs : int
        Largest number of matched pairs to draw, those with the lowest agreement first.

    Yields
    ------
    title : str
        Title of the section.
    pictures : iterator of (TitledTable, Figure)
        Its pictures, drawn one by one.
    """
    if result.against_truth:
        yield "Against the truth", _truth_pictures(result)
    if result.each_other is not None:
        yield "Against each other", _unit_pictures(result.sides, result.each_other)
    if result.intermediates is not None:
        yield "Intermediate steps", _intermediate_pictures(result.sides, result.intermediates)
    if result.orders:
        yield "Order of the batches", _order_pictures(result)
    if result.each_other is not None:
        yield "Matched pairs, lowest agreement first", pair_pictures(result.sides, result.each_other, most_pairs)


def _truth_pictures(result: Comparison) -> Pictures:
    entries = result.against_truth
    yield figure_tables.truth_accuracy(entries), truth_figures.accuracy_curves(entries)
    yield figure_tables.truth_by_property(entries), truth_figures.scores_by_property(entries)
    if any(entry.collisions.n_spikes.any() for entry in entries):
        yield figure_tables.collision_recall(entries), truth_figures.collision_recall(entries)


def _unit_pictures(sides: tuple[ExternalSorting, ...], found: PairComparison) -> Pictures:
    names = (sides[0].name, sides[1].name)
    order = _matched_first(found)
    relations = found.relations
    yield figure_tables.relations_of_units(relations, names), unit_figures.relation_counts(relations, names)
    scores = found.agreement.scores()
    yield figure_tables.agreement_of_pairs(found), unit_figures.agreement_matrix(scores, sides, order)
    if found.template_similarity is not None:
        matrices = unit_figures.similarity_matrices(found.template_similarity, sides, order)
        yield figure_tables.template_similarity(found.template_similarity, sides), matrices
    only = (relations.only_a, relations.only_b)
    yield figure_tables.only_in_one(sides, only), unit_figures.amplitudes_of_unshared_spikes(sides, only)


def _matched_first(found: PairComparison) -> tuple[I64, I64]:
    """Order of the rows and columns: matched pairs by descending agreement, then the other units."""
    pairs, scores = found.relations.pairs, found.agreement.scores()
    ranked = pairs[np.argsort(-scores[pairs[:, 0], pairs[:, 1]], kind="stable")]
    order = []
    for axis, n in enumerate(scores.shape):
        others = np.setdiff1d(np.arange(n), ranked[:, axis])
        order.append(np.concatenate([ranked[:, axis], others]).astype(np.int64))
    return order[0], order[1]


def _intermediate_pictures(sides: tuple[ExternalSorting, ...], found: IntermediateDifferences) -> Pictures:
    a, b = sides
    names = (a.name, b.name)
    if found.traces is not None and found.lag is not None:
        figure = intermediate_figures.preprocessed_traces(found.traces, found.lag, names, a.sampling_hz)
        yield figure_tables.preprocessed_traces(found.traces, found.lag, a.sampling_hz), figure
    for difference, name, quantity, axis in (
        (found.whitening, "whitening", "whitening", "contact"),
        (found.ccb0, "batch_dissimilarity", "batch dissimilarity (ccb0)", "batch"),
        (found.ccbsort, "batch_dissimilarity_sorted", "sorted batch dissimilarity (ccbsort)", "place in the order"),
    ):
        if difference is not None:
            figure = intermediate_figures.matrix_panels(difference, names, quantity, axis)
            yield figure_tables.matrix(name, quantity.capitalize(), difference), figure
    if a.intermediates.drift is not None and b.intermediates.drift is not None:
        drifts = a.intermediates.drift, b.intermediates.drift
        yield figure_tables.drift_of_both(drifts, names), intermediate_figures.drift_traces(drifts, names)
    if a.intermediates.iorig is not None and b.intermediates.iorig is not None:
        orders = a.intermediates.iorig, b.intermediates.iorig
        yield figure_tables.batch_order(orders, names), intermediate_figures.batch_orders(orders, names)


def _order_pictures(result: Comparison) -> Pictures:
    letters = dict(zip((side.name for side in result.sides), "ab", strict=False))
    for found in result.orders:
        letter = letters[found.name]
        yield figure_tables.batch_dissimilarity(letter, found), intermediate_figures.batch_dissimilarity(found)
        yield figure_tables.batch_places(letter, found), intermediate_figures.batch_places(found)


def pair_pictures(sides: tuple[ExternalSorting, ...], found: PairComparison, most_pairs: int) -> Pictures:
    """Draw matched pairs of units, lowest agreement first.

    Parameters
    ----------
    sides : tuple of ExternalSorting
        The two sortings.
    found : PairComparison
        The sortings compared with each other.
    most_pairs : int
        Largest number of pairs to draw.

    Yields
    ------
    table : TitledTable
        Numbers of the picture.
    figure : Figure
        Templates, raster and autocorrelograms of the pair.
    """
    a, b = sides
    scores, pairs = found.agreement.scores(), found.relations.pairs
    order = np.argsort(scores[pairs[:, 0], pairs[:, 1]], kind="stable")[:most_pairs]
    templates_a = templates_b = None
    if found.template_similarity is not None and a.waveforms is not None and b.waveforms is not None:
        waveforms = aligned_waveforms(a.waveforms, b.waveforms, found.contacts)
        templates_a, templates_b = waveforms[0].values, waveforms[1].values
    # Both are of one recording: what one of them knows of its gaps holds for the other.
    time = SortedTime(max(a.segments, b.segments, key=len), a.sampling_hz)
    for i, j in pairs[order].tolist():
        properties = _pair_properties(found, i, j, float(scores[i, j]), time)
        units = _pair_unit(a, i, templates_a, "A"), _pair_unit(b, j, templates_b, "B")
        number_a, number_b = int(a.trains.units[i]), int(b.trains.units[j])
        name, title = f"pair_{number_a}_{number_b}", f"A {number_a} and B {number_b}"
        yield figure_tables.pair(name, title, units, properties), matched_pair(*units, properties)


def _pair_properties(found: PairComparison, i: int, j: int, score: float, time: SortedTime) -> PairProperties:
    alike = found.template_similarity
    return PairProperties(
        score,
        float("nan") if alike is None else float(alike.similarity[i, j]),
        float("nan") if alike is None else 1000 * float(alike.lag_samples[i, j]) / time.sampling_hz,
        found.contacts.positions_um,
        time,
    )


def _pair_unit(side: ExternalSorting, row: int, templates: F32 | None, letter: str) -> PairUnit:
    is_own = side.trains.unit == row
    amplitude = None if side.amplitude is None else side.amplitude[is_own]
    scale = "" if side.waveforms is None else side.waveforms.scale
    title = f"{letter} ({side.name}) {side.trains.units[row]}"
    return PairUnit(title, side.trains.sample[is_own], amplitude, None if templates is None else templates[row], scale)
