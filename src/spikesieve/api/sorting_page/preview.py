"""Traces of a recording before it is sorted, what would be detected in them, and what is odd about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikesieve.api.choice import chosen_input
from spikesieve.api.filtered import without_second_highpass
from spikesieve.api.sort import open_run
from spikesieve.api.sorting_page.asked import Placed
from spikesieve.api.sorting_page.kept import Kept
from spikesieve.engine.blocks import Block
from spikesieve.engine.machine import n_processors
from spikesieve.engine.run import Core, Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.errors import InputError
from spikesieve.io.recordings.open_input import open_input
from spikesieve.kernels import CpuBackend
from spikesieve.model import F32, I64, Overview, Probe
from spikesieve.model.text import counted
from spikesieve.passes.contacts import survey_contacts
from spikesieve.passes.detection import Detect, with_detection_threshold
from spikesieve.passes.preprocessing import fit_preprocessing, with_unit_score_noise
from spikesieve.passes.shapes import learn_shapes
from spikesieve.settings.sort import Settings
from spikesieve.stages.channel_order import share_of_near_partners
from spikesieve.stages.detect import usual_peak
from spikesieve.stages.mains import mains_hum
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.views.sampled_overview import sampled_overview
from spikesieve.views.traces import Kind, only_filtered, preprocessed_traces, raw_traces

BLOCK_SAMPLES = 60_000
MAX_S = 2.0
MOST_WORKERS = 4
"""Each holds a block of the recording in memory."""
BEFORE_LEARNING: tuple[Kind, ...] = ("raw", "highpassed")
"""What can be shown at once; for the others noise has to be learned."""
# Of these groups depends what is learned of noise and shapes, and what is detected.
OF_NOISE = ("method", "input", "preprocess", "shapes")
OF_DETECTION = (*OF_NOISE, "detect", "features", "fit")
MIN_NEAR_SHARE, MIN_SATURATED_SHARE = 0.5, 0.001
HUM_PIECES, HUM_CONTACTS = 4, 32


@dataclass(frozen=True, eq=False)
class Shown:
    """A part of the traces.

    Attributes
    ----------
    probe : Probe
        Its contacts.
    traces : ndarray of float32, shape (n_contacts, n_samples)
        In uV, or in noise SD; NaN where there is nothing.
    start : int
        Sample of the recording at which it begins.
    sampling_hz : float
        Sampling rate in Hz.
    n_samples : int
        Length of the recording in samples.
    """

    probe: Probe
    traces: F32
    start: int
    sampling_hz: float
    n_samples: int


@dataclass(frozen=True, eq=False)
class Detected:
    """What would be detected in a part of the traces.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the recording.
    channel : ndarray of int64, shape (n,)
        Channel of the file on whose contact each spike is.
    says : str
        A sentence on the threshold.
    trough_sd : float
        Trough of the usual spike that is just detected, in whitened traces.
    trough_uv : ndarray of float32, shape (n_contacts,)
        The same on each contact in traces that are not whitened, in uV.
    channels : ndarray of int64, shape (n_contacts,)
        Channel of the file of each contact.
    is_final : bool
        Whether the threshold is that of these settings.
    """

    sample: I64
    channel: I64
    says: str
    trough_sd: float = 0.0
    trough_uv: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    channels: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    is_final: bool = True


@dataclass(frozen=True, eq=False)
class _Learned:
    source: Source
    shapes: Shapes


Cleaned = list[tuple[Block, Clean]]


class Previews:
    """Previews of recordings. What was learned of the last few is kept until the end of the process."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="spikesieve-preview-")
        self._learned: Kept[_Learned] = Kept()
        self._detect: Kept[Detect] = Kept()
        self._cleaned: tuple[str, Cleaned] = ("", [])
        self._checks: Kept[tuple[str, ...]] = Kept()
        self._overviews: Kept[tuple[Overview, Probe]] = Kept()
        # Thresholds that followed from noise, by what is learned of it.
        self._thresholds_sd: dict[str, float] = {}
        self._backend = CpuBackend()

    def traces(self, files: Placed, settings: Settings, kind: Kind, span_s: tuple[float, float]) -> Shown:
        """Read a part of the traces.

        Parameters
        ----------
        files : Placed
            The recording.
        settings : Settings
            All settings.
        kind : {"raw", "highpassed", "referenced", "whitened"}
            How they are preprocessed.
        span_s : (float, float)
            Start and end in s.

        Returns
        -------
        Shown
            The traces.

        Raises
        ------
        InputError
            The recording cannot be read, or the part lies beyond its end.
        """
        source = _source(files, settings) if kind in BEFORE_LEARNING else self._learn(files, settings).source
        span = _span(source, span_s)
        if kind == "raw":
            traces = raw_traces(source, span)
        elif kind == "highpassed":
            traces = preprocessed_traces(only_filtered(source), span, self._backend).uv
        else:
            found = preprocessed_traces(source, span, self._backend)
            traces = found.white if kind == "whitened" else found.uv
        return Shown(source.probe, traces, span[0], source.sampling_hz, source.recording.n_samples)

    def overview(self, files: Placed, settings: Settings) -> tuple[Overview, Probe]:
        """Look over the whole recording, also what is not to be sorted of it.

        Parameters
        ----------
        files : Placed
            The recording.
        settings : Settings
            All settings.

        Returns
        -------
        overview : Overview
            Of short pieces.
        probe : Probe
            Its contacts.
        """
        whole = files.model_copy(update={"options": replace(files.options, time_range_s=None, exclude_s=())})
        key = _key(whole, settings, ("input", "preprocess"))

        def look() -> tuple[Overview, Probe]:
            source = _source(whole, settings)
            return sampled_overview(source, self._backend), source.probe

        return self._overviews.of(key, look)

    def detected(self, files: Placed, settings: Settings, span_s: tuple[float, float], at_once: bool) -> Detected:
        """Detect spikes as the first pass of a sort does.

        Parameters
        ----------
        files : Placed
            The recording.
        settings : Settings
            All settings.
        span_s : (float, float)
            Start and end in s.
        at_once : bool
            Do not wait for a threshold that follows from the noise with these settings: take the last one that did.

        Returns
        -------
        Detected
            The spikes; none with the method kilosort2, which has no such pass.
        """
        none = np.zeros(0, np.int64)
        if settings.method == "kilosort2":
            return Detected(none, none, "The method kilosort2 detects with templates that it learns on the way.")
        task = (self._at_once(files, settings) if at_once else None) or self._detection(files, settings)
        source, samples, channels = task.source, [none], [none]
        key = _key(files, settings, OF_NOISE)
        for block, clean in self._clean(key, source, _span(source, span_s), task.margin_samples):
            found = task(clean, Core(task.margin_samples, task.margin_samples + block.n_samples, block), self._backend)
            place_um = found.centre_um[:, None, :] - source.probe.positions_um[None]
            contact = (place_um**2).sum(axis=2).argmin(axis=1)
            samples.append(found.sample - task.margin_samples + block.start)
            channels.append(source.probe.channels[contact])
        is_final = self._detect.known(_key(files, settings, OF_DETECTION)) is task
        later = "" if is_final else " What follows from the noise with these settings is being measured."
        says = f"Detected from {task.params.least_score:.2f} noise SD on.{later}"
        trough_sd = task.params.least_score * usual_peak(task.shapes, task.templates)
        fitted = source.preprocessing
        # Whitening was scaled so that scores of noise have SD 1: the traces themselves have less.
        trough_uv = np.float32(trough_sd * fitted.score_noise_sd) * fitted.noise_sd_uv
        line = trough_sd, trough_uv, source.probe.channels
        return Detected(np.concatenate(samples), np.concatenate(channels), says, *line, is_final)

    def checks(self, files: Placed, settings: Settings) -> tuple[str, ...]:
        """Say what is odd about a recording.

        Parameters
        ----------
        files : Placed
            The recording.
        settings : Settings
            All settings.

        Returns
        -------
        tuple of str
            Sentences on contacts, saturation, interference, hum, and the order of the channels; empty if all is well.
        """
        key = _key(files, settings, ("input", "preprocess"))
        notes = self._learn(files, settings).source.preprocessing.notes
        return (*notes, *self._checks.of(key, lambda: tuple(self._more_checks(_source(files, settings)))))

    def _more_checks(self, source: Source) -> Iterator[str]:
        with self._run() as run:
            measured = survey_contacts(run, source).measured
        at_limit = measured.saturated_share > MIN_SATURATED_SHARE
        if at_limit.any():
            yield (
                f"At the limit of the converter are {at_limit.sum()} of {counted(len(at_limit), 'contact')}, up to "
                f"{measured.saturated_share.max():.1%} of the time. These samples are left out. Look at the grounding "
                "and the reference, or record with a lower gain."
            )
        share = share_of_near_partners(measured.correlation, source.probe)
        if share is not None and share < MIN_NEAR_SHARE:
            yield (
                f"The order of the channels seems wrong: only {share:.0%} of the contacts are most like one of their "
                "neighbours on the probe. Compare the probe file with the wiring; in the heatmap a wrong order looks "
                "like rain, and a wrong number of channels like diagonal lines."
            )
        hum = mains_hum(list(_raw_pieces(source)), source.sampling_hz)
        if hum is not None:
            yield (
                f"There is hum of the mains: {hum[1]:.3g} µV at {hum[0]:.0f} Hz on the usual contact. The high-pass "
                "removes it; look at the grounding if it comes near the limit of the converter."
            )

    def _learn(self, files: Placed, settings: Settings) -> _Learned:
        def learn() -> _Learned:
            with self._run() as run:
                return _learn(run, _source(files, settings), settings)

        return self._learned.of(_key(files, settings, OF_NOISE), learn)

    def _detection(self, files: Placed, settings: Settings) -> Detect:
        learned = self._learn(files, settings)

        def measure() -> Detect:
            with self._run() as run:
                task = _detection(run, learned, settings)
            if settings.detect.threshold is None:
                self._thresholds_sd[_key(files, settings, OF_NOISE)] = task.params.least_score
            return task

        return self._detect.of(_key(files, settings, OF_DETECTION), measure)

    def _at_once(self, files: Placed, settings: Settings) -> Detect | None:
        """The detection with the last threshold; None if it is of no use here."""
        threshold_sd = self._thresholds_sd.get(_key(files, settings, OF_NOISE))
        is_known = self._detect.known(_key(files, settings, OF_DETECTION)) is not None
        if is_known or threshold_sd is None or settings.detect.threshold is not None:
            return None
        learned = self._learn(files, settings)
        return Detect(learned.source, learned.shapes, settings.detect.at(threshold_sd), settings.features)

    def _clean(self, key: str, source: Source, span: tuple[int, int], margin_samples: int) -> Cleaned:
        """The traces of a part; those of the last one are kept, for other settings of detection."""
        of_part = json.dumps([key, span, margin_samples])
        known, cleaned = self._cleaned
        if known != of_part:
            cleaned = [(block, source.clean(block, margin_samples, self._backend)) for block in _blocks(source, span)]
            self._cleaned = of_part, cleaned
        return cleaned

    def _run(self) -> AbstractContextManager[Run]:
        # Steps are kept by what they depend on: another threshold learns no noise again.
        return open_run(min(MOST_WORKERS, n_processors()), Store.open(Path(self._folder.name)))


def _learn(run: Run, source: Source, settings: Settings) -> _Learned:
    """Learn noise and shapes with the first steps of the method."""
    source = source.with_preprocessing(run.step("noise", fit_preprocessing, source, settings.preprocess))
    is_sieve = settings.method == "sieve"
    shapes = run.step("shapes", learn_shapes, source, settings.shapes, is_sieve)
    if is_sieve:
        source = source.with_preprocessing(run.step("preprocessing", with_unit_score_noise, source, shapes))
    return _Learned(source, shapes)


def _detection(run: Run, learned: _Learned, settings: Settings) -> Detect:
    """The detection of the first pass, with the threshold of the method."""
    source, shapes, params = learned.source, learned.shapes, settings.detect
    if settings.method == "sieve":
        fitted = with_detection_threshold(run, source, shapes, params, settings.fit.for_detection)
        params = params.at(fitted.detection_threshold_sd)
    return Detect(source, shapes, params, settings.features)


def _source(files: Placed, settings: Settings) -> Source:
    """The recording as a sort reads it, only high-passed."""
    recording, probe, _ = open_input(files.files, files.options, files.probe)
    recording, probe, _ = chosen_input(recording, probe, settings.input)
    recording, _ = without_second_highpass(recording, settings.preprocess.highpass_cutoff_hz)
    return Source.of(recording, probe, settings.preprocess, BLOCK_SAMPLES)


def _key(files: Placed, settings: Settings, groups: tuple[str, ...]) -> str:
    changes = [(path.stat().st_mtime_ns, path.stat().st_size) for path in files.files]
    return json.dumps([files.model_dump(mode="json"), changes, settings.model_dump(mode="json", include=set(groups))])


def _span(source: Source, span_s: tuple[float, float]) -> tuple[int, int]:
    hz, n = source.sampling_hz, source.recording.n_samples
    start = round(max(0.0, span_s[0]) * hz)
    stop = min(n, start + round(min(MAX_S, span_s[1] - span_s[0]) * hz))
    if start >= stop:
        raise InputError(f"There is nothing at {span_s[0]:g} s: the recording ends at {n / hz:g} s.")
    return start, stop


def _blocks(source: Source, span: tuple[int, int]) -> Iterator[Block]:
    for begin, end in source.recording.segments:
        start, stop = max(begin, span[0]), min(end, span[1])
        if start < stop:
            yield Block(0, start, stop, begin, end, (start + stop) / 2)


def _raw_pieces(source: Source) -> Iterator[F32]:
    """Raw traces of whole seconds, of some contacts."""
    second = round(source.sampling_hz)
    long = [segment for segment in source.recording.segments if segment[1] - segment[0] >= second]
    channels = source.probe.channels[:: max(1, source.probe.n_contacts // HUM_CONTACTS)]
    for index in np.unique(np.linspace(0, len(long) - 1, HUM_PIECES).round().astype(int)) if long else ():
        start = (long[index][0] + long[index][1] - second) // 2
        yield np.ascontiguousarray(source.recording.read_uv(start, start + second, channels).T)
