"""What is known of the true units of a comparison: their size, d' and neighbours, and what an oracle finds of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.api.sort import memory_plan, open_run, source_of
from spikesieve.comparison.agreement import MatchWindows
from spikesieve.comparison.template_similarity import CommonContacts, template_similarity
from spikesieve.comparison.truth_rows import TrueUnitProperties
from spikesieve.comparison.truth_score import score_against_truth
from spikesieve.engine.codec import in_memory
from spikesieve.engine.executor import Progress
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.segments import select_times
from spikesieve.methods.oracle import Oracle, oracle
from spikesieve.model import F64, Probe, Recording
from spikesieve.model.external import ExternalSorting, RawFileInfo, SpikeTrains
from spikesieve.passes.oracle import OracleSpikes, TrueSpikes
from spikesieve.settings.compare import CompareOptions
from spikesieve.settings.sort import Settings
from spikesieve.stages.oracle import best_cuts


def true_unit_properties(
    sides: tuple[ExternalSorting, ...],
    truth: ExternalSorting,
    windows: MatchWindows,
    options: CompareOptions,
    progress: Progress,
) -> tuple[TrueUnitProperties, list[str]]:
    """Collect what is known of the true units, and sentences about how and what is missing.

    Parameters
    ----------
    sides : tuple of ExternalSorting
        The sortings.
    truth : ExternalSorting
        The truth.
    windows : MatchWindows
        Sampling rate and matching windows.
    options : CompareOptions
        Recording and oracle; `partial_truth` must be decided.
    progress : Progress
        Called with a step, the part that is done and the total.

    Returns
    -------
    properties : TrueUnitProperties
        One entry for each true unit.
    notes : list of str
        Sentences for the user.
    """
    properties = _properties_without_recording(sides, truth, windows)
    if not options.oracle:
        return properties, ["The oracle is switched off, so d' and the oracle's accuracy are not known."]
    opened = _open_recording(sides, truth, options)
    if isinstance(opened, str):
        return properties, [opened]
    recording, probe = opened
    found, inside = _run_oracle(recording, probe, truth.trains, not options.partial_truth, progress)
    if found.found is None:
        what = "d' comes", " An oracle would have to know all neurons, so there is no ceiling for this truth."
    else:
        what = "The oracle and d' come", ""
    return (
        replace(
            properties,
            depth_um=found.units.depth_um if truth.unit_depth_um is None else properties.depth_um,
            snr=found.units.snr if truth.unit_snr is None else properties.snr,
            d_prime=found.units.d_prime,
            similarity=found.units.similarity,
            oracle_accuracy=_oracle_accuracy(found.found, inside, windows),
        ),
        [f"{what[0]} from the first {recording.duration_s:.4g} s of the recording.{what[1]}"],
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
    recording: Recording, probe: Probe, truth: SpikeTrains, match: bool, progress: Progress
) -> tuple[Oracle, TrueSpikes]:
    is_inside = truth.sample < recording.segments[-1][1]
    inside = TrueSpikes(truth.sample[is_inside], truth.unit[is_inside], len(truth.units))
    settings, plan = Settings(), memory_plan(recording, probe)
    source = source_of(recording, probe, settings, plan)
    with TemporaryDirectory(prefix="spikesieve-") as folder:
        with open_run(plan.n_workers, Store.open(Path(folder), reuse=False), progress) as run:
            found: Oracle = in_memory(oracle(run, source, inside, settings, match))
        return found, inside


def _oracle_accuracy(found: OracleSpikes | None, inside: TrueSpikes, windows: MatchWindows) -> F64:
    """Accuracy of each true unit with the oracle's spikes above its best threshold; NaN where it is not known."""
    n_units = inside.n_units
    accuracy = np.full(n_units, np.nan)
    if found is None or not len(inside.sample):
        return accuracy
    true_trains = [inside.sample[inside.unit == k] for k in range(n_units)]
    rows = [found.unit == k for k in range(n_units)]
    cuts = best_cuts(
        true_trains, [found.sample[row] for row in rows], [found.value[row] for row in rows], windows.match_samples
    )
    kept = found.value >= np.array(cuts, np.float64)[found.unit]
    score = score_against_truth(
        SpikeTrains.from_spikes(inside.sample, inside.unit),
        SpikeTrains.from_spikes(found.sample[kept], found.unit[kept]),
        windows.sampling_hz,
        windows.match_ms,
    )
    for unit in score.units:
        accuracy[unit.unit] = unit.accuracy
    return accuracy
