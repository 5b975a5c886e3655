"""The report of a comparison: `report.html`, pictures as PNG and CSV, tables as CSV, spikes of one side only as npz."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikesieve.comparison.likeness import aligned_waveforms
from spikesieve.comparison.result import AgainstEachOther, Comparison, Parting
from spikesieve.model import F32, I64
from spikesieve.report.comparison import figures, numbers
from spikesieve.report.comparison.pairs import PairFacts, PairSide, matched_pair
from spikesieve.report.comparison.tables import Table, tables_of
from spikesieve.report.page_files import asset
from spikesieve.sorted_by_others import ExternalSorting

PAGE, FIGURES = "report.html", "figures"
DOTS_PER_INCH = 100
FILE_DIGITS = 7
"""Significant digits in files: what a float32 has, and hours in steps of 0.01 s."""
LARGEST_IMAGES = 6_000_000
"""Bytes of pictures within the page; what is beyond is linked, so that the page opens quickly."""
SHOWN_TABLES = ("units_vs_truth", "sorted_units_vs_truth", "units_of_both", "matched_pairs")


def write_comparison(
    folder: Path, result: Comparison, most_pairs: int, summary: tuple[tuple[str, str], ...] = ()
) -> Path:
    """Write everything into an existing folder and return the path of the page.

    most_pairs  matched pairs that are drawn, those that agree least first
    summary     (what, value) rows for the top of the page

    Raises OSError when something cannot be written.
    """
    pictures = folder / FIGURES
    pictures.mkdir(exist_ok=True)
    tables = tables_of(result)
    for table in tables:
        _write_csv(folder / f"{table.name}.csv", table)
    if result.each_other is not None:
        _write_only(folder / "spikes_of_one.npz", result.sides, result.each_other)
    sections = []
    for title, drawn in _sections(result, most_pairs):
        saved = [(table.name, table.title, _save(pictures, table, figure)) for table, figure in drawn]
        if saved:
            sections.append((title, saved))
    page = folder / PAGE
    page.write_text(_page(result, tables, sections, summary), encoding="utf-8", newline="\n")
    return page


Drawn = Iterator[tuple[Table, Figure]]
"""Pictures, each with its numbers, which also have its name and title."""


def _sections(result: Comparison, most_pairs: int) -> Iterator[tuple[str, Drawn]]:
    if result.against_truth:
        yield "Against the truth", _truth_figures(result)
    if result.each_other is not None:
        yield "Against each other", _each_other_figures(result.sides, result.each_other)
    if result.parting is not None:
        yield "Where the two runs part", _parting_figures(result.sides, result.parting)
    if result.orders:
        yield "Batches put in order", _order_figures(result)
    if result.each_other is not None:
        yield "Matched pairs, those that agree least first", pair_figures(result.sides, result.each_other, most_pairs)


def _truth_figures(result: Comparison) -> Drawn:
    entries = result.against_truth
    yield numbers.truth_accuracy(entries), figures.accuracy_curves(entries)
    yield numbers.truth_by_property(entries), figures.by_property(entries)
    yield numbers.collision_recall(entries), figures.collision_recall(entries)


def _each_other_figures(sides: tuple[ExternalSorting, ...], found: AgainstEachOther) -> Drawn:
    names = (sides[0].name, sides[1].name)
    order = _matched_first(found)
    relations = found.relations
    yield numbers.relations_of_units(relations, names), figures.relation_counts(relations, names)
    yield numbers.agreement_of_pairs(found), figures.agreement_matrix(found.agreement.scores(), sides, order)
    if found.likeness is not None:
        alike = found.likeness
        yield numbers.template_similarity(alike, sides), figures.likeness_matrices(alike, sides, order)
    only = (relations.only_a, relations.only_b)
    yield numbers.only_in_one(sides, only), figures.sizes_of_only(sides, only)


def _matched_first(found: AgainstEachOther) -> tuple[I64, I64]:
    """Rows and columns: matched pairs by decreasing agreement, then the others."""
    pairs, scores = found.relations.pairs, found.agreement.scores()
    ranked = pairs[np.argsort(-scores[pairs[:, 0], pairs[:, 1]], kind="stable")]
    order = []
    for axis, n in enumerate(scores.shape):
        others = np.setdiff1d(np.arange(n), ranked[:, axis])
        order.append(np.concatenate([ranked[:, axis], others]).astype(np.int64))
    return order[0], order[1]


def _parting_figures(sides: tuple[ExternalSorting, ...], parting: Parting) -> Drawn:
    a, b = sides
    names = (a.name, b.name)
    if parting.traces is not None and parting.lag is not None:
        drawn = figures.preprocessed_traces(parting.traces, parting.lag, names, a.sampling_hz)
        yield numbers.preprocessed_traces(parting.traces, parting.lag, a.sampling_hz), drawn
    for found, name, what, axis in (
        (parting.whitening, "whitening", "whitening", "contact"),
        (parting.ccb0, "batch_dissimilarity", "batch dissimilarity (ccb0)", "batch"),
        (parting.ccbsort, "batch_dissimilarity_sorted", "sorted batch dissimilarity (ccbsort)", "place in the order"),
    ):
        if found is not None:
            yield numbers.matrix(name, what.capitalize(), found), figures.matrix_panels(found, names, what, axis)
    if a.intermediates.drift is not None and b.intermediates.drift is not None:
        drifts = a.intermediates.drift, b.intermediates.drift
        yield numbers.drift_of_both(drifts, names), figures.drift_traces(drifts, names)
    if a.intermediates.iorig is not None and b.intermediates.iorig is not None:
        orders = a.intermediates.iorig, b.intermediates.iorig
        yield numbers.batch_order(orders, names), figures.batch_orders(orders, names)


def _order_figures(result: Comparison) -> Drawn:
    letters = dict(zip((side.name for side in result.sides), "ab", strict=False))
    for found in result.orders:
        letter = letters[found.name]
        yield numbers.batch_dissimilarity(letter, found), figures.batch_dissimilarity(found)
        yield numbers.batch_places(letter, found), figures.batch_places(found)


def pair_figures(sides: tuple[ExternalSorting, ...], found: AgainstEachOther, most_pairs: int) -> Drawn:
    """Matched pairs with their rasters, those that agree least first."""
    a, b = sides
    scores = found.agreement.scores()
    pairs = found.relations.pairs
    order = np.argsort(scores[pairs[:, 0], pairs[:, 1]], kind="stable")[:most_pairs]
    waveforms = None
    if found.likeness is not None and a.waveforms is not None and b.waveforms is not None:
        waveforms = aligned_waveforms(a.waveforms, b.waveforms, found.contacts)
    for i, j in pairs[order].tolist():
        of_a, of_b = int(a.trains.units[i]), int(b.trains.units[j])
        alike = found.likeness
        facts = PairFacts(
            float(scores[i, j]),
            float("nan") if alike is None else float(alike.similarity[i, j]),
            float("nan") if alike is None else 1000 * float(alike.lag_samples[i, j]) / a.sampling_hz,
            found.contacts.positions_um,
            a.sampling_hz,
        )
        drawn = [
            _pair_side(side, row, None if waveforms is None else waveforms[k].values[row], letter)
            for k, (side, row, letter) in enumerate(((a, i, "A"), (b, j, "B")))
        ]
        table = numbers.pair(f"pair_{of_a}_{of_b}", f"A {of_a} and B {of_b}", (drawn[0], drawn[1]), facts)
        yield table, matched_pair(drawn[0], drawn[1], facts)


def _pair_side(side: ExternalSorting, row: int, waveform: F32 | None, letter: str) -> PairSide:
    mine = side.trains.unit == row
    amplitude = None if side.amplitude is None else side.amplitude[mine]
    scale = "" if side.waveforms is None else side.waveforms.scale
    title = f"{letter} ({side.name}) {side.trains.units[row]}"
    return PairSide(title, side.trains.sample[mine], amplitude, waveform, scale)


def _save(folder: Path, table: Table, figure: Figure) -> bytes:
    """Write the picture and its numbers under one name, and return the picture."""
    _write_csv(folder / f"{table.name}.csv", table)
    buffer = BytesIO()
    figure.savefig(buffer, dpi=DOTS_PER_INCH, format="png")
    (folder / f"{table.name}.png").write_bytes(buffer.getvalue())
    return buffer.getvalue()


def _write_csv(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(table.texts(FILE_DIGITS))


def _write_only(path: Path, sides: tuple[ExternalSorting, ...], found: AgainstEachOther) -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for letter, side, only in zip("ab", sides, (found.relations.only_a, found.relations.only_b), strict=True):
        arrays[f"spike_times_{letter}"] = side.trains.sample[only]
        arrays[f"spike_clusters_{letter}"] = side.trains.units[side.trains.unit[only]]
        if side.amplitude is not None:
            arrays[f"amplitudes_{letter}"] = side.amplitude[only]
    np.savez_compressed(path, sampling_hz=sides[0].sampling_hz, **arrays)  # type: ignore[arg-type]  # arrays by name


def _page(
    result: Comparison,
    tables: tuple[Table, ...],
    sections: list[tuple[str, list[tuple[str, str, bytes]]]],
    summary: tuple[tuple[str, str], ...],
) -> str:
    room = LARGEST_IMAGES
    shown = []
    for title, pictures in sections:
        entries = []
        for name, caption, png in pictures:
            room -= len(png)
            source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}" if room > 0 else None
            entries.append({"name": name, "caption": caption, "source": source})
        shown.append((title, entries))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(asset("compare.html.j2")).render(
        title=" and ".join(side.name for side in result.sides),
        truth=None if result.truth is None else result.truth.name,
        sides=result.sides,
        summary=summary,
        notes=result.notes,
        sections=shown,
        tables=[table for table in tables if table.name in SHOWN_TABLES],
        files=[f"{table.name}.csv" for table in tables],
        style=Markup(asset("page.css")),
        script=Markup(asset("compare.js")),
    )
