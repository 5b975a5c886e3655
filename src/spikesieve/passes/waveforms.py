"""Extracts the mean waveform of every unit in uV."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.blocks import Block, golden_order
from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F64, I64, Bool, Motion, Probe, Templates, WaveformStatistics
from spikesieve.passes.curation import CuratedUnits
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import waveforms
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.spike_time import shifts_to_spike_time
from spikesieve.stages.waveforms import Cut, PartOfSums, WaveformSums

# After `waveform_duration_s`, this share of the wanted spikes is enough.
ENOUGH = 0.2
# Spikes at smaller displacements show the waveform at rest. At least 100 spikes are used, whatever their displacement.
NEAR_REST_UM, FEW_AT_REST = 2.0, 100


@dataclass(frozen=True, eq=False)
class ExtractWaveforms(BlockTask[PartOfSums]):
    """Sum up the waveforms of spikes in a block.

    Attributes
    ----------
    sample, row : ndarray of int64, shape (n,)
        Sample of each spike, in order of time, and the row of the sums that it counts in.
    contacts : ndarray of int64, shape (n_rows, n_near)
        Contacts on which the spikes of each row are measured.
    window : (int, int)
        Number of samples before the time of a spike, and from it on.
    """

    sample: I64
    row: I64
    contacts: I64
    window: tuple[int, int]

    @property
    def margin_samples(self) -> int:
        """The window."""
        return sum(self.window)

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> PartOfSums:
        """Return sums and counts of the rows that have spikes in the block."""
        block = core.block
        own = slice(*np.searchsorted(self.sample, (block.start, block.stop)))
        local = self.sample[own] - block.start + core.start
        return waveforms.add_waveforms(clean.uv, local, self.row[own], self.contacts, self.window, clean.blanked)


@dataclass(frozen=True, eq=False)
class MeasuredUnits:
    """What is measured of the waveforms of the units.

    Attributes
    ----------
    templates : Templates
        Mean waveforms in uV.
    waveforms : WaveformStatistics
        Their SD, and the mean of each half of the recording.
    shifts : ndarray of int64, shape (n_units,)
        Samples by which the spikes of each unit come late, as `stages.spike_time` defines their time.
    """

    templates: Templates
    waveforms: WaveformStatistics
    shifts: I64


def measure_templates(
    run: Run, source: Source, shapes: Shapes, final: CuratedUnits, followed: Motion | None, params: UnitsParams
) -> MeasuredUnits:
    """Compute the mean waveform of every unit from a part of its spikes, its SD, and its mean in either half.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording.
    shapes : Shapes
        Length of a waveform.
    final : CuratedUnits
        The units.
    followed : Motion or None
        Displacement that the templates followed. Spikes near rest are used.
    params : UnitsParams
        Number of contacts, spikes and seconds.

    Returns
    -------
    MeasuredUnits
        Templates, their SD, those of either half, and shifts.
    """
    n_units = len(final.means)
    contacts = waveforms.near_contacts(final.means.peak_contacts, source.probe, params)
    limit = shapes.peak_index
    window = (shapes.peak_index + limit, shapes.n_samples - shapes.peak_index + limit)
    middle = source.recording.sorted_time.middle
    sample, row = _in_order_of_time(final.trains.sample, _rows_of_sums(final, source.probe, followed, middle))
    blocks = blocks_to_measure(source, sample, row, n_units, params)
    n_sets = 1 + bool((row >= n_units).any())
    sums = [WaveformSums.zeros(n_sets * n_units, sum(window), contacts.shape[1]) for _ in range(2)]
    task = ExtractWaveforms(_only_uv(source), sample, row, np.tile(contacts, (n_sets, 1)), window)
    for block, part in zip(blocks, run.map(task, blocks, "waveforms"), strict=True):
        sums[block.start >= middle].add(part)
    at_rest = sums[0].rows(slice(n_units)) + sums[1].rows(slice(n_units))
    shifts = shifts_to_spike_time(at_rest.mean, window[0], limit)
    cut = Cut(window[0] - shapes.peak_index + shifts, shapes.n_samples)
    halves = [half.rows(slice(n_units)) + half.rows(slice(n_units, None)) if n_sets > 1 else half for half in sums]
    statistics = WaveformStatistics(
        cut.of(at_rest.sd), np.stack([cut.of(half.mean) for half in halves]), np.stack([h.n_spikes for h in halves])
    )
    return MeasuredUnits(Templates(cut.of(at_rest.mean), contacts, shapes.peak_index), statistics, shifts)


def _only_uv(source: Source) -> Source:
    """The recording without common reference and whitening.

    On few contacts the median takes away a part of large spikes (6 % on four tetrodes), so amplitudes are measured
    without it. Whitening with zeros takes no time.
    """
    fitted = source.preprocessing
    none = np.full_like(fitted.referenced, -1)
    return source.with_preprocessing(replace(fitted, referenced=none, whitening=np.zeros_like(fitted.whitening)))


def _rows_of_sums(final: CuratedUnits, probe: Probe, followed: Motion | None, middle: int) -> I64:
    """Row of the sums for each spike: its unit; unit + n_units if only the template of its half needs it; -1 for none.

    Spikes near rest are used, or the least displaced ones of a unit, or of a half of it, that has few near rest.
    """
    trains, unit = final.trains, final.trains.unit
    if followed is None or not followed.um.any():
        return unit
    peak = final.means.peak_contacts[np.maximum(unit, 0)]
    seconds = trains.sample / trains.time.sampling_hz
    away = np.abs(followed.at(seconds, probe.positions_um[peak, 1], probe.shanks[peak]))
    near = (away <= NEAR_REST_UM) | (_rank(away, unit) < FEW_AT_REST)
    near_in_half = _rank(away, 2 * unit + (trains.sample >= middle)) < FEW_AT_REST // 2
    rows = np.where(near, unit, np.where(near_in_half, unit + len(final.means), -1))
    return np.where(unit >= 0, rows, -1)


def _rank(values: F64, group: I64) -> I64:
    """Rank of each value in its group, from 0 for the smallest one."""
    rank = np.empty(len(values), np.int64)
    order = np.lexsort((values, group))
    rank[order] = np.arange(len(values)) - np.searchsorted(group[order], group[order])
    return rank


def _in_order_of_time(sample: I64, row: I64) -> tuple[I64, I64]:
    """Sample and row of the spikes that have a row, in order of time."""
    rows = np.flatnonzero(row >= 0)
    rows = rows[np.argsort(sample[rows], kind="stable")]
    return sample[rows], row[rows]


def blocks_to_measure(source: Source, sample: I64, row: I64, n_units: int, params: UnitsParams) -> tuple[Block, ...]:
    """Choose blocks, spread over the recording, until they contain enough spikes of every unit.

    After `params.waveform_duration_s` a fifth of the wanted spikes is enough, so that units with few spikes do not need
    the whole recording. Blocks are added where half of the recording has less than a quarter of that fifth.

    Parameters
    ----------
    source : Source
        Blocks of 1 s.
    sample, row : ndarray of int64, shape (n,)
        Sample of each spike in order of time, and its unit; unit + n_units if it counts for its half only.
    n_units : int
        Number of units.
    params : UnitsParams
        Number of spikes per unit, and the duration in which all of them are wanted.

    Returns
    -------
    tuple of Block
        In order of time.
    """
    pieces = source.short_blocks
    counts = _counts(pieces, sample, row, n_units)
    at_rest, found, left = counts[0], np.zeros(n_units, np.int64), params.waveform_duration_s * source.sampling_hz
    chosen = np.zeros(len(pieces), np.bool_)
    for i in golden_order(len(pieces)):
        wanted = params.waveform_spikes if left > 0 else params.waveform_spikes * ENOUGH
        if at_rest[i, found < wanted].any():
            found += at_rest[i]
            chosen[i] = True
            left -= pieces[i].n_samples
    middle = np.searchsorted([piece.start for piece in pieces], source.recording.sorted_time.middle)
    for half in (slice(middle), slice(middle, None)):
        _choose_more(chosen[half], counts[:, half].sum(axis=0), params.waveform_spikes * ENOUGH / 4)
    return tuple(pieces[i] for i in np.flatnonzero(chosen))


def _counts(pieces: tuple[Block, ...], sample: I64, row: I64, n_units: int) -> I64:
    """Spikes of each unit in each block, at rest and others: (1 or 2, n_blocks, n_units)."""
    starts = np.array([b.start for b in pieces])
    block = np.maximum(np.searchsorted(starts, sample, side="right") - 1, 0)
    counts = np.zeros((1 + bool((row >= n_units).any()), len(pieces), n_units), np.int64)
    if n_units:
        np.add.at(counts, (row // n_units, block, row % n_units), 1)
    return counts


def _choose_more(chosen: Bool, counts: I64, wanted: float) -> None:
    """Choose more blocks, in place, until they hold the wanted spikes of each unit, as far as there are any."""
    found = counts[chosen].sum(axis=0)
    for i in golden_order(len(chosen)):
        if not chosen[i] and counts[i, found < wanted].any():
            found += counts[i]
            chosen[i] = True
