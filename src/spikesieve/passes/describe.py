"""From final trains to a Sorting: mean waveforms in uV, amplitudes, positions, the unit table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.blocks import Block, golden_order
from spikesieve.engine.run import Run
from spikesieve.engine.scratch import GrowingArray
from spikesieve.model import F32, I64, Bool, Motion, Probe, Sorting, Spikes, Templates
from spikesieve.passes.passes import SpikeTable, clean_block, stretches
from spikesieve.settings.sort import Settings
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import units
from spikesieve.stages.curate import Trains
from spikesieve.stages.features import spike_positions
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.units import Waveforms

# Spikes whose features are copied at a time: several copies of them, 400 bytes each.
CHUNK = 10_000
# Of the spikes wanted for a waveform, this share is enough where more would cost many blocks.
ENOUGH = 0.2
# Displacement up to which a spike shows the waveform at rest, and how many spikes are taken whatever theirs is.
NEAR_REST_UM, FEW_AT_REST = 2.0, 100


@dataclass(frozen=True, eq=False)
class Final:
    """What curation decided.

    trains           unit -1 = not kept
    means            mean PC scores of each unit
    source_contacts  (n_sources, n_feature_contacts) int64: where the features of each SpikeTable.source were taken
    threshold        smallest score of a spike that was looked for, in noise SD
    notes            sentences for the user
    motion           how the tissue moved
    followed         the displacement that templates followed: none of it where the traces were moved
    """

    trains: Trains
    means: LearnedTemplates
    source_contacts: I64
    threshold: float
    notes: tuple[str, ...]
    motion: Motion | None = None
    followed: Motion | None = None


def describe(
    run: Run,
    fitted: Preprocessing,
    shapes: Shapes,
    spikes: SpikeTable,
    final: Final,
    settings: Settings,
) -> Sorting:
    """Everything a user sees of the result."""
    params, recording = settings.units, run.recording
    templates, shifts = measure_templates(run, fitted, shapes, final, params)
    out, kept = _described_spikes(run, fitted, spikes, final, shifts, units.peak_to_peak_uv(templates))
    alike, _ = similarity(overlaps(final.means, fitted.probe.n_contacts, shapes.pcs), len(templates))
    trains, scores = _by_unit(out, final.means)
    context = units.Context(
        fitted.probe,
        fitted.noise_sd_uv,
        recording.sampling_hz,
        recording.segments,
        final.threshold,
        final.motion,
        params,
        settings.curate,
    )
    where = units.mean_positions(out.position_um, out.unit, templates, fitted.probe)
    acgs = np.array([units.autocorrelogram(t, recording.sampling_hz) for t in trains], np.int64)
    return Sorting(
        probe=fitted.probe,
        sampling_hz=recording.sampling_hz,
        segments=recording.segments,
        spikes=out,
        templates=templates,
        units=units.unit_table(trains, scores, templates, where, alike, context),
        whitening=fitted.whitening,
        pcs=shapes.pcs,
        feature_contacts=final.means.contacts,
        similarity=alike,
        kept=kept,
        noise_sd_uv=fitted.noise_sd_uv,
        acgs=acgs.reshape(-1, units.ACG_BINS),
        notes=(*final.notes, *spikes.notes),
        motion=final.motion,
    )


def _described_spikes(
    run: Run, fitted: Preprocessing, spikes: SpikeTable, final: Final, shifts: I64, ptp_uv: F32
) -> tuple[Spikes, Bool]:
    """The spikes of units, in order of time; which they are of those that were found, (n_found,) bool.

    shifts, ptp_uv  (n_units,) int64 samples by which its spikes move, and float32 peak-to-peak of its waveform
    """
    unit = final.trains.unit
    sample = final.trains.sample + np.where(unit >= 0, shifts[np.maximum(unit, 0)] if len(shifts) else 0, 0)
    kept = (unit >= 0) & _inside(sample, run.recording.segments)
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((unit[rows], sample[rows]))]
    features = _own_features(run, spikes, unit, rows, final)
    scale, positions = _amplitudes_and_positions(features, unit[rows], final.means, fitted)
    described = Spikes(
        sample=sample[rows],
        unit=unit[rows].astype(np.int32),
        detection_template=spikes.source[rows],
        amplitude=scale,
        amplitude_uv=scale * ptp_uv[unit[rows]],
        position_um=positions,
        features=features,
    )
    return described, kept


def _by_unit(spikes: Spikes, means: LearnedTemplates) -> tuple[list[I64], list[F32]]:
    """Of each unit the samples, ascending, and the scores, in noise SD."""
    order = np.argsort(spikes.unit, kind="stable")
    edges = np.searchsorted(spikes.unit[order], np.arange(1, len(means)))
    trains = np.split(spikes.sample[order], edges)
    scores = np.split((spikes.amplitude * means.norms[spikes.unit])[order], edges)
    return trains[: len(means)], scores[: len(means)]


def measure_templates(
    run: Run, fitted: Preprocessing, shapes: Shapes, final: Final, params: UnitsParams
) -> tuple[Templates, I64]:
    """Mean waveforms in uV from some blocks, and how far each unit's spike times must move to its trough."""
    n_units = len(final.means)
    contacts = units.near_contacts(final.means.peak_contacts, fitted.probe, params)
    limit = shapes.peak_index // 2
    window = (shapes.peak_index + limit, shapes.n_samples - shapes.peak_index + limit)
    sums, counts = np.zeros((n_units, sum(window), contacts.shape[1])), np.zeros(n_units, np.int64)
    trains = _in_order_of_time(_near_rest(final, fitted.probe))
    # The median over few contacts takes part of a large spike with it (6 % on four tetrodes): uV are those without it.
    # Nothing is whitened here: a matrix of zeros costs no time.
    unreferenced = replace(
        fitted, referenced=np.full_like(fitted.referenced, -1), whitening=np.zeros_like(fitted.whitening)
    )
    step = partial(_measure, fitted=unreferenced, trains=trains, contacts=contacts, window=window)
    for _, part in run.over(blocks_to_measure(run, trains, n_units, params), step, "waveforms"):
        sums += part.sums
        counts += part.counts
    run.buffers.clear()
    mean = sums / np.maximum(counts, 1)[:, None, None]
    shifts = units.trough_shifts(mean, window[0], limit)
    start = window[0] - shapes.peak_index + shifts
    cut = np.empty((n_units, shapes.n_samples, contacts.shape[1]), np.float32)
    for k in range(n_units):
        cut[k] = mean[k, start[k] : start[k] + shapes.n_samples]
    return Templates(cut, contacts, shapes.peak_index), shifts


def _near_rest(final: Final, probe: Probe) -> Trains:
    """The spikes that show their unit at rest: displaced by little, or the least displaced ones where those are few."""
    trains = final.trains
    if final.followed is None or not final.followed.um.any():
        return trains
    peak = final.means.peak_contacts[np.maximum(trains.unit, 0)]
    seconds = trains.sample / trains.sampling_hz
    away = np.abs(final.followed.at(seconds, probe.positions_um[peak, 1], probe.shanks[peak]))
    rank = np.empty(len(away), np.int64)
    order = np.lexsort((away, trains.unit))
    rank[order] = np.arange(len(away)) - np.searchsorted(trains.unit[order], trains.unit[order])
    near = (away <= NEAR_REST_UM) | (rank < FEW_AT_REST)
    return replace(trains, unit=np.where(near, trains.unit, -1))


def _in_order_of_time(trains: Trains) -> Trains:
    """Spikes that belong to a unit, by sample."""
    rows = np.flatnonzero(trains.unit >= 0)
    rows = rows[np.argsort(trains.sample[rows], kind="stable")]
    return replace(trains, sample=trains.sample[rows], unit=trains.unit[rows])


def blocks_to_measure(run: Run, trains: Trains, n_units: int, params: UnitsParams) -> tuple[Block, ...]:
    """Blocks, spread over the recording, until they hold about as many spikes of every unit as wanted.

    Where they are many it is enough that they hold some: rare units have few spikes in any number of blocks.
    """
    pieces = stretches(run)
    starts = np.array([b.start for b in pieces])
    block = np.searchsorted(starts, trains.sample, side="right") - 1
    counts = np.zeros((len(pieces), n_units), np.int64)
    np.add.at(counts, (np.maximum(block, 0), trains.unit), 1)
    order = golden_order(len(pieces))
    have, left = np.zeros(n_units, np.int64), params.waveform_duration_s * run.recording.sampling_hz
    chosen = []
    for i in order:
        wanted = params.waveform_spikes if left > 0 else params.waveform_spikes * ENOUGH
        if counts[i, have < wanted].any():
            have += counts[i]
            chosen.append(int(i))
            left -= pieces[i].n_samples
    return tuple(pieces[i] for i in sorted(chosen))


def _measure(
    run: Run, block: Block, *, fitted: Preprocessing, trains: Trains, contacts: I64, window: tuple[int, int]
) -> Waveforms:
    margin = sum(window)
    traces = clean_block(run, block, fitted, margin).uv
    mine = slice(*np.searchsorted(trains.sample, (block.start, block.stop)))
    local = trains.sample[mine] - block.start + margin
    return units.add_waveforms(traces, local, trains.unit[mine], contacts, window, len(contacts))


def _inside(sample: I64, segments: tuple[tuple[int, int], ...]) -> Bool:
    starts = np.array([a for a, _ in segments], np.int64)
    stops = np.array([b for _, b in segments], np.int64)
    segment = np.searchsorted(starts, sample, side="right") - 1
    return np.asarray((segment >= 0) & (sample < stops[np.maximum(segment, 0)]))


def _own_features(run: Run, spikes: SpikeTable, unit: I64, rows: I64, final: Final) -> F32:
    """Features of the kept spikes, in order, on the contacts of their unit; 0 where they were not measured."""
    n_near, n_pcs = spikes.features.shape[1:]
    with GrowingArray(run.scratch / "final.features", (n_near, n_pcs), np.float32) as out:
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            have = final.source_contacts[spikes.source[some]]
            want = final.means.contacts[unit[some]]
            block = np.asarray(spikes.features[some])
            moved = (have != want).any(axis=1)
            block[moved] = _rearranged(block[moved], have[moved], want[moved])
            out.append(block)
        return out.finish()


def _rearranged(features: F32, have: I64, want: I64) -> F32:
    same = (want[:, :, None] == have[:, None, :]) & (want >= 0)[:, :, None]
    return np.asarray(np.einsum("nwh,nhp->nwp", same.astype(np.float32), features), dtype=np.float32)


def _amplitudes_and_positions(
    features: F32, unit: I64, means: LearnedTemplates, fitted: Preprocessing
) -> tuple[F32, F32]:
    """How many times its unit's mean each spike is (least squares), and where it is."""
    n = len(unit)
    scale, positions = np.empty(n, np.float32), np.empty((n, 2), np.float32)
    energy = np.maximum((means.scores**2).sum(axis=(1, 2)), 1e-12)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        own = means.scores[unit[part]]
        block = np.asarray(features[part])
        scale[part] = (block * own).sum(axis=(1, 2)) / energy[unit[part]]
        positions[part] = spike_positions(block, own, means.contacts[unit[part]], fitted.probe)
    return scale, positions
