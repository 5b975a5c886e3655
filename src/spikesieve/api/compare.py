"""Compare two sortings with each other and with the truth: what `spikesieve compare` does."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.api.sort import memory_plan, open_run, source_of
from spikesieve.comparison.agreement import MatchWindows
from spikesieve.comparison.batch_order import batch_order
from spikesieve.comparison.intermediates import compare_intermediates
from spikesieve.comparison.result import Comparison, compare_pair
from spikesieve.comparison.template_similarity import (
    ONE_RECORDING,
    CommonContacts,
    require_same_channels,
    template_similarity,
)
from spikesieve.comparison.truth_comparison import TruthComparison, compare_with_truth
from spikesieve.comparison.truth_rows import TrueUnitProperties
from spikesieve.comparison.truth_score import TruthScore, score_against_truth
from spikesieve.engine.codec import in_memory
from spikesieve.engine.executor import Progress, silent
from spikesieve.engine.store import Store
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.new_folder import new_folder
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.segments import select_times
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.methods.oracle import Oracle, oracle
from spikesieve.model import F64, Probe, Recording
from spikesieve.model.external import ExternalSorting, RawFileInfo, SpikeTrains
from spikesieve.passes.oracle import TrueSpikes
from spikesieve.report.comparison.write import write_comparison
from spikesieve.settings.compare import CompareOptions
from spikesieve.settings.sort import Settings
from spikesieve.stages.oracle import best_cuts

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
        New folder for the page, pictures and tables. None writes nothing.
    options : CompareOptions, optional
        Matching windows, recording and oracle. Its fields a, b, truth and out are ignored.
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
        If the folder exists or cannot be written.
    """
    options = options or CompareOptions()
    if b is None and truth is None:
        raise SettingsError(
            "There is nothing to compare the sorting with. Give a second sorting, or the truth with --truth."
        )
    progress("read", 0, 1)
    sides = tuple(read_any_sorting(source, options.sampling_hz) for source in (a, b) if source is not None)
    true = None if truth is None else read_any_sorting(truth, options.sampling_hz or sides[0].sampling_hz)
    progress("read", 1, 1)
    sides = _distinct_names(sides)
    _require_one_rate([*sides, *([true] if true else [])])
    result = _compare(sides, true, options, progress)
    if out is not None:
        with new_folder(Path(out)) as folder:
            write_comparison(folder, result, options.most_pairs, summary(result))
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
        rows.append((side.name, f"{len(side.trains.units)} units, {side.n_spikes} spikes ({side.kind})"))
    if result.each_other is not None:
        relations = result.each_other.relations
        rows.append(("matched units (agreement >= 0.5)", str(len(relations.pairs))))
    rows += [(f"{order.name}: order of the batches", order.sentence) for order in result.orders]
    for entry in result.against_truth:
        oracle_accuracy = entry.column("oracle_accuracy")
        rows += [
            (f"{entry.name}: well detected", f"{len(entry.score.well_detected)} of {len(entry.rows)} true units"),
            (f"{entry.name}: mean accuracy", f"{entry.score.mean_accuracy:.3f}"),
            (f"{entry.name}: false / redundant / overmerged", _error_counts(entry.score)),
            (
                f"{entry.name}: Kilosort score above 0.8",
                f"{entry.kilosort.n_correct}, after oracle merges {entry.kilosort.n_correct_merged}",
            ),
        ]
        if np.isfinite(oracle_accuracy).any():
            share = entry.score.mean_accuracy / max(float(np.nanmean(oracle_accuracy)), 1e-9)
            rows.append((f"{entry.name}: accuracy as share of the oracle's", f"{share:.1%}"))
    return tuple(rows)


def _error_counts(score: TruthScore) -> str:
    return f"{len(score.false_positive)} / {len(score.redundant)} / {len(score.overmerged)}"


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
        properties, property_notes = _true_unit_properties(sides, truth, windows, options, progress)
        notes += property_notes
        scored = tuple(compare_with_truth(truth.trains, side.trains, side.name, properties, windows) for side in sides)
    displacement_sources = (*([truth] if truth else []), *sides)
    orders = tuple(order for side in sides if (order := batch_order(side, displacement_sources)) is not None)
    return Comparison(sides, truth, scored, each_other, intermediates, orders, tuple(notes))


def _true_unit_properties(
    sides: tuple[ExternalSorting, ...],
    truth: ExternalSorting,
    windows: MatchWindows,
    options: CompareOptions,
    progress: Progress,
) -> tuple[TrueUnitProperties, list[str]]:
    """Collect what is known of the true units, and sentences about how and what is missing."""
    properties = _properties_without_recording(sides, truth, windows)
    if not options.oracle:
        return properties, ["The oracle is switched off, so d' and the oracle's accuracy are not known."]
    opened = _open_recording(sides, truth, options)
    if isinstance(opened, str):
        return properties, [opened]
    recording, probe = opened
    found, inside = _run_oracle(recording, probe, truth.trains, progress)
    return (
        replace(
            properties,
            depth_um=found.units.depth_um if truth.unit_depth_um is None else properties.depth_um,
            snr=found.units.snr if truth.unit_snr is None else properties.snr,
            d_prime=found.units.d_prime,
            similarity=found.units.similarity,
            oracle_accuracy=_oracle_accuracy(found, inside, windows),
        ),
        [f"The oracle and d' come from the first {recording.duration_s:g} s of the recording."],
    )


def _properties_without_recording(
    sides: tuple[ExternalSorting, ...], truth: ExternalSorting, windows: MatchWindows
) -> TrueUnitProperties:
    unknown = np.full(len(truth.trains.units), np.nan)
    n_samples = max(int(side.trains.sample[-1]) for side in (*sides, truth)) + 1
    similarity = None
    if truth.waveforms is not None:
        every = np.arange(truth.waveforms.values.shape[2])
        contacts = CommonContacts(every, every, None)
        similarity = template_similarity(truth.waveforms, truth.waveforms, contacts, windows.sampling_hz).similarity
    return TrueUnitProperties(
        rate_hz=truth.trains.n_spikes / (n_samples / windows.sampling_hz),
        depth_um=unknown if truth.unit_depth_um is None else truth.unit_depth_um,
        snr=unknown if truth.unit_snr is None else truth.unit_snr,
        d_prime=unknown,
        similarity=similarity,
        oracle_accuracy=unknown,
    )


def _open_recording(
    sides: tuple[ExternalSorting, ...], truth: ExternalSorting, options: CompareOptions
) -> tuple[Recording, Probe] | str:
    """Open the recording and its probe as the options or a sorting name them, or say why there is none."""
    raws = [side.raw for side in (*sides, truth) if side.raw is not None]
    raw = next((raw for raw in raws if raw.paths and all(Path(path).is_file() for path in raw.paths)), None)
    paths = (options.recording,) if options.recording else raw.paths if raw else ()
    if not paths:
        return (
            "No recording was given or found, so d' and the oracle's accuracy are not known. Give it with --recording."
        )
    described = raw or (raws[0] if raws else None)
    n_channels = options.channels or (described.n_channels if described else None)
    probe = _probe(sides, options)
    if n_channels is None or probe is None:
        return (
            "The channels or probe of the recording are not known, so there is no oracle. Give --channels and --probe."
        )
    described = described or RawFileInfo((), n_channels, "int16")
    gain_uv = options.gain_uv or next((each.gain_uv for each in raws if each.gain_uv), None)
    recording = read_recording(
        [Path(path) for path in paths],
        n_channels,
        sides[0].sampling_hz,
        described.dtype,
        gain_uv,
        described.header_bytes,
    )
    stop_s = min(options.oracle_s, recording.n_samples / recording.sampling_hz)
    return select_times(recording, (0.0, stop_s), ()), probe


def _probe(sides: tuple[ExternalSorting, ...], options: CompareOptions) -> Probe | None:
    if options.probe is not None:
        return read_probe(options.probe)
    for side in sides:
        if side.positions_um is not None and side.channels is not None:
            shanks = np.zeros(len(side.channels), np.int64) if side.shanks is None else side.shanks
            return Probe(side.positions_um, side.channels, shanks, f"contacts of {side.name}")
    return None


def _run_oracle(
    recording: Recording, probe: Probe, truth: SpikeTrains, progress: Progress
) -> tuple[Oracle, TrueSpikes]:
    is_inside = truth.sample < recording.segments[-1][1]
    inside = TrueSpikes(truth.sample[is_inside], truth.unit[is_inside], len(truth.units))
    settings, plan = Settings(), memory_plan(recording, probe)
    source = source_of(recording, probe, settings, plan)
    with TemporaryDirectory(prefix="spikesieve-") as folder:
        with open_run(plan.n_workers, Store.open(Path(folder), reuse=False), progress) as run:
            found: Oracle = in_memory(oracle(run, source, inside, settings))
        return found, inside


def _oracle_accuracy(oracle_result: Oracle, inside: TrueSpikes, windows: MatchWindows) -> F64:
    """Accuracy of each true unit with the oracle's spikes above its best threshold; NaN for units without spikes."""
    n_units, found = len(oracle_result.units.d_prime), oracle_result.found
    true_trains = [inside.sample[inside.unit == k] for k in range(n_units)]
    rows = [found.unit == k for k in range(n_units)]
    cuts = best_cuts(
        true_trains, [found.sample[row] for row in rows], [found.value[row] for row in rows], windows.match_samples
    )
    kept = found.value >= np.array(cuts, np.float64)[found.unit]
    accuracy = np.full(n_units, np.nan)
    if not len(inside.sample):
        return accuracy
    score = score_against_truth(
        SpikeTrains.from_spikes(inside.sample, inside.unit),
        SpikeTrains.from_spikes(found.sample[kept], found.unit[kept]),
        windows.sampling_hz,
        windows.match_ms,
    )
    for unit in score.units:
        accuracy[unit.unit] = unit.accuracy
    return accuracy
