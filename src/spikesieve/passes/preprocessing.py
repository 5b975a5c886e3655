"""Learns the preprocessing of a recording: interference, bad contacts, noise, whitening."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F64
from spikesieve.passes.contacts import survey_contacts
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.artifacts import artifact_test
from spikesieve.stages.bad_contacts import without_bad_contacts
from spikesieve.stages.preprocess import Clean, Preprocessing
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.fit import noise_of_scores
from spikesieve.stages.whitening import BlockStatistics, block_statistics, fit_whitening, median_of_blocks


@dataclass(frozen=True, eq=False)
class Covariance(BlockTask[BlockStatistics]):
    """Measure noise and covariance of a block."""

    @property
    def margin_samples(self) -> int:
        """0: no margin."""
        return 0

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> BlockStatistics:
        """Return the statistics of the block."""
        return block_statistics(clean.uv, clean.blanked)


@dataclass(frozen=True, eq=False)
class ScoreNoise(BlockTask[F64]):
    """Measure the robust SD of the PC scores on each contact.

    Attributes
    ----------
    shapes : Shapes
        Temporal components.
    """

    shapes: Shapes

    @property
    def margin_samples(self) -> int:
        """One waveform length."""
        return self.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> F64:
        """Return (n_contacts,) float64."""
        return noise_of_scores(clean.white, self.shapes, backend, clean.blanked)


@versioned(8)
def fit_preprocessing(run: Run, source: Source, params: PreprocessParams) -> Preprocessing:
    """Learn lines of interference, bad contacts, noise and whitening from sample blocks.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.
    params : PreprocessParams
        The settings.

    Returns
    -------
    Preprocessing
        The complete preprocessing.
    """
    blocks, stage = source.sample_blocks, "noise and whitening"
    contacts = survey_contacts(run, source)
    lines, measured = contacts.lines, contacts.measured
    recording = source.recording
    draft = without_bad_contacts(
        measured, source.probe, recording.sampling_hz, recording.range_uv(source.probe.channels), params
    )
    kept = np.isin(source.probe.channels, draft.probe.channels)
    if lines is not None:
        draft = replace(draft, lines=lines.of_contacts(kept), notes=(*draft.notes, *lines.notes))
    # Where interference remains in the traces that artifacts are looked for in, it counts as noise.
    test = artifact_test(contacts.disturbed_sd_uv[kept], draft.probe, params)
    draft = replace(draft, artifact_test=test, used_share=max(measured.used_share, 1e-3))
    return fit_whitening(draft, run.map(Covariance(source.with_preprocessing(draft)), blocks, stage))


@versioned(4)
def with_unit_score_noise(run: Run, source: Source, shapes: Shapes) -> Preprocessing:
    """Scale the whitening so that PC scores of noise have SD 1 on every contact.

    Whitened traces have variance 1, including spikes. But noise is not white in time: it has larger scores on slow
    components.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    shapes : Shapes
        Temporal components.

    Returns
    -------
    Preprocessing
        With scaled whitening. `score_noise_sd` is the median SD of the scores of noise before.
    """
    each = list(run.map(ScoreNoise(source, shapes), source.sample_blocks, "noise of scores"))
    sd = median_of_blocks(each, 1.0)
    sd = np.where(sd > 0, sd, 1.0)
    fitted = source.preprocessing
    whitening = (fitted.whitening / sd[:, None]).astype(np.float32)
    return replace(fitted, whitening=whitening, score_noise_sd=float(np.median(sd)))
