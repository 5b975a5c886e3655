"""The numbers of the pictures of a comparison: one table for each, with the name and title of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.divergence import MatrixDifference, TraceLag
from spikesieve.comparison.relations import Relations
from spikesieve.comparison.result import PairComparison
from spikesieve.comparison.template_similarity import TemplateSimilarity
from spikesieve.comparison.truth_comparison import PropertyBin, TruthComparison
from spikesieve.model import F32, I64, Bool
from spikesieve.model.external import DriftTraces, ExternalSorting
from spikesieve.report.comparison.intermediate_figures import shown_traces
from spikesieve.report.comparison.pairs import (
    ACG_MS,
    PairProperties,
    PairUnit,
    autocorrelogram,
    largest_contacts,
    raster_window,
)
from spikesieve.report.comparison.tables import TitledTable, long_table
from spikesieve.report.comparison.unit_figures import RELATIONS, count_relations, counts_by_amplitude

MIN_AGREEMENT = 0.01
"""Pairs of units that agree less are not listed."""
MIN_SIMILARITY = 0.1
"""Pairs of templates that are less similar are not listed."""
MAX_ROWS = 500
"""Larger matrices are thinned: the picture has no more pixels either."""


def truth_accuracy(entries: Sequence[TruthComparison]) -> TitledTable:
    """Accuracies of all true units, highest first, for each sorting and for the oracle.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    TitledTable
        Sorting, rank, unit and accuracy. The oracle only where it is known.
    """
    curves = [(entry.name, entry.column("accuracy")) for entry in entries]
    curves.append(("oracle", entries[0].column("oracle_accuracy")))
    units = np.array([row.unit for row in entries[0].rows], np.int64)
    parts = []
    for name, accuracy in curves:
        order = np.argsort(-accuracy, kind="stable")[: int(np.isfinite(accuracy).sum())]
        parts.append((name, np.arange(1, len(order) + 1), units[order], accuracy[order]))
    return long_table("truth_accuracy", "Accuracy of every true unit", ("sorting", "rank", "unit", "accuracy"), *parts)


def truth_by_property(entries: Sequence[TruthComparison]) -> TitledTable:
    """Mean scores of the true units by property.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    TitledTable
        One row for each bin, with the fields of `PropertyBin`.
    """
    names = tuple(field.name for field in fields(PropertyBin))
    rows = tuple(tuple(getattr(row, name) for name in names) for entry in entries for row in entry.bins)
    return TitledTable("truth_by_property", "Accuracy, recall, precision by property", names, rows)


def collision_recall(entries: Sequence[TruthComparison]) -> TitledTable:
    """Recall of colliding spikes by lag and template similarity.

    Parameters
    ----------
    entries : sequence of TruthComparison
        One or two sortings compared with the same truth.

    Returns
    -------
    TitledTable
        One row for each bin of lag and similarity.
    """
    columns = ("sorting", "lag_low_ms", "lag_high_ms", "similarity_low", "similarity_high", "n_spikes", "recall")
    parts = []
    for entry in entries:
        found = entry.collisions
        lag_ms, similarity = found.lag_edges_ms, found.similarity_edges[:, None]
        parts.append(
            (entry.name, lag_ms[:-1], lag_ms[1:], similarity[:-1], similarity[1:], found.n_spikes, found.recall)
        )
    return long_table("collision_recall", "Recall of colliding spikes", columns, *parts)


def relations_of_units(relations: Relations, names: tuple[str, str]) -> TitledTable:
    """Number of units of each relation.

    Parameters
    ----------
    relations : Relations
        Relations of the units of both sortings.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    TitledTable
        Sorting, relation and number of units.
    """
    parts = [(name, RELATIONS, counts) for name, counts in zip(names, count_relations(relations), strict=True)]
    return long_table("relations", "Relations of the units", ("sorting", "relation", "n_units"), *parts)


def agreement_of_pairs(found: PairComparison) -> TitledTable:
    """Agreement of all pairs of units that agree by `MIN_AGREEMENT` or more.

    Parameters
    ----------
    found : PairComparison
        Two sortings compared with each other.

    Returns
    -------
    TitledTable
        Units, number of matches and agreement.
    """
    pairs = found.agreement
    scores = pairs.pair_scores()
    shown = np.flatnonzero(scores >= MIN_AGREEMENT)
    part = (pairs.a.units[pairs.row[shown]], pairs.b.units[pairs.column[shown]], pairs.n_matches[shown], scores[shown])
    columns = ("unit_a", "unit_b", "n_matches", "agreement")
    return long_table("agreement", "Agreement of all pairs", columns, part)


def template_similarity(found: TemplateSimilarity, sides: Sequence[ExternalSorting]) -> TitledTable:
    """Similarity of all pairs of templates with at least `MIN_SIMILARITY`, of either sign.

    Parameters
    ----------
    found : TemplateSimilarity
        Similarity and lag of all pairs.
    sides : sequence of ExternalSorting
        The two sortings.

    Returns
    -------
    TitledTable
        Units, similarity and lag in samples.
    """
    i, j = np.nonzero(np.abs(found.similarity) >= MIN_SIMILARITY)
    units_a, units_b = sides[0].trains.units[i], sides[1].trains.units[j]
    columns = ("unit_a", "unit_b", "similarity", "lag_samples")
    part = (units_a, units_b, found.similarity[i, j], found.lag_samples[i, j])
    return long_table("template_similarity", "Similarity of templates and best lag", columns, part)


def only_in_one(sides: Sequence[ExternalSorting], only: Sequence[Bool]) -> TitledTable:
    """Shared and unshared spikes by amplitude, for each sorting with known amplitudes.

    Parameters
    ----------
    sides : sequence of ExternalSorting
        The two sortings.
    only : sequence of ndarray of bool, shape (n_spikes,)
        For each sorting the spikes that the other one does not have.

    Returns
    -------
    TitledTable
        One row for each sorting and bin.
    """
    parts: list[tuple[Any, ...]] = []
    for side, unshared in zip(sides, only, strict=True):
        if side.amplitude is not None:
            edges, n_shared, n_unshared = counts_by_amplitude(side.amplitude, unshared)
            parts.append((side.name, edges[:-1], edges[1:], side.amplitude_unit, n_shared, n_unshared))
    columns = ("sorting", "amplitude_low", "amplitude_high", "amplitude_unit", "n_in_both", "n_only_here")
    return long_table("only_in_one", "Spikes that only one sorting has", columns, *parts)


def preprocessed_traces(traces: tuple[F32, F32], lag: TraceLag, sampling_hz: float) -> TitledTable:
    """Start of two preprocessed traces, as drawn.

    Parameters
    ----------
    traces : tuple of ndarray of float32, shape (n_samples, n_contacts)
        Preprocessed traces of both runs.
    lag : TraceLag
        Lag between them.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    TitledTable
        One row for each sample and contact: a, b, and b shifted by the lag.
    """
    shown = shown_traces(traces, lag, sampling_hz)
    part = (np.arange(len(shown.a))[:, None], shown.contacts, shown.a, shown.b, shown.shifted_b)
    return long_table("preprocessed_traces", lag.sentence, ("sample", "contact", "a", "b", "b_moved"), part)


def matrix(name: str, title: str, found: MatrixDifference) -> TitledTable:
    """Two matrices and their difference, where one of them is not 0.

    Parameters
    ----------
    name : str
        File name without ending.
    title : str
        Title of the table.
    found : MatrixDifference
        The matrices. Of more than `MAX_ROWS` rows only every second, third, ... row and column.

    Returns
    -------
    TitledTable
        One row for each entry.
    """
    step = max(1, -(-len(found.a) // MAX_ROWS))
    i, j = step * np.argwhere((found.a[::step, ::step] != 0) | (found.b[::step, ::step] != 0)).T
    part = (i, j, found.a[i, j], found.b[i, j], found.difference[i, j])
    return long_table(name, title, ("row", "column", "a", "b", "difference"), part)


def drift_of_both(drifts: Sequence[DriftTraces], names: tuple[str, str]) -> TitledTable:
    """Displacement of two runs.

    Parameters
    ----------
    drifts : sequence of Drift
        Displacement of both runs.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    TitledTable
        One row for each time and depth. No shank where one trace is for all.
    """
    columns = ("sorting", "shank", "time_s", "depth_um", "displacement_um")
    parts = [
        (name, "" if drift.shank is None else drift.shank, drift.time_s[:, None], drift.depth_um, drift.displacement_um)
        for name, drift in zip(names, drifts, strict=True)
    ]
    return long_table("drift", "Drift", columns, *parts)


def batch_order(orders: Sequence[I64], names: tuple[str, str]) -> TitledTable:
    """Batch at each place of the order of two runs.

    Parameters
    ----------
    orders : sequence of ndarray of int64, shape (n_batches,)
        Batch at each place, for both runs.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    TitledTable
        Sorting, place and batch.
    """
    parts = [(name, np.arange(len(order)), order) for name, order in zip(names, orders, strict=True)]
    return long_table("batch_order", "Order of the batches", ("sorting", "place", "batch"), *parts)


def batch_dissimilarity(letter: str, found: BatchOrder) -> TitledTable:
    """Dissimilarity of the batches of one run, in order of time (`ccb0`) and as sorted (`ccbsort`).

    Parameters
    ----------
    letter : str
        "a" or "b": ending of the file name.
    found : BatchOrder
        Order of the batches. Of more than `MAX_ROWS` batches only every second, third, ... row and column.

    Returns
    -------
    TitledTable
        One row for each pair of batches.
    """
    step = max(1, -(-len(found.iorig) // MAX_ROWS))
    rows = np.arange(0, len(found.iorig), step)
    shown = ["" if matrix is None else matrix[np.ix_(rows, rows)] for matrix in (found.ccb0, found.ccbsort)]
    title = f"Dissimilarity of the batches of {found.name}"
    columns = ("row", "column", "ccb0", "ccbsort")
    return long_table(f"batches_{letter}", title, columns, (rows[:, None], rows, *shown))


def batch_places(letter: str, found: BatchOrder) -> TitledTable:
    """Time, place and displacement of each batch of one run.

    Parameters
    ----------
    letter : str
        "a" or "b": ending of the file name.
    found : BatchOrder
        Order of the batches of one run.

    Returns
    -------
    TitledTable
        One row for each batch.
    """
    um = "" if found.displacement_um is None else found.displacement_um
    title = f"Order of the batches of {found.name}: {found.sentence}"
    columns = ("batch", "time_s", "place", "displacement_um")
    return long_table(
        f"batch_places_{letter}", title, columns, (np.arange(len(found.iorig)), found.time_s, found.place, um)
    )


def pair(name: str, title: str, units: tuple[PairUnit, PairUnit], properties: PairProperties) -> TitledTable:
    """Numbers of the picture of a matched pair.

    Parameters
    ----------
    name : str
        File name without ending.
    title : str
        Title of the table.
    units : tuple of PairUnit
        The two units.
    properties : PairProperties
        Contacts and sampling rate of the pair.

    Returns
    -------
    TitledTable
        Templates by contact and sample, autocorrelograms by lag, spikes of the raster with their amplitudes.
    """
    contacts = largest_contacts(*units, properties.positions_um)
    x_um, y_um = (np.nan, np.nan) if properties.positions_um is None else properties.positions_um[contacts].T
    start, stop = raster_window(units, properties.time.sampling_hz)
    lag_ms = np.arange(-ACG_MS, ACG_MS + 1)
    parts: list[tuple[Any, ...]] = []
    for letter, unit in zip("AB", units, strict=True):
        if unit.template is not None:
            sample = np.arange(len(unit.template))[:, None]
            parts.append((letter, "template", contacts, x_um, y_um, sample, "samples", unit.template[:, contacts]))
        counts = autocorrelogram(unit, properties.time)
        parts.append((letter, "autocorrelogram", "", "", "", lag_ms, "ms", counts))
        shown = (unit.sample >= start) & (unit.sample < stop)
        amplitude = np.nan if unit.amplitude is None else unit.amplitude[shown]
        parts.append((letter, "spike", "", "", "", unit.sample[shown], "samples", amplitude))
    columns = ("side", "what", "contact", "x_um", "y_um", "at", "at_unit", "value")
    return long_table(name, title, columns, *parts)
