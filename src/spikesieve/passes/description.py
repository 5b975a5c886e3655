"""Makes a Sorting from curated units: waveforms in uV, amplitudes, positions, the unit table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.model import F32, I32, I64, Bool, RowsOnDemand, Sorting, Spikes
from spikesieve.passes.curation import CuratedUnits
from spikesieve.passes.drift import FollowedMotion
from spikesieve.passes.waveforms import measure_templates
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import units
from spikesieve.stages.blanked_time import blanked_notes
from spikesieve.stages.echoes import name_echoes, partial_echoes
from spikesieve.stages.features import spike_positions
from spikesieve.stages.foreign_trains import foreign_notes
from spikesieve.stages.match import MatchedSpikes
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.waveforms import peak_to_peak_uv

# Spikes whose features are copied at a time. Each takes 400 bytes, several times.
SPIKES_AT_ONCE = 10_000


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


@dataclass(frozen=True, eq=False)
class FeaturesOfUnits(RowsOnDemand):
    """Features of the spikes of units on the contacts of their unit, put there when they are read.

    Attributes
    ----------
    features : ndarray of float32, shape (n_matched, n_near, n_pcs)
        Features of all matched spikes, on the contacts of their template.
    matched : ndarray of int64, shape (n,)
        Which matched spike each spike is.
    template : ndarray of int32, shape (n_matched,)
        Template of each matched spike.
    measured_on : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template.
    unit : ndarray of int32, shape (n,)
        Unit of each spike.
    wanted_on : ndarray of int64, shape (n_units, n_near)
        Contacts of each unit.
    """

    features: F32
    matched: I64
    template: I32
    measured_on: I64
    unit: I32
    wanted_on: I64

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, n_near, n_pcs)."""
        return (len(self.matched), *self.features.shape[1:])

    def rows(self, numbers: I64) -> F32:
        """Compute the features of spikes; 0 where they were not measured.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            Rows of the spikes.

        Returns
        -------
        ndarray of float32, shape (n, n_near, n_pcs)
            Features.
        """
        matched = self.matched[numbers]
        features = np.array(self.features[matched])
        measured, wanted = self.measured_on[self.template[matched]], self.wanted_on[self.unit[numbers]]
        moved = (measured != wanted).any(axis=1)
        features[moved] = _rearranged(features[moved], measured[moved], wanted[moved])
        return features


@versioned(5)
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
    templates, shifts = measure_templates(run, source, shapes, final, spikes.motion.followed, params.units)
    out, kept = _described_spikes(source, spikes, shifts, peak_to_peak_uv(templates))
    alike, _ = similarity(overlaps(final.means, fitted.probe.n_contacts, shapes.pcs), len(templates))
    trains, scores = _by_unit(out, final.means)
    context = _context(source, spikes, params)
    where = units.mean_positions(out.position_um, out.unit, templates, fitted.probe)
    acgs = np.array([units.autocorrelogram(t, recording.sampling_hz) for t in trains], np.int64)
    table = units.unit_table(trains, scores, templates, where, alike, context)
    echoes = partial_echoes(dict(enumerate(trains)), final.means, recording.sampling_hz)
    table, echo_notes = name_echoes(table, echoes)
    return Sorting(
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
    )


def _context(source: Source, spikes: SortedSpikes, params: DescriptionParams) -> units.UnitTableInputs:
    fitted = source.preprocessing
    return units.UnitTableInputs(
        fitted.probe,
        fitted.noise_sd_uv,
        source.sampling_hz,
        source.recording.segments,
        spikes.final.threshold,
        spikes.motion.found,
        params.units,
        params.curate,
        line_hz=() if fitted.lines is None else tuple(fitted.lines.hz.tolist()),
        blanked=spikes.matched.blanked,
    )


def _notes(source: Source, spikes: SortedSpikes) -> tuple[str, ...]:
    left_out = blanked_notes(spikes.matched.blanked, source.sampling_hz)
    return (*source.preprocessing.notes, *left_out, *spikes.final.notes, *spikes.matched.notes)


def _described_spikes(source: Source, spikes: SortedSpikes, shifts: I64, ptp_uv: F32) -> tuple[Spikes, Bool]:
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
    scale, positions = _amplitudes_and_positions(features, unit[rows], final.means, source.preprocessing)
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


def _by_unit(spikes: Spikes, means: LearnedTemplates) -> tuple[list[I64], list[F32]]:
    """Spike train of each unit in samples, and the scores of its spikes in noise SD."""
    order = np.argsort(spikes.unit, kind="stable")
    edges = np.searchsorted(spikes.unit[order], np.arange(1, len(means)))
    trains = np.split(spikes.sample[order], edges)
    scores = np.split((spikes.amplitude * means.norms[spikes.unit])[order], edges)
    return trains[: len(means)], scores[: len(means)]


def _inside(sample: I64, segments: tuple[tuple[int, int], ...]) -> Bool:
    starts = np.array([a for a, _ in segments], np.int64)
    stops = np.array([b for _, b in segments], np.int64)
    segment = np.searchsorted(starts, sample, side="right") - 1
    return np.asarray((segment >= 0) & (sample < stops[np.maximum(segment, 0)]))


def _rearranged(features: F32, measured: I64, wanted: I64) -> F32:
    """Move features from the contacts where they were measured to the wanted ones."""
    same = (wanted[:, :, None] == measured[:, None, :]) & (wanted >= 0)[:, :, None]
    return np.asarray(np.einsum("nwh,nhp->nwp", same.astype(np.float32), features), dtype=np.float32)


def _amplitudes_and_positions(
    features: FeaturesOfUnits, unit: I64, means: LearnedTemplates, fitted: Preprocessing
) -> tuple[F32, F32]:
    """Amplitude of each spike relative to its unit's mean (least squares fit), and its position."""
    n = len(unit)
    scale, positions = np.empty(n, np.float32), np.empty((n, 2), np.float32)
    energy = np.maximum((means.scores**2).sum(axis=(1, 2)), 1e-12)
    for start in range(0, n, SPIKES_AT_ONCE):
        part = slice(start, start + SPIKES_AT_ONCE)
        own = means.scores[unit[part]]
        block = np.asarray(features[part])
        scale[part] = (block * own).sum(axis=(1, 2)) / energy[unit[part]]
        positions[part] = spike_positions(block, own, means.contacts[unit[part]], fitted.probe)
    return scale, positions
