"""Looks at the contacts of a recording: lines of interference, and what bad contacts are told by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.blocks import Block
from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32
from spikesieve.stages.contact_statistics import ContactStatistics, contact_statistics, pooled
from spikesieve.stages.line_noise import Lines, find_lines, power_spectrum, spectrum_samples
from spikesieve.stages.preprocess import Clean


@dataclass(frozen=True, eq=False)
class ContactSurvey(BlockTask[tuple[ContactStatistics, F32]]):
    """Measure the contacts in a block, and their power spectra.

    Attributes
    ----------
    spectrum_samples : int
        Length that a block is brought to for its spectrum.
    """

    spectrum_samples: int

    @property
    def margin_samples(self) -> int:
        """0: no margin."""
        return 0

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> tuple[ContactStatistics, F32]:
        """Return the statistics, and the spectra, (n_contacts, n_bins) float32 in uV^2 / Hz."""
        hz = self.source.sampling_hz
        measured = contact_statistics(clean.uv, hz, clean.why)
        return measured, power_spectrum(clean.uv, measured.sd_uv, hz, self.spectrum_samples)


def survey_contacts(run: Run, source: Source) -> tuple[Lines | None, ContactStatistics]:
    """Find lines of interference, and measure the contacts without them.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.

    Returns
    -------
    lines : Lines or None
        Lines of interference; None if there are none.
    measured : ContactStatistics
        Statistics of the sample blocks.
    """
    blocks = source.sample_blocks
    measured, power = _survey(run, source, blocks)
    fitted = source.preprocessing
    lines = find_lines(power, measured.sd_uv, source.sampling_hz, fitted.params.highpass_cutoff_hz)
    if lines is not None:
        measured, _ = _survey(run, source.with_preprocessing(replace(fitted, lines=lines)), blocks)
    return lines, measured


def _survey(run: Run, source: Source, blocks: tuple[Block, ...]) -> tuple[ContactStatistics, F32]:
    """Statistics of all blocks, and the mean of their spectra, weighted by length."""
    n_samples = np.array([block.n_samples for block in blocks], np.float64)
    task = ContactSurvey(source, spectrum_samples(int(n_samples.max())))
    surveys = run.map(task, blocks, "noise and whitening")
    statistics, power = [], np.zeros(())
    for weight, (measured, spectrum) in zip(n_samples / n_samples.sum(), surveys, strict=True):
        statistics.append(measured)
        power = power + weight * spectrum
    return pooled(statistics), power.astype(np.float32)
