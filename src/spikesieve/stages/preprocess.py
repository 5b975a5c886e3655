"""Raw microvolts to whitened traces: high-pass, common reference, blanking, whitening. See docs/preprocess.md.

Bad contacts, noise and whitening are learned from sample blocks: see `bad_contacts` and `whitening`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, U8, Bool, Probe, Reason
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.artifacts import ArtifactTest, Layout, Signal, artifacts, recovery
from spikesieve.stages.blanking import unusable
from spikesieve.stages.gap_filling import filled, lengthened
from spikesieve.stages.line_noise import Lines, without_lines
from spikesieve.stages.reference import referenced, shank_indices, spread

# After 12 periods of the cutoff frequency (40 ms at 300 Hz) the slowest pole of the high-pass has decayed by exp(-37).
HALO_PERIODS = 12.0
# A gap of 5 periods of the cutoff frequency, filled with a smooth curve, hides what is on its other side.
GAP_PERIODS = 5.0
# The offset of a channel is the mean of every 16th sample. The filter removes the rest.
OFFSET_STEP = 16


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Everything that is needed to preprocess a block of a recording.

    Attributes
    ----------
    probe : Probe
        Contacts that are sorted.
    whitening : ndarray of float32, shape (n_contacts, n_contacts)
        Whitened traces = whitening @ traces in uV.
    noise_sd_uv : ndarray of float32, shape (n_contacts,)
        Noise SD of each contact: 1.4826 times the median absolute value of the high-passed, referenced traces.
    interpolation : ndarray of float32, shape (n_contacts, n_contacts), or None
        Replaces bad contacts by the mean of their neighbours; may include drift correction.
    trusted : ndarray of bool, shape (n_contacts,)
        Contacts on which artifacts and saturation are looked for.
    shank_index : ndarray of int64, shape (n_contacts,)
        Shank of each contact, from 0 to n_shanks - 1.
    referenced : ndarray of int64, shape (n_contacts,)
        Common-reference group of each contact; -1 for none.
    sampling_hz : float
        Sampling rate in Hz.
    range_uv : (ndarray of float64, ndarray of float64), shape (n_contacts,) each, or None
        Lower and upper limit of the analog-to-digital converter for each contact in uV.
    params : PreprocessParams
        The settings.
    notes : tuple of str
        Sentences for the user.
    score_noise_sd : float
        Median SD of the PC scores of noise before the whitening was scaled to make it 1; 1 if it was not scaled.
    lines : Lines or None
        Lines of interference; None if there are none.
    artifact_test : ArtifactTest or None
        What artifacts are told by; None before the noise is known.
    used_share : float
        Share of the recording that is not blanked, estimated from sample blocks.
    detection_threshold_sd : float
        Smallest score of a detected spike in noise SD; 0 if it was not determined.
    """

    probe: Probe
    whitening: F32
    noise_sd_uv: F32
    interpolation: F32 | None
    trusted: Bool
    shank_index: I64
    referenced: I64
    sampling_hz: float
    range_uv: tuple[F64, F64] | None
    params: PreprocessParams
    notes: tuple[str, ...] = ()
    score_noise_sd: float = 1.0
    lines: Lines | None = None
    artifact_test: ArtifactTest | None = None
    used_share: float = 1.0
    detection_threshold_sd: float = 0.0

    @property
    def layout(self) -> Layout:
        """How contacts belong together, and the settings of blanking."""
        params = self.params
        limits = params.artifact_threshold_uv, params.artifact_margin_ms
        return Layout(self.shank_index, self.referenced, self.sampling_hz, *limits)


@dataclass(frozen=True, eq=False)
class RawTraces:
    """The raw traces of one block, time contiguous.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces of the contacts of a `Preprocessing` with margin and halo, in uV.
    halo : int
        Samples at either end that only the filter needs.
    repeated : (int, int)
        Samples at the start and at the end that lie outside the recording and repeat its first and last sample.
    given : ndarray of bool, shape (n_samples,), or None
        Samples that the user wants blanked on all contacts.
    delay_taps : ndarray of float32, shape (n_contacts, n_taps), or None
        From `delay.delay_taps`: brings all contacts to one time. None if they were sampled at once.
    is_filtered : bool
        Whether a high-pass has been applied already.
    """

    uv: F32
    halo: int = 0
    repeated: tuple[int, int] = (0, 0)
    given: Bool | None = None
    delay_taps: F32 | None = None
    is_filtered: bool = False


@dataclass(frozen=True, eq=False)
class Clean:
    """The preprocessed traces of one block, time contiguous.

    Attributes
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces; the SD of noise is about 1.
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces before whitening in uV.
    why : ndarray of uint8, shape (n_contacts, n_samples), or None
        `Reason` of each blanked sample, 0 for samples that are used; None if all are. Blanked samples are 0 in the
        traces and count in no statistic.
    """

    white: F32
    uv: F32
    why: U8 | None = None

    @property
    def blanked(self) -> Bool | None:
        """Samples that are blanked: (n_contacts, n_samples) bool; None if none is."""
        return None if self.why is None else self.why > 0


def halo_samples(sampling_hz: float, cutoff_hz: float) -> int:
    """Compute how many samples to read on either side of a block, so that the high-pass has no edge effects.

    Parameters
    ----------
    sampling_hz : float
        Sampling rate in Hz.
    cutoff_hz : float
        Cutoff of the high-pass in Hz.

    Returns
    -------
    int
        Samples on either side.

    Examples
    --------
    >>> halo_samples(30_000.0, 300.0)
    1200
    """
    return int(np.ceil(HALO_PERIODS / cutoff_hz * sampling_hz))


def highpass(traces: F32, sampling_hz: float, cutoff_hz: float, backend: Backend) -> F32:
    """Apply the zero-phase high-pass: a Butterworth filter of order 3, forwards and backwards.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Traces. Callers discard a halo, because the ends have edge effects.
    sampling_hz, cutoff_hz : float
        Sampling rate and cutoff in Hz.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    ndarray of float32, shape (n_channels, n_samples)
        A constant channel becomes exactly 0.
    """
    # In float64 the mean of a constant channel is exact, so the channel becomes 0 and is recognised as dead.
    offset = traces[:, ::OFFSET_STEP].mean(axis=1, dtype=np.float64).astype(np.float32)
    return backend.highpass(traces, offset, 2.0 * np.pi * cutoff_hz / sampling_hz)


def _filter(traces: F32, raw: RawTraces, fitted: Preprocessing, backend: Backend) -> F32:
    """High-pass traces of a block, and bring all contacts to one time. The traces given are not changed."""
    if raw.is_filtered:
        out = traces.copy()
    else:
        out = highpass(traces, fitted.sampling_hz, fitted.params.highpass_cutoff_hz, backend)
    if raw.delay_taps is not None:
        backend.delay(out, raw.delay_taps)
    return out


def _filter_between(raw: RawTraces, gaps: Bool, fitted: Preprocessing, backend: Backend) -> F32:
    """Filter traces with gaps. What lies before a gap has no effect on what lies after it, and the other way round.

    The gaps are made longer than the filter reaches, filled with a smooth curve, and cut back to their length.
    """
    hz, cutoff_hz = fitted.sampling_hz, fitted.params.highpass_cutoff_hz
    longer = lengthened(gaps, round(GAP_PERIODS / cutoff_hz * hz))
    return longer.undo(_filter(longer.apply(raw.uv, hz), raw, fitted, backend), gaps.shape[1])


def apply(raw: RawTraces, fitted: Preprocessing, backend: Backend) -> Clean:
    """Preprocess one block.

    Parameters
    ----------
    raw : RawTraces
        Raw traces of the block.
    fitted : Preprocessing
        The preprocessing.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Clean
        The block without its halo, with its margin.
    """
    traces, why = filtered(raw, fitted, backend)
    if (fitted.referenced >= 0).any():
        why = referenced(traces, why, fitted.referenced, backend)
    if fitted.interpolation is not None:
        if why is not None:
            traces[why > 0] = 0.0
            why = spread(why, fitted.interpolation)
        traces = backend.mix(traces, fitted.interpolation)
    inner = slice(raw.halo, traces.shape[1] - raw.halo)
    uv = traces[:, inner]
    if why is None or not why[:, inner].any():
        return Clean(backend.mix(uv, fitted.whitening), uv)
    why = why[:, inner]
    uv[why > 0] = 0.0
    white = backend.mix(uv, fitted.whitening)
    white[why > 0] = 0.0
    return Clean(white, uv, why)


def filtered(raw: RawTraces, fitted: Preprocessing, backend: Backend) -> tuple[F32, U8 | None]:
    """High-pass traces and bring them to one time, without what cannot be used, artifacts, and lines of interference.

    Parameters
    ----------
    raw : RawTraces
        Raw traces of the block.
    fitted : Preprocessing
        Sampling rate, cutoff and what artifacts are told by.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        High-passed traces in uV.
    why : ndarray of uint8, shape (n_contacts, n_samples), or None
        `Reason` of the samples that cannot be used, 0 for others; None if all can.
    """
    test, why = fitted.artifact_test, _unusable(raw, fitted)
    if why is None:
        uv = raw.uv
        traces = _filter(uv, raw, fitted, backend)
    else:
        uv = filled(raw.uv, why > 0, fitted.sampling_hz)
        traces = _filter_between(raw, why > 0, fitted, backend)
    found = None if test is None else artifacts(Signal(uv, traces, why), fitted.probe, test, fitted.layout)
    if found is not None:
        found &= fitted.trusted[:, None]
        why = np.zeros(uv.shape, np.uint8) if why is None else why
        why[found & (why == 0)] = Reason.ARTIFACT
        traces = _filter_between(raw, why > 0, fitted, backend)
    if fitted.lines is not None:
        traces = without_lines(traces, fitted.lines, fitted.sampling_hz, _without_signal(raw, why))
    return traces, why


def _without_signal(raw: RawTraces, why: U8 | None) -> Bool | None:
    """Samples that are blanked or repeat an end of the recording; None if there are none."""
    if why is None and raw.repeated == (0, 0):
        return None
    without = np.zeros(raw.uv.shape, np.bool_) if why is None else why > 0
    without[:, : raw.repeated[0]] = True
    without[:, raw.uv.shape[1] - raw.repeated[1] :] = True
    return without


def _unusable(raw: RawTraces, fitted: Preprocessing) -> U8 | None:
    """Reasons of the samples that cannot be used, with the recovery of the amplifier, or that the user excludes."""
    first, last = raw.repeated[0], raw.uv.shape[1] - raw.repeated[1]
    found = unusable(raw.uv[:, first:last], fitted.range_uv, fitted.sampling_hz)
    given = raw.given is not None and raw.given.any()
    if found is None and not given:
        return None
    why = np.zeros(raw.uv.shape, np.uint8)
    if found is not None:
        why[:, first:last] = found
        why[:, :first], why[:, last:] = why[:, first : first + 1], why[:, last - 1 : last]
    if given:
        why[:, raw.given] = Reason.GIVEN
    # A contact that is filled from its neighbours need only be finite.
    why[~fitted.trusted] *= why[~fitted.trusted] == Reason.NOT_FINITE
    return why if fitted.artifact_test is None else recovery(raw.uv, why, fitted.artifact_test, fitted.layout)


def only_highpass(
    probe: Probe, sampling_hz: float, params: PreprocessParams, range_uv: tuple[F64, F64] | None = None
) -> Preprocessing:
    """Make a preprocessing that only blanks what cannot be used and applies the high-pass.

    Parameters
    ----------
    probe : Probe
        All contacts.
    sampling_hz : float
        Sampling rate in Hz.
    params : PreprocessParams
        Cutoff of the high-pass.
    range_uv : (ndarray of float64, ndarray of float64), shape (n_contacts,) each, optional
        Lower and upper limit of the converter for each contact in uV.

    Returns
    -------
    Preprocessing
        Its whitened traces are 0, so that whitening takes no time.
    """
    n = probe.n_contacts
    return Preprocessing(
        probe=probe,
        whitening=np.zeros((n, n), np.float32),
        noise_sd_uv=np.ones(n, np.float32),
        interpolation=None,
        trusted=np.ones(n, np.bool_),
        shank_index=shank_indices(probe),
        referenced=np.full(n, -1, np.int64),
        sampling_hz=sampling_hz,
        range_uv=range_uv,
        params=params,
    )
