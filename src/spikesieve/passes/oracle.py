"""The oracle: matches a simulated recording with its true templates."""

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
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity
from spikesieve.stages.waveform_window import default_window
from spikesieve.stages.waveforms import WaveformSums, add_waveforms

# Blocks, spread over the recording, from which the true templates are averaged.
MEASURED_BLOCKS = 40


@dataclass(frozen=True, eq=False)
class TrueSpikes:
    """The true spikes.

    Attributes
    ----------
    sample, unit : ndarray of int64, shape (n_spikes,)
        Sample and unit of each spike, in order of time. Units count from 0.
    n_units : int
        Number of true units, including those without spikes.
    """

    sample: I64
    unit: I64
    n_units: int


@dataclass(frozen=True, eq=False)
class TrueWaveformSums:
    """Sums of the waveforms of true spikes.

    Attributes
    ----------
    white, uv : ndarray of float64, shape (n_units, n_samples, n_contacts)
        Sums of the whitened waveforms, and of those in uV.
    n_spikes : ndarray of int64, shape (n_units,)
        Number of spikes in each sum.
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
        Number of samples before the time of a spike, and from it on.
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
        white, uv = (WaveformSums.zeros(truth.n_units, sum(self.window), len(clean.uv)) for _ in range(2))
        white.add(add_waveforms(clean.white, at, unit, contacts, self.window))
        uv.add(add_waveforms(clean.uv, at, unit, contacts, self.window))
        n_spikes = np.bincount(unit, minlength=truth.n_units).astype(np.int64)
        return TrueWaveformSums(white.sums, uv.sums, n_spikes)


@dataclass(frozen=True, eq=False)
class TrueTemplates:
    """Templates of the true units, averaged from the preprocessed recording.

    Attributes
    ----------
    templates : LearnedTemplates
        PC scores of the mean whitened waveforms, on the contacts nearest to the largest one.
    shapes : Shapes
        The temporal components.
    d_prime : ndarray of float64, shape (n_units,)
        Norm of the whitened mean waveform in noise SD, corrected for the noise of the mean; 0 for units without spikes.
    snr : ndarray of float64, shape (n_units,)
        Peak amplitude of the high-passed, referenced mean waveform divided by the noise SD.
    similarity : ndarray of float32, shape (n_units, n_units)
        Largest correlation over lags of the whitened mean waveforms.
    depth_um : ndarray of float64, shape (n_units,)
        Depth of the largest contact in um.
    """

    templates: LearnedTemplates
    shapes: Shapes
    d_prime: F64
    snr: F64
    similarity: F32
    depth_um: F64


@versioned(4)
def measure_true_templates(run: Run, source: Source, truth: TrueSpikes, params: ShapesParams) -> TrueTemplates:
    """Average the whitened recording at the true spike times.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    truth : TrueSpikes
        The true spikes.
    params : ShapesParams
        Number of components, length of a waveform.

    Returns
    -------
    TrueTemplates
        A template for each unit.
    """
    window = default_window(params, source.sampling_hz)
    task = AddTrueWaveforms(source, truth, (window.peak_index, window.n_after + 1))
    shape = truth.n_units, window.n_samples, source.probe.n_contacts
    white, uv, counts = np.zeros(shape), np.zeros(shape), np.zeros(truth.n_units, np.int64)
    for part in run.map(task, evenly_spaced(source.blocks, MEASURED_BLOCKS), "true templates"):
        white += part.white
        uv += part.uv
        counts += part.n_spikes
    each = np.maximum(counts, 1)[:, None, None]
    mean_white, mean_uv = (white / each).astype(np.float32), (uv / each).astype(np.float32)
    shapes = true_components(mean_white, params.n_pcs, window.peak_index)
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
    """Spikes found by the oracle, in order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    unit : ndarray of int64, shape (n,)
        True unit.
    value : ndarray of float32, shape (n,)
        Projection on the template of unit norm, in noise SD.
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
        """Five waveform lengths."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> OracleSpikes:
        """Return the spikes of the block."""
        sample, unit, value = match_weak(clean.white, self.matcher, self.max_peels, backend)
        inside = (sample >= core.start) & (sample < core.stop)
        return OracleSpikes(sample[inside], unit[inside], value[inside])


@versioned(5)
def match_truth(run: Run, source: Source, units: TrueTemplates, max_peels: int) -> OracleSpikes:
    """Match the whole recording with the true templates.

    Spikes are accepted from half of the d' of their unit on, so weak units get false spikes. `stages.oracle.best_cuts`
    then chooses the best cutoff of each unit.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    units : TrueTemplates
        The true templates.
    max_peels : int
        Largest number of rounds of matching.

    Returns
    -------
    OracleSpikes
        Spikes of all units.
    """
    templates = units.templates
    matcher = make_matcher(templates, templates.contacts[:, :1], source.probe.n_contacts, units.shapes)
    found, _ = run.collect(MatchTruth(source, matcher, max_peels), source.blocks, "oracle")
    return found
