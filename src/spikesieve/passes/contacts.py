"""Looks at the contacts of a recording: lines of interference, and what bad contacts are told by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F64
from spikesieve.stages.artifacts import artifact_test
from spikesieve.stages.contact_statistics import ContactStatistics, contact_statistics, pooled
from spikesieve.stages.line_noise import Lines, Spectrum, beside_artifacts, find_lines, power_spectrum, spectrum_samples
from spikesieve.stages.preprocess import Clean


@dataclass(frozen=True, eq=False)
class Contacts:
    """What is known of the contacts of a recording.

    Attributes
    ----------
    lines : Lines or None
        Lines of interference; None if there are none.
    measured : ContactStatistics
        Statistics of the sample blocks without the lines.
    disturbed_sd_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV with the lines.
    """

    lines: Lines | None
    measured: ContactStatistics
    disturbed_sd_uv: F64


@dataclass(frozen=True, eq=False)
class ContactSurvey(BlockTask[tuple[ContactStatistics, Spectrum]]):
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

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> tuple[ContactStatistics, Spectrum]:
        """Return the statistics, and the spectra."""
        hz, corner_hz = self.source.sampling_hz, self.source.preprocessing.params.highpass_cutoff_hz
        measured = contact_statistics(clean.uv, hz, clean.why)
        left_out = beside_artifacts(clean.why, hz, corner_hz)
        return measured, power_spectrum(clean.uv, measured.sd_uv, hz, self.spectrum_samples, left_out)


def survey_contacts(run: Run, source: Source) -> Contacts:
    """Find lines of interference, and measure the contacts without them.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.

    Returns
    -------
    Contacts
        Lines and statistics.

    Notes
    -----
    A train of pulses is a comb of lines, but no interference that goes on between the pulses. Where lines are found,
    artifacts are therefore blanked and the lines looked for again.
    """
    measured, lines = _survey(run, source)
    if lines is None:
        return Contacts(None, measured, measured.sd_uv)
    fitted = source.preprocessing
    fitted = replace(fitted, artifact_test=artifact_test(measured.sd_uv, fitted.probe, fitted.params))
    disturbed, lines = _survey(run, source.with_preprocessing(fitted))
    if lines is None:
        return Contacts(None, disturbed, disturbed.sd_uv)
    measured, _ = _survey(run, source.with_preprocessing(replace(fitted, lines=lines)))
    return Contacts(lines, measured, disturbed.sd_uv)


def _survey(run: Run, source: Source) -> tuple[ContactStatistics, Lines | None]:
    """Statistics of all sample blocks, and the lines in the mean of their spectra, weighted by length."""
    blocks = source.sample_blocks
    n_samples = np.array([block.n_samples for block in blocks], np.float64)
    task = ContactSurvey(source, spectrum_samples(int(n_samples.max())))
    surveys = run.map(task, blocks, "noise and whitening")
    shape = source.probe.n_contacts, task.spectrum_samples // 2 + 1
    statistics, power, leak = [], np.zeros(shape), np.zeros(shape)
    for weight, (measured, spectrum) in zip(n_samples / n_samples.sum(), surveys, strict=True):
        statistics.append(measured)
        # Contact by contact: these are the largest arrays of the step.
        for contact in range(shape[0]):
            power[contact] += weight * spectrum.power[contact]
            leak[contact] += weight * spectrum.leak[contact]
    pooled_statistics = pooled(statistics)
    mean = Spectrum(power.astype(np.float32), leak.astype(np.float32))
    corner_hz = source.preprocessing.params.highpass_cutoff_hz
    return pooled_statistics, find_lines(mean, pooled_statistics.sd_uv, source.sampling_hz, corner_hz)
