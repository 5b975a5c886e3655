"""Compare two sortings with each other and with the truth: what `spikesieve compare` does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesieve.api.compare_curations import is_journal, read_curated
from spikesieve.api.true_units import true_unit_properties
from spikesieve.comparison.agreement import MatchWindows
from spikesieve.comparison.batch_order import batch_order
from spikesieve.comparison.intermediates import compare_intermediates
from spikesieve.comparison.result import Comparison, compare_pair
from spikesieve.comparison.template_similarity import ONE_RECORDING, require_same_channels
from spikesieve.comparison.truth_comparison import TruthComparison, compare_with_truth
from spikesieve.engine.executor import Progress, silent
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.finished_folder import FolderKind, finished_folder
from spikesieve.io.results.provenance import to_json, versions
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.model.external import ExternalSorting
from spikesieve.model.text import counted
from spikesieve.report.comparison.write import write_comparison
from spikesieve.settings.compare import CompareOptions

FACTS = "comparison.json"
"""What was compared and how. It is written last."""
COMPARISON = FolderKind("comparison", FACTS)
"""The folder of a comparison."""
RATE_TOLERANCE = 1e-4
"""Largest relative difference of the sampling rates of two sortings of one recording: rates may be calibrated."""


def compare(
    a: object,
    b: object = None,
    truth: object = None,
    *,
    out: Path | str | None = None,
    options: CompareOptions | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare two sortings with each other, and each with the truth.

    Parameters
    ----------
    a : path, Sorting or SpikeInterface sorting
        The first sorting. docs/compare.md lists the formats.
    b : path, Sorting or SpikeInterface sorting, optional
        The second sorting. Needed if there is no truth.
    truth : path, Sorting or SpikeInterface sorting, optional
        The true spike trains.
    out : path, optional
        Folder for the page, pictures and tables. It appears when it is complete. None writes nothing.
    options : CompareOptions, optional
        Matching windows, recording, oracle, whether the truth is partial and an older comparison is replaced. Its
        fields a, b, truth and out are ignored.
    progress : Progress, optional
        Called with a step, the part that is done and the total.

    Returns
    -------
    Comparison
        Agreement, relations, scores and notes.

    Raises
    ------
    InputError
        If an input is not a sorting, is empty, or is not of the same recording as the others.
    SettingsError
        If neither a second sorting nor the truth is given.
    OutputError
        If the folder exists (without `options.overwrite`), holds something else or cannot be written.
    """
    options = options or CompareOptions()
    if b is None and truth is None:
        raise SettingsError(
            "There is nothing to compare the sorting with. Give a second sorting, or the truth with --truth."
        )
    inputs = [path for path in (a, b, truth, options.recording) if isinstance(path, str | Path)]
    if out is None:
        return _compare_sources((a, b), truth, options, progress)
    with finished_folder(out, COMPARISON, options.overwrite, inputs) as folder:
        result = _compare_sources((a, b), truth, options, progress)
        write_comparison(folder, result, options.most_pairs, summary(result))
        _write_facts(folder / FACTS, result, options)
    return result


def compare_with(options: CompareOptions, progress: Progress = silent) -> Comparison:
    """Compare the sortings that the options name, as the command line does.

    Parameters
    ----------
    options : CompareOptions
        Inputs, output folder and settings.
    progress : Progress, optional
        Called with a step, the part that is done and the total.

    Returns
    -------
    Comparison
        As `compare` returns.

    Raises
    ------
    SettingsError
        If `a` or `out` is missing.
    InputError, OutputError
        As `compare` raises.
    """
    for name in ("a", "out"):
        if getattr(options, name) is None:
            raise SettingsError(
                f"compare needs {name}. Give it as an argument, in the TOML file or in the environment."
            )
    return compare(options.a, options.b, options.truth, out=options.out, options=options, progress=progress)


def summary(result: Comparison) -> tuple[tuple[str, str], ...]:
    """List the main results, ready to print.

    Parameters
    ----------
    result : Comparison
        A comparison.

    Returns
    -------
    tuple of (str, str)
        Name and value of each result.
    """
    rows: list[tuple[str, str]] = []
    for side in result.sides:
        rows.append(
            (side.name, f"{counted(len(side.trains.units), 'unit')}, {counted(side.n_spikes, 'spike')} ({side.kind})")
        )
    if result.each_other is not None:
        relations = result.each_other.relations
        rows.append(("matched units (agreement >= 0.5)", str(len(relations.pairs))))
    rows += [(f"{order.name}: order of the batches", order.sentence) for order in result.orders]
    for entry in result.against_truth:
        rows += [(f"{entry.name}: {what}", value) for what, value in _truth_summary(entry, result.partial_truth)]
    return tuple(rows)


def _truth_summary(entry: TruthComparison, partial_truth: bool) -> Iterator[tuple[str, str]]:
    score, kilosort = entry.score, entry.kilosort
    yield "well detected", f"{len(score.well_detected)} of {len(entry.rows)} true units"
    yield "mean accuracy", f"{score.mean_accuracy:.3f}"
    both = f"{len(score.redundant)} / {len(score.overmerged)}"
    if partial_truth:
        yield "redundant / overmerged", both
        yield "units that fit none of the partial truth", str(len(score.not_in_truth))
    else:
        yield "false / redundant / overmerged", f"{len(score.false_positive)} / {both}"
    yield "Kilosort score above 0.8", f"{kilosort.n_correct}, after oracle merges {kilosort.n_correct_merged}"
    oracle = entry.column("oracle_accuracy")
    if np.isfinite(oracle).any():
        ceiling = float(np.nanmean(oracle))
        share = f"{score.mean_accuracy / ceiling:.1%} of" if ceiling >= score.mean_accuracy else "above"
        yield "accuracy as share of the oracle's", f"{share} {ceiling:.3f}"


def _distinct_names(sides: tuple[ExternalSorting, ...]) -> tuple[ExternalSorting, ...]:
    if len(sides) == 2 and sides[0].name == sides[1].name:
        return tuple(replace(side, name=f"{side.name} ({letter})") for side, letter in zip(sides, "AB", strict=True))
    return sides


def _require_one_rate(sides: list[ExternalSorting]) -> None:
    first = sides[0]
    for other in sides[1:]:
        if not math.isclose(first.sampling_hz, other.sampling_hz, rel_tol=RATE_TOLERANCE):
            raise InputError(
                f"{first.name} was sampled at {first.sampling_hz:g} Hz, {other.name} at {other.sampling_hz:g} Hz. "
                f"{ONE_RECORDING}"
            )
        require_same_channels(first, other)


def _read(source: object, sampling_hz: float | None) -> ExternalSorting:
    """A sorting, or the units that a curator made of one."""
    if isinstance(source, str | Path) and is_journal(source):
        return read_curated(source)
    return read_any_sorting(source, sampling_hz)


def _compare_sources(
    sources: tuple[object, object], truth: object, options: CompareOptions, progress: Progress
) -> Comparison:
    progress("read", 0, 1)
    sides = tuple(_read(source, options.sampling_hz) for source in sources if source is not None)
    true = None if truth is None else read_any_sorting(truth, options.sampling_hz or sides[0].sampling_hz)
    progress("read", 1, 1)
    sides = _distinct_names(sides)
    _require_one_rate([*sides, *([true] if true else [])])
    return _compare(sides, true, options, progress)


def _compare(
    sides: tuple[ExternalSorting, ...], truth: ExternalSorting | None, options: CompareOptions, progress: Progress
) -> Comparison:
    windows = MatchWindows(sides[0].sampling_hz, options.match_ms, options.score_ms)
    notes = [note for side in (*sides, *([truth] if truth else [])) for note in side.notes]
    each_other = intermediates = None
    if len(sides) == 2:
        progress("compare", 0, 1)
        each_other = compare_pair(sides[0], sides[1], windows)
        intermediates = compare_intermediates(sides[0], sides[1], each_other.contacts)
        notes += [f"Cannot be compared: {sentence}" for sentence in intermediates.missing]
        progress("compare", 1, 1)
    scored: tuple[TruthComparison, ...] = ()
    if truth is not None:
        partial, partial_notes = _is_partial(truth, options)
        options = options.model_copy(update={"partial_truth": partial})
        properties, property_notes = true_unit_properties(sides, truth, windows, options, progress)
        scored = tuple(
            compare_with_truth(truth.trains, side.trains, side.name, properties, windows, partial) for side in sides
        )
        notes += [*partial_notes, *property_notes, *([] if partial else _mostly_false_notes(scored))]
    displacement_sources = (*([truth] if truth else []), *sides)
    orders = tuple(order for side in sides if (order := batch_order(side, displacement_sources)) is not None)
    return Comparison(
        sides, truth, scored, each_other, intermediates, orders, tuple(notes), bool(options.partial_truth)
    )


def _is_partial(truth: ExternalSorting, options: CompareOptions) -> tuple[bool, list[str]]:
    """Decide whether the truth covers only some of the neurons, and say why where that was not given."""
    if options.partial_truth is not None:
        return options.partial_truth, []
    if truth.lists_all_neurons is False:
        why = "lists only the units that were added to a recording with neurons of its own"
    elif truth.lists_all_neurons is None and len(truth.trains.units) == 1:
        why = "has a single unit, so it is taken for one that was injected or recorded apart"
    else:
        return False, []
    return True, [
        f"The truth {why}. Sorted units that fit none of it may be other neurons and are not counted as false. "
        "--no-partial-truth counts them."
    ]


def _mostly_false_notes(scored: tuple[TruthComparison, ...]) -> list[str]:
    return [
        f"{len(entry.score.false_positive)} of the {entry.score.n_sorted} units of {entry.name} fit no true unit. If "
        "the truth lists only some of the neurons, say so with --partial-truth."
        for entry in scored
        if len(entry.score.false_positive) > len(entry.rows)
    ]


def _write_facts(path: Path, result: Comparison, options: CompareOptions) -> None:
    """Write what was compared, how and with which result, for scripts. The file marks a complete comparison."""
    named = (*zip("AB", result.sides, strict=False), *([("truth", result.truth)] if result.truth else []))
    facts = {
        "versions": versions(),
        "compared": {
            letter: {"name": side.name, "kind": side.kind, "units": len(side.trains.units), "spikes": side.n_spikes}
            for letter, side in named
        },
        "options": options.model_dump(),
        "partial_truth": result.partial_truth,
        "summary": dict(summary(result)),
        "notes": result.notes,
    }
    path.write_text(to_json(facts), encoding="utf-8", newline="\n")
