"""Compare two sortings, and each with the truth: what `spikesieve compare` does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.api.sort import memory_plan, open_run
from spikesieve.comparison.batch_order import batch_order
from spikesieve.comparison.likeness import Contacts, likeness
from spikesieve.comparison.result import Comparison, against_each_other, find_parting
from spikesieve.comparison.truth_score import score_against_truth
from spikesieve.comparison.truth_table import AgainstTruth, TrueUnitFacts, Windows, against_truth
from spikesieve.engine.executor import Progress, silent
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.new_folder import new_folder
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.segments import select_times
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.methods.oracle import Oracle, oracle
from spikesieve.model import F64, I64, Probe, Recording
from spikesieve.report.comparison.write import write_comparison
from spikesieve.settings.compare import CompareOptions
from spikesieve.settings.sort import Settings
from spikesieve.sorted_by_others import ExternalSorting, RawFileInfo, SpikeTrains
from spikesieve.stages.oracle import best_cuts

SAME_RATE = 1e-4
"""Rates of one probe differ by its calibration; a larger difference is another recording."""


def compare(
    a: object,
    b: object = None,
    truth: object = None,
    *,
    out: Path | str | None = None,
    options: CompareOptions | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Two sortings side by side, and each against the truth.

    a, b, truth  a path, a `Sorting` or a SpikeInterface sorting (docs/compare.md lists the formats); b or the truth can
                 be left out
    out          new folder for page, pictures and tables; None: nothing is written
    options      windows, recording and oracle; its own a, b, truth and out are not looked at

    Raises InputError when an input is no sorting, is empty, or does not fit the others, SettingsError when there is
    nothing to compare with, OutputError when the folder exists or cannot be written.
    """
    options = options or CompareOptions()
    if b is None and truth is None:
        raise SettingsError(
            "There is nothing to compare the sorting with. Give a second one, or the truth with --truth."
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
    """The same with everything named in the options, as the command line has it.

    Raises SettingsError when a or out is missing, and what `compare` raises.
    """
    for name in ("a", "out"):
        if getattr(options, name) is None:
            raise SettingsError(f"compare needs {name}: give it as argument, in the file or in the environment.")
    return compare(options.a, options.b, options.truth, out=options.out, options=options, progress=progress)


def summary(result: Comparison) -> tuple[tuple[str, str], ...]:
    """What a person wants to know first, as (what, value), ready for printing."""
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
            (f"{entry.name}: false / redundant / overmerged", " / ".join(map(str, _bad(entry.score)))),
            (
                f"{entry.name}: Kilosort score above 0.8",
                f"{entry.kilosort.n_correct}, after oracle merges {entry.kilosort.n_correct_merged}",
            ),
        ]
        if np.isfinite(oracle_accuracy).any():
            share = entry.score.mean_accuracy / max(float(np.nanmean(oracle_accuracy)), 1e-9)
            rows.append((f"{entry.name}: accuracy as share of the oracle's", f"{share:.1%}"))
    return tuple(rows)


def _bad(score: object) -> tuple[int, ...]:
    return tuple(len(getattr(score, name)) for name in ("false_positive", "redundant", "overmerged"))


def _distinct_names(sides: tuple[ExternalSorting, ...]) -> tuple[ExternalSorting, ...]:
    if len(sides) == 2 and sides[0].name == sides[1].name:
        return tuple(replace(side, name=f"{side.name} ({letter})") for side, letter in zip(sides, "AB", strict=True))
    return sides


def _require_one_rate(sides: list[ExternalSorting]) -> None:
    first = sides[0]
    for other in sides[1:]:
        if not math.isclose(first.sampling_hz, other.sampling_hz, rel_tol=SAME_RATE):
            raise InputError(
                f"{first.name} was sampled at {first.sampling_hz:g} Hz, {other.name} at {other.sampling_hz:g} Hz. "
                "Only sortings of one recording can be compared: give two of the same."
            )
        if first.raw and other.raw and first.raw.n_channels != other.raw.n_channels:
            raise InputError(
                f"{first.name} was sorted from {first.raw.n_channels} channels, {other.name} from "
                f"{other.raw.n_channels}. Only sortings of one recording can be compared: give two of the same."
            )


def _compare(
    sides: tuple[ExternalSorting, ...], truth: ExternalSorting | None, options: CompareOptions, progress: Progress
) -> Comparison:
    windows = Windows(sides[0].sampling_hz, options.match_ms, options.score_ms)
    notes = [note for side in (*sides, *([truth] if truth else [])) for note in side.notes]
    each_other = parting = None
    if len(sides) == 2:
        progress("compare", 0, 1)
        each_other = against_each_other(sides[0], sides[1], windows)
        parting = find_parting(sides[0], sides[1], each_other.contacts)
        notes += [f"Cannot be compared: {sentence}" for sentence in parting.missing]
        progress("compare", 1, 1)
    scored: tuple[AgainstTruth, ...] = ()
    if truth is not None:
        facts, said = _facts(sides, truth, windows, options, progress)
        notes += said
        scored = tuple(against_truth(truth.trains, side.trains, side.name, facts, windows) for side in sides)
    told_by = (*([truth] if truth else []), *sides)
    orders = tuple(order for side in sides if (order := batch_order(side, told_by)) is not None)
    return Comparison(sides, truth, scored, each_other, parting, orders, tuple(notes))


def _facts(
    sides: tuple[ExternalSorting, ...],
    truth: ExternalSorting,
    windows: Windows,
    options: CompareOptions,
    progress: Progress,
) -> tuple[TrueUnitFacts, list[str]]:
    """What is known of the true units, and what is not."""
    n = len(truth.trains.units)
    unknown = np.full(n, np.nan)
    last = max(int(side.trains.sample[-1]) for side in (*sides, truth)) + 1
    similarity = None
    if truth.waveforms is not None:
        every = np.arange(truth.waveforms.values.shape[2])
        similarity = likeness(
            truth.waveforms, truth.waveforms, Contacts(every, every, None), windows.sampling_hz
        ).similarity
    facts = TrueUnitFacts(
        rate_hz=truth.trains.n_spikes / (last / windows.sampling_hz),
        depth_um=unknown if truth.unit_depth_um is None else truth.unit_depth_um,
        snr=unknown if truth.unit_snr is None else truth.unit_snr,
        d_prime=unknown,
        similarity=similarity,
        oracle_accuracy=unknown,
    )
    if not options.oracle:
        return facts, ["The oracle was not asked for: d' and what is possible are not known."]
    opened = _open_recording(sides, truth, options)
    if isinstance(opened, str):
        return facts, [opened]
    recording, probe = opened
    found, inside = _run_oracle(recording, probe, truth.trains, progress)
    seconds = recording.duration_s
    notes = [f"The oracle and d' come from the first {seconds:g} s of the recording."]
    return (
        replace(
            facts,
            depth_um=found.units.depth_um if truth.unit_depth_um is None else facts.depth_um,
            snr=found.units.snr if truth.unit_snr is None else facts.snr,
            d_prime=found.units.d_prime,
            similarity=found.units.similarity,
            oracle_accuracy=_oracle_accuracy(found, inside, windows),
        ),
        notes,
    )


def _open_recording(
    sides: tuple[ExternalSorting, ...], truth: ExternalSorting, options: CompareOptions
) -> tuple[Recording, Probe] | str:
    """The recording and its probe, from the options or from what a side says of them, or why there is none."""
    raws = [side.raw for side in (*sides, truth) if side.raw is not None]
    raw = next((raw for raw in raws if raw.paths and all(Path(path).is_file() for path in raw.paths)), None)
    paths = (options.recording,) if options.recording else raw.paths if raw else ()
    if not paths:
        return "No recording was given or found, so d' and the oracle are not known. Give it with --recording."
    described = raw or (raws[0] if raws else None)
    n_channels = options.channels or (described.n_channels if described else None)
    probe = _probe(sides, options)
    if n_channels is None or probe is None:
        return "The recording's channels or probe are not known, so there is no oracle. Give --channels and --probe."
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


@dataclass(frozen=True, eq=False)
class _Inside:
    """The spikes of the truth that the oracle could see; `unit` is the row in truth.units."""

    sample: I64
    unit: I64


def _run_oracle(recording: Recording, probe: Probe, truth: SpikeTrains, progress: Progress) -> tuple[Oracle, _Inside]:
    seen = truth.sample < recording.segments[-1][1]
    inside = _Inside(truth.sample[seen], truth.unit[seen])
    with (
        TemporaryDirectory(prefix="spikesieve-") as scratch,
        open_run(recording, probe, Path(scratch), memory_plan(recording, probe), progress) as run,
    ):
        return oracle(run, probe, inside.sample, inside.unit, Settings(), len(truth.units)), inside


def _oracle_accuracy(found: Oracle, inside: _Inside, windows: Windows) -> F64:
    """Accuracy of each true unit with the oracle's spikes, cut where it is best; NaN for units without spikes there."""
    n = len(found.units.d_prime)
    of_truth = [inside.sample[inside.unit == k] for k in range(n)]
    mine = [found.unit == k for k in range(n)]
    cuts = best_cuts(of_truth, [found.sample[m] for m in mine], [found.value[m] for m in mine], windows.match_samples)
    kept = found.value >= np.array(cuts, np.float64)[found.unit]
    accuracy = np.full(n, np.nan)
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
