"""Makes a Sorting from curated units: waveforms in uV, amplitudes, positions, the unit table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import F32, I64, Bool, Probe, Sorting, Spikes
from spikesieve.passes.curation import CuratedUnits
from spikesieve.passes.drift import FollowedMotion
from spikesieve.passes.waveforms import measure_templates
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import units
from spikesieve.stages.blanked_time import blanked_notes
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.echoes import name_echoes, partial_echoes
from spikesieve.stages.features import FeaturesOfUnits, amplitudes_and_positions
from spikesieve.stages.foreign_trains import foreign_notes
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.missed_spikes import found_scores
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.share import Share
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.unit_metrics import unit_metrics
from spikesieve.stages.waveforms import peak_to_peak_uv

# Spikes whose features are copied at a time. Each takes 400 bytes, several times.
SPIKES_AT_ONCE = 10_000
# Spikes whose mean is the template of a half.
SPIKES_OF_HALF = 2_000


@dataclass(frozen=True)
class DescriptionParams:
    """Settings of the description of units.

    Attributes
    ----------
    units : UnitsParams
        Settings of waveforms and the unit table.
    curate : CurateParams
        Criteria of the labels.
    """

    units: UnitsParams
    curate: CurateParams


@dataclass(frozen=True, eq=False)
class SortedSpikes:
    """Matched spikes and their units.

    Attributes
    ----------
    shapes : Shapes
        Temporal components.
    matched : MatchedSpikes
        All matched spikes.
    final : CuratedUnits
        Unit of each spike.
    motion : FollowedMotion
        Displacement of the tissue.
    """

    shapes: Shapes
    matched: MatchedSpikes
    final: CuratedUnits
    motion: FollowedMotion


@versioned(14)
def describe(run: Run, source: Source, spikes: SortedSpikes, params: DescriptionParams) -> Sorting:
    """Compute the result of a sort from its units.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording.
    spikes : SortedSpikes
        The spikes and their units.
    params : DescriptionParams
        The settings.

    Returns
    -------
    Sorting
        The result; `spikes.features` is computed when it is read.
    """
    fitted, recording, final, shapes = source.preprocessing, source.recording, spikes.final, spikes.shapes
    measured = measure_templates(run, source, shapes, final, spikes.motion.followed, params.units)
    templates = measured.templates
    out, kept = _described_spikes(source, spikes, measured.shifts, peak_to_peak_uv(templates), run.here.map)
    alike, _ = similarity(overlaps(final.means, fitted.probe.n_contacts, shapes.pcs), len(templates))
    trains = [out.sample[rows] for rows in rows_of_units(out.unit, len(final.means))]
    matched, unit = spikes.matched, np.where(kept, final.trains.unit, -1)
    scores = found_scores(matched.score, matched.score - matched.excess, matched.norm, unit, len(trains))
    context = _context(source, spikes, params)
    where = units.mean_positions(out.position_um, out.unit, templates, fitted.probe)
    acgs = np.array([units.autocorrelogram(t, context.time) for t in trains], np.int64)
    row_of = units.RowOfUnit(trains, scores, templates, where, alike, context)
    table = tuple(run.here.map(row_of, range(len(trains))))
    echoes = partial_echoes(dict(enumerate(trains)), final.means, context.time, share=run.here.map)
    table, echo_notes = name_echoes(table, echoes)
    sorting = Sorting(
        probe=fitted.probe,
        sampling_hz=recording.sampling_hz,
        segments=recording.segments,
        spikes=out,
        templates=templates,
        units=table,
        whitening=fitted.whitening,
        pcs=shapes.pcs,
        feature_contacts=final.means.contacts,
        similarity=alike,
        kept=kept,
        noise_sd_uv=fitted.noise_sd_uv,
        acgs=acgs.reshape(-1, units.ACG_BINS),
        notes=(*_notes(source, spikes), *foreign_notes(table), *echo_notes),
        motion=spikes.motion.found,
        blanked=spikes.matched.blanked,
        threshold_sd=final.threshold,
        waveforms=measured.waveforms,
    )
    return replace(sorting, metrics=unit_metrics(sorting, run.here.map))


def _context(source: Source, spikes: SortedSpikes, params: DescriptionParams) -> units.UnitTableInputs:
    fitted = source.preprocessing
    return units.UnitTableInputs(
        fitted.probe,
        fitted.noise_sd_uv,
        replace(source.recording.sorted_time, blanked=spikes.matched.blanked),
        spikes.motion.found,
        params.units,
        params.curate,
        line_hz=() if fitted.lines is None else tuple(fitted.lines.hz.tolist()),
    )


def _notes(source: Source, spikes: SortedSpikes) -> tuple[str, ...]:
    left_out = blanked_notes(spikes.matched.blanked, source.sampling_hz)
    return (*source.preprocessing.notes, *left_out, *spikes.final.notes, *spikes.matched.notes)


def _described_spikes(
    source: Source, spikes: SortedSpikes, shifts: I64, ptp_uv: F32, share: Share
) -> tuple[Spikes, Bool]:
    """Spikes of units in order of time, and which matched spikes they are: (n_matched,) bool.

    Spikes of unit k move by shifts[k] samples; ptp_uv[k] is the peak-to-peak amplitude of its waveform.
    """
    final = spikes.final
    unit = final.trains.unit
    sample = final.trains.sample + np.where(unit >= 0, shifts[np.maximum(unit, 0)] if len(shifts) else 0, 0)
    kept = (unit >= 0) & _inside(sample, source.recording.segments)
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((unit[rows], sample[rows]))]
    unit_of_row = unit[rows].astype(np.int32)
    features = FeaturesOfUnits(
        spikes.matched.features, rows, spikes.matched.template, final.source_contacts, unit_of_row, final.means.contacts
    )
    if final.trains.turned is not None and final.trains.turned.any():
        features = _as_one_unit(features, final.trains.turned[rows], spikes.matched, final.means)
    scale, positions = _amplitudes_and_positions(features, unit[rows], final.means, source, share)
    described = Spikes(
        sample=sample[rows],
        unit=unit_of_row,
        detection_template=spikes.matched.template[rows],
        amplitude=scale,
        amplitude_uv=scale * ptp_uv[unit[rows]],
        position_um=positions,
        features=features,
    )
    return described, kept


def _as_one_unit(
    features: FeaturesOfUnits, turned: Bool, found: MatchedSpikes, means: LearnedTemplates
) -> FeaturesOfUnits:
    """Show the spikes of joined halves as those of their unit: what a half's template differs by from it is taken away.

    Halves were learned at other displacements, so that their places at rest differ by what the prediction is wrong.
    """
    template, change_of = found.template[features.matched], np.full(len(turned), -1)
    changes = []
    for k in np.unique(template[turned]):
        for unit in np.unique(features.unit[turned & (template == k)]):
            rows = np.flatnonzero(turned & (template == k) & (features.unit == unit))
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), SPIKES_OF_HALF)).astype(np.int64)]
            mean = features[some].mean(axis=0) / max(float(found.amplitude[features.matched[some]].mean()), 1e-6)
            changes.append(np.where(means.contacts[unit][:, None] >= 0, means.scores[unit] - mean, 0))
            change_of[rows] = len(changes) - 1
    return replace(features, change=np.array(changes, np.float32), change_of=change_of, amplitude=found.amplitude)


def _inside(sample: I64, segments: tuple[tuple[int, int], ...]) -> Bool:
    starts = np.array([a for a, _ in segments], np.int64)
    stops = np.array([b for _, b in segments], np.int64)
    segment = np.searchsorted(starts, sample, side="right") - 1
    return np.asarray((segment >= 0) & (sample < stops[np.maximum(segment, 0)]))


def _amplitudes_and_positions(
    features: FeaturesOfUnits, unit: I64, means: LearnedTemplates, source: Source, share: Share
) -> tuple[F32, F32]:
    n, probe = len(unit), source.preprocessing.probe
    scale, positions = np.empty(n, np.float32), np.empty((n, 2), np.float32)
    parts = [slice(start, start + SPIKES_AT_ONCE) for start in range(0, n, SPIKES_AT_ONCE)]
    measured = share(partial(_of_part, features=features, unit=unit, means=means, probe=probe), parts)
    for part, found in zip(parts, measured, strict=True):
        scale[part], positions[part] = found
    return scale, positions


def _of_part(
    part: slice, features: FeaturesOfUnits, unit: I64, means: LearnedTemplates, probe: Probe
) -> tuple[F32, F32]:
    own, near = means.scores[unit[part]], means.contacts[unit[part]]
    return amplitudes_and_positions(np.asarray(features[part]), own, near, probe)
