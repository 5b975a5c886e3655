"""Raw microvolts to whitened traces: high-pass, common reference, blanking, whitening. See docs/preprocess.md.

Bad contacts, noise and whitening are learned from sample blocks: see `bad_contacts` and `whitening`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.line_noise import Lines, without_lines

# After 12 periods of the cutoff frequency (40 ms at 300 Hz) the slowest pole of the high-pass has decayed by exp(-37).
HALO_PERIODS = 12.0
# Larger numbers (a million volts) are not samples, and their squares would overflow.
LARGEST_UV = 1e12
MAD_TO_SD = 1.4826
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


@dataclass(frozen=True, eq=False)
class Clean:
    """The preprocessed traces of one block, time contiguous.

    Attributes
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces; the SD of noise is about 1.
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces before whitening in uV.
    n_masked : int
        Values (contacts x samples) that were blanked as artifact or saturation.
    n_not_finite : int
        Raw values that were NaN, infinite or too large; each was replaced by the mean of its contact.
    """

    white: F32
    uv: F32
    n_masked: int
    n_not_finite: int


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


def shank_indices(probe: Probe) -> I64:
    """Number the shanks of a probe from 0.

    Parameters
    ----------
    probe : Probe
        The probe.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Index of each contact's shank, in the order of the shank numbers.
    """
    return np.unique(probe.shanks, return_inverse=True)[1].astype(np.int64)


def reference_groups(probe: Probe, params: PreprocessParams) -> I64:
    """Group the contacts that share a common reference. A group is a shank.

    Parameters
    ----------
    probe : Probe
        The probe.
    params : PreprocessParams
        Kind of reference, and the smallest number of contacts for one.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Group of each contact; -1 if its shank has too few contacts for a reference.
    """
    shank = shank_indices(probe)
    counts = np.bincount(shank)
    use = (counts[shank] >= params.min_reference_contacts) & (params.reference == "median")
    return np.where(use, shank, -1)


def filtered(traces_uv: F32, ends_uv: tuple[float, float], fitted: Preprocessing, backend: Backend) -> tuple[F32, int]:
    """High-pass traces, subtract lines of interference and the common reference.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        In uV, time contiguous.
    ends_uv : (float, float)
        Smallest and largest value of the traces, as `ends_of` gives them.
    fitted : Preprocessing
        Sampling rate, cutoff and reference groups.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Traces in uV.
    n_not_finite : int
        Values that were NaN, infinite or too large; each was replaced by the mean of its contact.
    """
    n_bad = 0
    # Written so that a NaN anywhere makes it false.
    if not (ends_uv[0] > -LARGEST_UV and ends_uv[1] < LARGEST_UV):
        bad = ~_is_voltage(traces_uv)
        n_bad = int(np.count_nonzero(bad))
        # With the mean of the contact, an amplifier offset does not make a step.
        means = np.where(bad, 0.0, traces_uv).sum(axis=1, dtype=np.float64) / np.maximum(1, (~bad).sum(axis=1))
        traces_uv = np.where(bad, means[:, None].astype(np.float32), traces_uv)
    traces = highpass(traces_uv, fitted.sampling_hz, fitted.params.highpass_cutoff_hz, backend)
    if fitted.lines is not None:
        traces = without_lines(traces, fitted.lines, fitted.sampling_hz)
    groups = fitted.referenced
    if (groups >= 0).any():
        backend.subtract_median(traces, groups, int(groups.max()) + 1)
    return traces, n_bad


def _is_voltage(uv: F32) -> Bool:
    """True for values that can be voltages; False for NaN, infinity and very large numbers."""
    return np.abs(uv) < LARGEST_UV


def ends_of(raw_uv: F32) -> tuple[float, float]:
    """Find the smallest and the largest value.

    Parameters
    ----------
    raw_uv : ndarray of float32
        Values in uV.

    Returns
    -------
    (float, float)
        Smallest and largest value; NaN if any value is NaN.
    """
    return float(raw_uv.min()), float(raw_uv.max())


def blanked(raw_uv: F32, ends_uv: tuple[float, float], traces_uv: F32, fitted: Preprocessing) -> Bool:
    """Find the samples to blank: saturation and artifacts, with a margin of `artifact_margin_ms` on either side.

    Parameters
    ----------
    raw_uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces.
    ends_uv : (float, float)
        Smallest and largest value of the raw traces, as `ends_of` gives them.
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed, referenced traces.
    fitted : Preprocessing
        Limits of the converter, shanks, settings.

    Returns
    -------
    ndarray of bool, shape (n_shanks, n_samples)
        Samples of each shank to blank.
    """
    n_shanks = int(fitted.shank_index.max()) + 1
    hit = np.zeros((n_shanks, traces_uv.shape[1]), np.bool_)
    margin = round(fitted.params.artifact_margin_ms * 1e-3 * fitted.sampling_hz)
    saturated = _saturated(raw_uv, ends_uv, fitted.range_uv)
    for shank in range(n_shanks):
        on_shank = (fitted.shank_index == shank) & fitted.trusted
        if saturated is not None:
            hit[shank] |= saturated[on_shank].any(axis=0)
        if fitted.params.artifact_threshold_uv is not None:
            hit[shank] |= (np.abs(traces_uv[on_shank]) >= fitted.params.artifact_threshold_uv).any(axis=0)
    return widened(hit, margin) if hit.any() else hit


def _saturated(raw_uv: F32, ends_uv: tuple[float, float], range_uv: tuple[F64, F64] | None) -> Bool | None:
    """Find the values at the limits of the converter; None if there are none."""
    if range_uv is None:
        return None
    low, high = range_uv
    # Raw number x gain was rounded to float32, so the last millionth of the range counts as saturated.
    slack = 1e-6 * np.maximum(np.abs(low), np.abs(high))
    low, high = low + slack, high - slack
    # Written so that a NaN anywhere makes it false.
    if ends_uv[0] > low.max() and ends_uv[1] < high.min():
        return None
    return np.asarray((raw_uv <= low[:, None]) | (raw_uv >= high[:, None]))


def widened(hit: Bool, margin: int) -> Bool:
    """Mark the neighbours of marked samples as well.

    Parameters
    ----------
    hit : ndarray of bool, shape (..., n_samples)
        Marked samples.
    margin : int
        Samples on either side.

    Returns
    -------
    ndarray of bool, shape (..., n_samples)
        Marked samples and all samples within the margin.

    Examples
    --------
    >>> widened(np.array([[False, False, True, False, False, False]]), 1).astype(int)
    array([[0, 1, 1, 1, 0, 0]])
    """
    n = hit.shape[-1]
    edges = np.zeros((*hit.shape[:-1], n + 1), np.int64)
    for row, sample in np.argwhere(hit):
        edges[row, max(0, sample - margin)] += 1
        edges[row, min(n, sample + margin + 1)] -= 1
    return np.asarray(np.cumsum(edges, axis=-1)[..., :n] > 0)


def apply(raw_uv: F32, fitted: Preprocessing, backend: Backend, margin: int = 0, halo: int = 0) -> Clean:
    """Preprocess one block.

    Parameters
    ----------
    raw_uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces of the contacts of `fitted.probe` with margin and halo, time contiguous.
    fitted : Preprocessing
        The preprocessing.
    backend : Backend
        Runs the array operations.
    margin : int, optional
        Samples at either end that belong to other blocks. Bad values there are not counted.
    halo : int, optional
        Samples at either end, outside the margin, that only the filter needs. They are removed from the result.

    Returns
    -------
    Clean
        The block without its halo.
    """
    ends_uv = ends_of(raw_uv)
    traces, n_bad = filtered(raw_uv, ends_uv, fitted, backend)
    inner = slice(margin + halo, raw_uv.shape[1] - margin - halo)
    if n_bad:
        n_bad = int(np.count_nonzero(~_is_voltage(raw_uv[:, inner])))
    if fitted.interpolation is not None:
        traces = backend.mix(traces, fitted.interpolation)
    mask = blanked(raw_uv, ends_uv, traces, fitted)
    n_masked = 0
    if mask.any():
        per_contact = mask[fitted.shank_index]
        traces[per_contact] = 0.0
        n_masked = int(np.count_nonzero(per_contact[:, inner]))
    uv = traces[:, halo : traces.shape[1] - halo]
    return Clean(backend.mix(uv, fitted.whitening), uv, n_masked, n_bad)


def only_highpass(probe: Probe, sampling_hz: float, params: PreprocessParams) -> Preprocessing:
    """Make a preprocessing that only applies the high-pass, without reference, blanking or whitening.

    Parameters
    ----------
    probe : Probe
        All contacts.
    sampling_hz : float
        Sampling rate in Hz.
    params : PreprocessParams
        Cutoff of the high-pass.

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
        range_uv=None,
        params=params.model_copy(update={"artifact_threshold_uv": None}),
    )


def mad_sd(traces: F32) -> F64:
    """Estimate the SD of each channel robustly: 1.4826 times the median absolute value.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Traces with mean 0.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        SD in the unit of the traces.
    """
    return np.asarray(MAD_TO_SD * np.median(np.abs(traces), axis=1), dtype=np.float64)
