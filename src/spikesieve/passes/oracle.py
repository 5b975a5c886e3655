"""Matches the recording with the true templates: what a greedy matcher that knows them finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.engine.blocks import evenly_spaced
from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64
from spikesieve.passes.matching import MARGIN_WAVEFORMS
from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages.match import Matcher, make_matcher
from spikesieve.stages.oracle import match_weak, true_components, true_templates
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes, window
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.waveforms import add_waveforms

# Blocks, spread over the recording, that the true templates are averaged from.
MEASURED_BLOCKS = 40


@dataclass(frozen=True, eq=False)
class TrueSpikes:
    """The spikes of the truth.

    Attributes
    ----------
    sample, unit : ndarray of int64, shape (n_spikes,)
        In order of time; units count from 0.
    n_units : int
        True units, those without a spike included.
    """

    sample: I64
    unit: I64
    n_units: int


@dataclass(frozen=True, eq=False)
class TrueWaveformSums:
    """Sums of true waveforms in a block.

    Attributes
    ----------
    white, uv : ndarray of float64, shape (n_units, n_samples, n_contacts)
        Whitened, and in uV.
    n_spikes : ndarray of int64, shape (n_units,)
        Spikes that were added up.
    """

    white: F64
    uv: F64
    n_spikes: I64


@dataclass(frozen=True, eq=False)
class AddTrueWaveforms(BlockTask[TrueWaveformSums]):
    """Add up the waveforms at the true spike times of a block.

    Attributes
    ----------
    truth : TrueSpikes
        The spikes.
    window : (int, int)
        Samples before a spike's time, and from it on.
    """

    truth: TrueSpikes
    window: tuple[int, int]

    @property
    def margin_samples(self) -> int:
        """The window."""
        return sum(self.window)

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> TrueWaveformSums:
        """Return the sums of the block."""
        truth, block = self.truth, core.block
        first, last = np.searchsorted(truth.sample, [block.start, block.stop])
        at, unit = truth.sample[first:last] - block.start + core.start, truth.unit[first:last]
        contacts = np.tile(np.arange(len(clean.uv)), (truth.n_units, 1))
        white = add_waveforms(clean.white, at, unit, contacts, self.window, truth.n_units)
        uv = add_waveforms(clean.uv, at, unit, contacts, self.window, truth.n_units)
        n_spikes = np.bincount(unit, minlength=truth.n_units).astype(np.int64)
        return TrueWaveformSums(white.sums, uv.sums, n_spikes)


@dataclass(frozen=True, eq=False)
class TrueTemplates:
    """The units of the truth, as the preprocessed recording shows them.

    Attributes
    ----------
    templates : LearnedTemplates
        Mean whitened waveforms in the space of their own components, on the contacts nearest to each unit's largest.
    shapes : Shapes
        These components.
    d_prime : ndarray of float64, shape (n_units,)
        Norm of the whitened mean waveform in noise SD, the noise of the mean taken off; 0 for units without a spike.
    snr : ndarray of float64, shape (n_units,)
        Largest deflection of the high-passed, referenced mean waveform over the noise SD.
    similarity : ndarray of float32, shape (n_units, n_units)
        Largest correlation of the whitened mean waveforms over lags.
    depth_um : ndarray of float64, shape (n_units,)
        Depth of the contact on which each is largest.
    """

    templates: LearnedTemplates
    shapes: Shapes
    d_prime: F64
    snr: F64
    similarity: F32
    depth_um: F64


@versioned(1)
def measure_true_templates(run: Run, source: Source, truth: TrueSpikes, params: ShapesParams) -> TrueTemplates:
    """Average the whitened recording at the true spike times.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened.
    truth : TrueSpikes
        The true spikes.
    params : ShapesParams
        Number of components, and length of a waveform.

    Returns
    -------
    TrueTemplates
        One for each unit.
    """
    n_samples, peak_index = window(params, source.sampling_hz)
    task = AddTrueWaveforms(source, truth, (peak_index, n_samples - peak_index))
    shape = truth.n_units, n_samples, source.probe.n_contacts
    white, uv, counts = np.zeros(shape), np.zeros(shape), np.zeros(truth.n_units, np.int64)
    for part in run.map(task, evenly_spaced(source.blocks, MEASURED_BLOCKS), "true templates"):
        white += part.white
        uv += part.uv
        counts += part.n_spikes
    each = np.maximum(counts, 1)[:, None, None]
    mean_white, mean_uv = (white / each).astype(np.float32), (uv / each).astype(np.float32)
    shapes = true_components(mean_white, params.n_pcs, peak_index)
    templates = true_templates(mean_white, counts, source.probe, shapes)
    alike, _ = similarity(overlaps(templates, source.probe.n_contacts, shapes.pcs), len(templates))
    size = np.abs(mean_uv).max(axis=1) / source.preprocessing.noise_sd_uv
    return TrueTemplates(
        templates=templates,
        shapes=shapes,
        d_prime=templates.norms.astype(np.float64),
        snr=size.max(axis=1).astype(np.float64),
        similarity=alike,
        depth_um=source.probe.positions_um[templates.peak_contacts, 1],
    )


@dataclass(frozen=True, eq=False)
class OracleSpikes:
    """Spikes that the oracle finds, in order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    unit : ndarray of int64, shape (n,)
        Row of the truth's units.
    value : ndarray of float32, shape (n,)
        Projection on the unit's template, in noise SD.
    """

    sample: I64
    unit: I64
    value: F32


@dataclass(frozen=True, eq=False)
class MatchTruth(BlockTask[OracleSpikes]):
    """Match a block with the true templates.

    Attributes
    ----------
    matcher : Matcher
        The templates.
    max_peels : int
        Largest number of rounds.
    """

    matcher: Matcher
    max_peels: int

    @property
    def margin_samples(self) -> int:
        """Some waveforms."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> OracleSpikes:
        """Return the spikes of the block."""
        sample, unit, value = match_weak(clean.white, self.matcher, self.max_peels, backend)
        inside = (sample >= core.start) & (sample < core.stop)
        return OracleSpikes(sample[inside], unit[inside], value[inside])


@versioned(1)
def match_truth(run: Run, source: Source, units: TrueTemplates, max_peels: int) -> OracleSpikes:
    """Match the whole recording with the true templates.

    Each unit is accepted from half of its d' on, so weak ones come with false spikes: `stages.oracle.best_cuts` finds a
    threshold with the truth.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened.
    units : TrueTemplates
        The true templates.
    max_peels : int
        Largest number of rounds.

    Returns
    -------
    OracleSpikes
        Of all units.
    """
    templates = units.templates
    matcher = make_matcher(templates, templates.contacts[:, :1], source.probe.n_contacts, units.shapes)
    found, _ = run.collect(MatchTruth(source, matcher, max_peels), source.blocks, "oracle")
    return found
