"""Makes the traces of a result ready for the page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from spikesieve import kernels
from spikesieve.api.traces import fitted_source, source_of_result, traces_follow, unfitted_source
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.io.curations.marks import append_mark, read_marks
from spikesieve.model import F32, Overview, Recording, Sorting, Templates
from spikesieve.settings.sort import Settings
from spikesieve.views.raw_waveforms import raw_waveforms
from spikesieve.views.result import Result
from spikesieve.views.sampled_overview import sampled_overview
from spikesieve.views.trace_prediction import FittedSpikes, FollowedTissue
from spikesieve.views.trace_reader import TraceReader
from spikesieve.views.waveforms import mean_waveform

LEARNED = "traces"
MEASURED_UNITS = 30
"""Units from which the scale of another sorter's templates is measured."""


def traces_of(result: Result, curation: Path | None) -> Traces | None:
    """Make the traces of a result ready.

    Parameters
    ----------
    result : Result
        The result.
    curation : Path or None
        Folder in which what is learned of the recording is kept; None if nothing may be written.

    Returns
    -------
    Traces or None
        None if the raw recording is not there.
    """
    recording, settings = result.recording, result.settings or Settings()
    if recording is None:
        return None
    source_of_file = unfitted_source(recording, result.probe, settings)
    folder = None if curation is None else curation / LEARNED

    @cache
    def plain() -> TraceReader:
        return TraceReader(source_of_file, kernels.CpuBackend())

    def learn() -> TraceReader:
        if result.sorting is None:
            source = fitted_source(recording, result.probe, settings, folder)
            return TraceReader(source, kernels.CpuBackend(), _fitted_of_others(result))
        source = source_of_result(result.sorting, recording, settings, folder, result.preprocessing)
        return TraceReader(source, kernels.CpuBackend(), _fitted(result, result.sorting, settings))

    note = "" if result.settings is not None else "Preprocessed with spikesieve's defaults, not as it was sorted."

    def look_over() -> Overview:
        return result.overview or sampled_overview(source_of_file, kernels.CpuBackend())

    return Traces(plain, learn, look_over, _has_prediction(result, recording), note)


def marks_of(curation: Path) -> Marks:
    """Read the marks on the traces.

    Parameters
    ----------
    curation : Path
        Folder of the curation.

    Returns
    -------
    Marks
        For the page; what it adds is written there.
    """
    return Marks(read_marks(curation), lambda mark: append_mark(curation, mark))


def _has_prediction(result: Result, recording: Recording) -> bool:
    """Whether templates have the unit of the traces, so that one can be taken from the other."""
    if result.sorting is not None:
        return True
    return result.amplitude is not None and bool(result.templates.uv.any()) and result.waveform_unit == "raw"


def _fitted(result: Result, sorting: Sorting, settings: Settings) -> FittedSpikes:
    spikes, tissue = sorting.spikes, None
    if sorting.motion is not None and sorting.motion.um.any() and not traces_follow(settings):
        tissue = FollowedTissue(sorting.motion, settings.tissue, float(np.median(sorting.noise_sd_uv)))
    own = spikes.sample, result.template, spikes.amplitude, sorting.templates
    return FittedSpikes(*own, sorting.probe, sorting.sampling_hz, tissue)


def _fitted_of_others(result: Result) -> FittedSpikes | None:
    """Spikes of another sorter: as large as its amplitudes say, relative to the mean of their template."""
    if result.amplitude is None or result.recording is None or not _has_prediction(result, result.recording):
        return None
    n, templates = len(result.templates), result.templates
    counts = np.maximum(np.bincount(result.template, minlength=n), 1)
    mean = np.bincount(result.template, result.amplitude, minlength=n) / counts
    size: F32 = (result.amplitude / np.where(mean > 0, mean, 1.0)[result.template]).astype(np.float32)
    scaled = Templates(templates.uv * np.float32(_scale(result)), templates.contacts, templates.peak_index)
    return FittedSpikes(result.sample, result.template, size, scaled, result.probe, result.time.sampling_hz)


def _scale(result: Result) -> float:
    """How many times larger spikes are in the file than the templates of the sorter, in most of the largest units."""
    factors = []
    for unit in sorted(result.units.ids, key=lambda one: -len(result.units.rows[one]))[:MEASURED_UNITS]:
        waveform = mean_waveform(result, result.units.rows[unit])
        found, own = raw_waveforms(result, result.units.rows[unit], waveform), waveform.shown_uv
        if len(found) and own.any():
            factors.append(float(np.vdot(found.mean(axis=0), own) / np.vdot(own, own)))
    return float(np.median(factors)) if factors else 1.0
