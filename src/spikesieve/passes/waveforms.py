"""Extracts the mean waveform of every unit in uV."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.blocks import Block, golden_order
from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import I64, Motion, Probe, Templates
from spikesieve.passes.curation import CuratedUnits
from spikesieve.settings.units import UnitsParams
from spikesieve.stages import waveforms
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.spike_time import shifts_to_spike_time
from spikesieve.stages.waveforms import WaveformSums

# After `waveform_duration_s`, this share of the wanted spikes is enough.
ENOUGH = 0.2
# Spikes at smaller displacements show the waveform at rest. At least 100 spikes are used, whatever their displacement.
NEAR_REST_UM, FEW_AT_REST = 2.0, 100


@dataclass(frozen=True, eq=False)
class ExtractWaveforms(BlockTask[WaveformSums]):
    """Sum up the waveforms of spikes in a block.

    Attributes
    ----------
    sample, unit : ndarray of int64, shape (n,)
        Sample and unit of each spike, in order of time.
    contacts : ndarray of int64, shape (n_units, n_near)
        Contacts on which each unit is measured.
    window : (int, int)
        Number of samples before the time of a spike, and from it on.
    """

    sample: I64
    unit: I64
    contacts: I64
    window: tuple[int, int]

    @property
    def margin_samples(self) -> int:
        """The window."""
        return sum(self.window)

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> WaveformSums:
        """Return sums and counts of each unit."""
        block = core.block
        own = slice(*np.searchsorted(self.sample, (block.start, block.stop)))
        local = self.sample[own] - block.start + core.start
        return waveforms.add_waveforms(clean.uv, local, self.unit[own], self.contacts, self.window, clean.blanked)


def measure_templates(
    run: Run, source: Source, shapes: Shapes, final: CuratedUnits, followed: Motion | None, params: UnitsParams
) -> tuple[Templates, I64]:
    """Compute the mean waveform of every unit from a part of its spikes.

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
    templates : Templates
        Mean waveforms in uV.
    shifts : ndarray of int64, shape (n_units,)
        Samples by which the spikes of each unit come late, as `stages.spike_time` defines their time.
    """
    n_units = len(final.means)
    contacts = waveforms.near_contacts(final.means.peak_contacts, source.probe, params)
    limit = shapes.peak_index
    window = (shapes.peak_index + limit, shapes.n_samples - shapes.peak_index + limit)
    sums = np.zeros((n_units, sum(window), contacts.shape[1]))
    counts = np.zeros(sums.shape, np.int64)
    sample, unit = _in_order_of_time(final.trains.sample, _near_rest(final, source.probe, followed))
    blocks = blocks_to_measure(source, sample, unit, n_units, params)
    task = ExtractWaveforms(_only_uv(source), sample, unit, contacts, window)
    for part in run.map(task, blocks, "waveforms"):
        sums += part.sums
        counts += part.counts
    mean = sums / np.maximum(counts, 1)
    shifts = shifts_to_spike_time(mean, window[0], limit)
    start = window[0] - shapes.peak_index + shifts
    cut = np.empty((n_units, shapes.n_samples, contacts.shape[1]), np.float32)
    for k in range(n_units):
        cut[k] = mean[k, start[k] : start[k] + shapes.n_samples]
    return Templates(cut, contacts, shapes.peak_index), shifts


def _only_uv(source: Source) -> Source:
    """The recording without common reference and whitening.

    On few contacts the median takes away a part of large spikes (6 % on four tetrodes), so amplitudes are measured
    without it. Whitening with zeros takes no time.
    """
    fitted = source.preprocessing
    none = np.full_like(fitted.referenced, -1)
    return source.with_preprocessing(replace(fitted, referenced=none, whitening=np.zeros_like(fitted.whitening)))


def _near_rest(final: CuratedUnits, probe: Probe, followed: Motion | None) -> I64:
    """Unit of each spike near rest, -1 for others; the least displaced spikes if a unit has few near rest."""
    trains = final.trains
    if followed is None or not followed.um.any():
        return trains.unit
    peak = final.means.peak_contacts[np.maximum(trains.unit, 0)]
    seconds = trains.sample / trains.time.sampling_hz
    away = np.abs(followed.at(seconds, probe.positions_um[peak, 1], probe.shanks[peak]))
    rank = np.empty(len(away), np.int64)
    order = np.lexsort((away, trains.unit))
    rank[order] = np.arange(len(away)) - np.searchsorted(trains.unit[order], trains.unit[order])
    near = (away <= NEAR_REST_UM) | (rank < FEW_AT_REST)
    return np.where(near, trains.unit, -1)


def _in_order_of_time(sample: I64, unit: I64) -> tuple[I64, I64]:
    """Sample and unit of the spikes that belong to a unit, in order of time."""
    rows = np.flatnonzero(unit >= 0)
    rows = rows[np.argsort(sample[rows], kind="stable")]
    return sample[rows], unit[rows]


def blocks_to_measure(source: Source, sample: I64, unit: I64, n_units: int, params: UnitsParams) -> tuple[Block, ...]:
    """Choose blocks, spread over the recording, until they contain enough spikes of every unit.

    After `params.waveform_duration_s` a fifth of the wanted spikes is enough, so that units with few spikes do not need
    the whole recording.

    Parameters
    ----------
    source : Source
        Blocks of 1 s.
    sample, unit : ndarray of int64, shape (n,)
        Sample and unit of each spike, in order of time.
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
    starts = np.array([b.start for b in pieces])
    block = np.searchsorted(starts, sample, side="right") - 1
    counts = np.zeros((len(pieces), n_units), np.int64)
    np.add.at(counts, (np.maximum(block, 0), unit), 1)
    found, left = np.zeros(n_units, np.int64), params.waveform_duration_s * source.sampling_hz
    chosen = []
    for i in golden_order(len(pieces)):
        wanted = params.waveform_spikes if left > 0 else params.waveform_spikes * ENOUGH
        if counts[i, found < wanted].any():
            found += counts[i]
            chosen.append(int(i))
            left -= pieces[i].n_samples
    return tuple(pieces[i] for i in sorted(chosen))
