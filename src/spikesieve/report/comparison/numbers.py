"""The numbers of the pictures of a comparison: one table each, under the name and title of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.divergence import MatrixDifference, TraceLag
from spikesieve.comparison.likeness import Likeness
from spikesieve.comparison.relations import Relations
from spikesieve.comparison.result import AgainstEachOther
from spikesieve.comparison.truth_table import AgainstTruth, Bin
from spikesieve.model import F32, I64, Bool
from spikesieve.report.comparison.figures import RELATIONS, count_relations, counts_by_size, shown_traces
from spikesieve.report.comparison.pairs import (
    ACG_MS,
    PairFacts,
    PairSide,
    autocorrelogram,
    largest_contacts,
    raster_window,
)
from spikesieve.report.comparison.tables import Table, long_table
from spikesieve.sorted_by_others import DriftTraces, ExternalSorting

LEAST_AGREEMENT = 0.01
LEAST_SIMILARITY = 0.1
"""Pairs of units with less are not listed: most have nothing to do with each other."""
MOST_ROWS = 500
"""Of a matrix: more are thinned, as the picture has no more pixels either."""


def truth_accuracy(entries: Sequence[AgainstTruth]) -> Table:
    """Accuracy of every true unit, best first, of each sorting and of the oracle where it is known."""
    curves = [(entry.name, entry.column("accuracy")) for entry in entries]
    curves.append(("oracle", entries[0].column("oracle_accuracy")))
    units = np.array([row.unit for row in entries[0].rows], np.int64)
    parts = []
    for name, accuracy in curves:
        order = np.argsort(-accuracy, kind="stable")[: int(np.isfinite(accuracy).sum())]
        parts.append((name, np.arange(1, len(order) + 1), units[order], accuracy[order]))
    return long_table("truth_accuracy", "Accuracy of every true unit", ("sorting", "rank", "unit", "accuracy"), *parts)


def truth_by_property(entries: Sequence[AgainstTruth]) -> Table:
    """Means of fifths of the true units by each property."""
    names = tuple(field.name for field in fields(Bin))
    rows = tuple(tuple(getattr(row, name) for name in names) for entry in entries for row in entry.bins)
    return Table("truth_by_property", "Accuracy, recall, precision by property", names, rows)


def collision_recall(entries: Sequence[AgainstTruth]) -> Table:
    """Recall of colliding spikes by lag and similarity."""
    columns = ("sorting", "lag_low_ms", "lag_high_ms", "similarity_low", "similarity_high", "n_spikes", "recall")
    parts = []
    for entry in entries:
        found = entry.collisions
        lag_ms, alike = found.lag_edges_ms, found.similarity_edges[:, None]
        parts.append((entry.name, lag_ms[:-1], lag_ms[1:], alike[:-1], alike[1:], found.n_spikes, found.recall))
    return long_table("collision_recall", "Recall of colliding spikes", columns, *parts)


def relations_of_units(relations: Relations, names: tuple[str, str]) -> Table:
    """How many units of each sorting are matched, split, merged, partial or alone."""
    parts = [(name, RELATIONS, counts) for name, counts in zip(names, count_relations(relations), strict=True)]
    return long_table("relations", "What became of the units", ("sorting", "relation", "n_units"), *parts)


def agreement_of_pairs(found: AgainstEachOther) -> Table:
    """All pairs of units that agree by LEAST_AGREEMENT or more."""
    pairs = found.agreement
    scores = pairs.pair_scores()
    shown = np.flatnonzero(scores >= LEAST_AGREEMENT)
    part = (pairs.a.units[pairs.row[shown]], pairs.b.units[pairs.column[shown]], pairs.n_matches[shown], scores[shown])
    columns = ("unit_a", "unit_b", "n_matches", "agreement")
    return long_table("agreement", "Agreement of all pairs", columns, part)


def template_similarity(alike: Likeness, sides: Sequence[ExternalSorting]) -> Table:
    """All pairs of units with a similarity of LEAST_SIMILARITY or more, of either sign."""
    i, j = np.nonzero(np.abs(alike.similarity) >= LEAST_SIMILARITY)
    of_a, of_b = sides[0].trains.units[i], sides[1].trains.units[j]
    columns = ("unit_a", "unit_b", "similarity", "lag_samples")
    part = (of_a, of_b, alike.similarity[i, j], alike.lag_samples[i, j])
    return long_table("template_similarity", "Similarity of templates and best lag", columns, part)


def only_in_one(sides: Sequence[ExternalSorting], only: Sequence[Bool]) -> Table:
    """Spikes by size, of each sorting that tells sizes: in both sortings and only in this one."""
    parts: list[tuple[Any, ...]] = []
    for side, alone in zip(sides, only, strict=True):
        if side.amplitude is not None:
            edges, in_both, only_here = counts_by_size(side.amplitude, alone)
            parts.append((side.name, edges[:-1], edges[1:], side.amplitude_unit, in_both, only_here))
    columns = ("sorting", "amplitude_low", "amplitude_high", "amplitude_unit", "n_in_both", "n_only_here")
    return long_table("only_in_one", "Spikes that only one has", columns, *parts)


def preprocessed_traces(traces: tuple[F32, F32], lag: TraceLag, sampling_hz: float) -> Table:
    """The start of both traces on the contacts that are drawn; b also moved by the lag."""
    contacts, of_a, of_b, moved_b = shown_traces(traces, lag, sampling_hz)
    part = (np.arange(len(of_a))[:, None], contacts, of_a, of_b, moved_b)
    return long_table("preprocessed_traces", lag.sentence, ("sample", "contact", "a", "b", "b_moved"), part)


def matrix(name: str, title: str, found: MatrixDifference) -> Table:
    """Both matrices and their difference where one is not 0; of more than MOST_ROWS rows every second, third, ..."""
    step = max(1, -(-len(found.a) // MOST_ROWS))
    i, j = step * np.argwhere((found.a[::step, ::step] != 0) | (found.b[::step, ::step] != 0)).T
    part = (i, j, found.a[i, j], found.b[i, j], found.difference[i, j])
    return long_table(name, title, ("row", "column", "a", "b", "difference"), part)


def drift_of_both(drifts: Sequence[DriftTraces], names: tuple[str, str]) -> Table:
    """Displacement over time, depth and shank; no shank where one trace is for all."""
    columns = ("sorting", "shank", "time_s", "depth_um", "displacement_um")
    parts = [
        (name, "" if drift.shank is None else drift.shank, drift.time_s[:, None], drift.depth_um, drift.displacement_um)
        for name, drift in zip(names, drifts, strict=True)
    ]
    return long_table("drift", "Drift", columns, *parts)


def batch_order(orders: Sequence[I64], names: tuple[str, str]) -> Table:
    """The batch at each place of the order."""
    parts = [(name, np.arange(len(order)), order) for name, order in zip(names, orders, strict=True)]
    return long_table("batch_order", "Order of the batches", ("sorting", "place", "batch"), *parts)


def batch_dissimilarity(letter: str, found: BatchOrder) -> Table:
    """`ccb0` and `ccbsort` of one run; of more than MOST_ROWS batches every second, third, ... row and column."""
    step = max(1, -(-len(found.iorig) // MOST_ROWS))
    rows = np.arange(0, len(found.iorig), step)
    shown = ["" if matrix is None else matrix[np.ix_(rows, rows)] for matrix in (found.ccb0, found.ccbsort)]
    title = f"Dissimilarity of the batches of {found.name}"
    columns = ("row", "column", "ccb0", "ccbsort")
    return long_table(f"batches_{letter}", title, columns, (rows[:, None], rows, *shown))


def batch_places(letter: str, found: BatchOrder) -> Table:
    """Time and displacement of each batch, and its place."""
    um = "" if found.displacement_um is None else found.displacement_um
    title = f"Order of the batches of {found.name}: {found.sentence}"
    columns = ("batch", "time_s", "place", "displacement_um")
    return long_table(
        f"batch_places_{letter}", title, columns, (np.arange(len(found.iorig)), found.time_s, found.place, um)
    )


def pair(name: str, title: str, sides: tuple[PairSide, PairSide], facts: PairFacts) -> Table:
    """What the picture of a pair shows: templates by contact and sample, autocorrelograms by lag, spikes with sizes."""
    contacts = largest_contacts(*sides, facts.positions_um)
    x_um, y_um = (np.nan, np.nan) if facts.positions_um is None else facts.positions_um[contacts].T
    start, stop = raster_window(sides, facts.sampling_hz)
    lag_ms = np.arange(-ACG_MS, ACG_MS + 1)
    parts: list[tuple[Any, ...]] = []
    for letter, side in zip("AB", sides, strict=True):
        if side.waveform is not None:
            sample = np.arange(len(side.waveform))[:, None]
            parts.append((letter, "template", contacts, x_um, y_um, sample, "samples", side.waveform[:, contacts]))
        counts = autocorrelogram(side, facts.sampling_hz)
        parts.append((letter, "autocorrelogram", "", "", "", lag_ms, "ms", counts))
        shown = (side.sample >= start) & (side.sample < stop)
        size = np.nan if side.amplitude is None else side.amplitude[shown]
        parts.append((letter, "spike", "", "", "", side.sample[shown], "samples", size))
    columns = ("side", "what", "contact", "x_um", "y_um", "at", "at_unit", "value")
    return long_table(name, title, columns, *parts)
