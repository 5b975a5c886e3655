"""The shape of a waveform on the best contact of a unit, by SpikeInterface's names."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.model import F32, F64

# SpikeInterface's defaults.
UPSAMPLING = 10
MIN_PROMINENCE, EDGE_MS = 0.3, 0.09
MIN_DISTANCE_RATIO, MIN_DISTANCE_SAMPLES = 0.2, 3
RECOVERY_MS, BASELINE_MS = 0.7, 0.5
MIN_SLOPE_SAMPLES = 3


class WaveformShape(NamedTuple):
    """What SpikeInterface measures of the waveform on the best contact; NaN where there is no such extremum.

    Attributes
    ----------
    peak_to_trough_duration : float
        From the trough to the main peak after it, in s.
    trough_half_width, peak_half_width : float
        Width of the trough, and of the larger of the peaks, at half its value, in s.
    repolarization_slope : float
        Slope from the trough to the return to 0, in uV/s.
    recovery_slope : float
        Slope in the 0.7 ms after the peak, in uV/s.
    num_positive_peaks, num_negative_peaks : int
        Peaks and troughs with a prominence of 0.3 of the largest value.
    main_to_next_extremum_duration : float
        From the largest extremum to the next, in s.
    peak_before_to_trough_ratio, peak_after_to_trough_ratio : float
        Sizes of the peaks before and after the trough over that of the trough.
    peak_before_to_peak_after_ratio : float
        Size of the peak before over that of the peak after.
    main_peak_to_trough_ratio : float
        Size of the larger peak over that of the trough.
    trough_width, peak_before_width, peak_after_width : float
        Width of each at half its prominence, in s.
    waveform_baseline_flatness : float
        Largest deviation in the first 0.5 ms over the largest of all.
    """

    peak_to_trough_duration: float
    trough_half_width: float
    peak_half_width: float
    repolarization_slope: float
    recovery_slope: float
    num_positive_peaks: int
    num_negative_peaks: int
    main_to_next_extremum_duration: float
    peak_before_to_trough_ratio: float
    peak_after_to_trough_ratio: float
    peak_before_to_peak_after_ratio: float
    main_peak_to_trough_ratio: float
    trough_width: float
    peak_before_width: float
    peak_after_width: float
    waveform_baseline_flatness: float


class Extremum(NamedTuple):
    """A peak of a waveform, or a trough of its negative.

    Attributes
    ----------
    sample : int
        Where it is; -1 if there was no place to look for it.
    width_samples : float
        Width at half its prominence; NaN if it has too little prominence.
    n : int
        How many such peaks there are.
    """

    sample: int
    width_samples: float
    n: int


def upsampled(waveforms: F32) -> F64:
    """Make ten samples of each, as SpikeInterface does before it measures.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n_samples, ...)
        Waveforms.

    Returns
    -------
    ndarray of float64, shape (10 n_samples, ...)
        The same curves.

    Examples
    --------
    >>> upsampled(np.ones(61, np.float32)).shape
    (610,)
    """
    found = scipy.signal.resample_poly(waveforms.astype(np.float64), UPSAMPLING, 1, axis=0, window=_lowpass())
    return np.asarray(found, np.float64)


@cache
def _lowpass() -> F64:
    """The filter that `scipy.signal.resample_poly` designs, by default anew at each call."""
    taps: F64 = scipy.signal.firwin(20 * UPSAMPLING + 1, 1 / UPSAMPLING, window=("kaiser", 5.0))
    return taps


def waveform_shape(waveform_uv: F64, sampling_hz: float) -> WaveformShape:
    """Measure the extrema of a waveform.

    Parameters
    ----------
    waveform_uv : ndarray of float64, shape (n_samples,)
        Waveform on the best contact, from `upsampled`.
    sampling_hz : float
        Its sampling rate, after that.

    Returns
    -------
    WaveformShape
        Durations, widths, slopes, ratios, numbers of peaks.

    References
    ----------
    SpikeInterface `template_metrics` (single channel).

    Examples
    --------
    >>> t = np.arange(600) / 300_000
    >>> wave = -np.exp(-(((t - 7e-4) / 1e-4) ** 2)) + 0.4 * np.exp(-(((t - 12e-4) / 2e-4) ** 2))
    >>> round(waveform_shape(100 * wave, 300_000.0).peak_to_trough_duration * 1e3, 2)
    0.5
    """
    before, trough, after = extrema(waveform_uv, sampling_hz)
    size = {e: abs(float(waveform_uv[e.sample])) if e.sample >= 0 else float("nan") for e in (before, trough, after)}
    return WaveformShape(
        _apart(after, trough) / sampling_hz,
        _half_width(-waveform_uv, trough.sample) / sampling_hz,
        _half_width(waveform_uv, _larger(waveform_uv, before, after).sample) / sampling_hz,
        _slope(waveform_uv[trough.sample : _return_to_zero(waveform_uv, trough)], sampling_hz, MIN_SLOPE_SAMPLES),
        _slope(_after(waveform_uv, after, sampling_hz), sampling_hz, 2),
        before.n + after.n,
        trough.n,
        _main_to_next(size, before, trough, after) / sampling_hz,
        _ratio(size[before], size[trough]),
        _ratio(size[after], size[trough]),
        _ratio(size[before], size[after]),
        _ratio(np.fmax(size[before], size[after]), size[trough]),
        trough.width_samples / sampling_hz,
        before.width_samples / sampling_hz,
        after.width_samples / sampling_hz,
        baseline_flatness(waveform_uv, sampling_hz, BASELINE_MS),
    )


def extrema(waveform_uv: F64, sampling_hz: float) -> tuple[Extremum, Extremum, Extremum]:
    """Find the main trough, and the main peaks before and after it.

    Parameters
    ----------
    waveform_uv : ndarray of float64, shape (n_samples,)
        The waveform.
    sampling_hz : float
        Its sampling rate.

    Returns
    -------
    before, trough, after : Extremum
        In order of time.
    """
    least = MIN_PROMINENCE * float(np.abs(waveform_uv).max())
    edge = int(EDGE_MS / 1000 * sampling_hz)
    stop = len(waveform_uv) - edge
    trough = _most_prominent(-waveform_uv, (edge, stop), least)
    width = _half_width(-waveform_uv, trough.sample)
    apart = max(MIN_DISTANCE_SAMPLES, int(MIN_DISTANCE_RATIO * width)) if width > 0 else MIN_DISTANCE_SAMPLES
    before = _most_prominent(waveform_uv, (edge, trough.sample - apart), least)
    after = _most_prominent(waveform_uv, (trough.sample + apart, stop), least)
    return before, trough, after


def _most_prominent(waveform: F64, span: tuple[int, int], least: float) -> Extremum:
    """The most prominent peak; one of half the prominence, or the largest value, where there is none."""
    start, stop = span
    if not 0 < start < stop:
        return Extremum(-1, float("nan"), 0)
    at, facts = scipy.signal.find_peaks(waveform[start:stop], prominence=least, width=0)
    n = len(at)
    if not n:
        at, facts = scipy.signal.find_peaks(waveform[start:stop], prominence=least / 2, width=0)
    if not len(at):
        return Extremum(start + int(waveform[start:stop].argmax()), float("nan"), 0)
    best = int(facts["prominences"].argmax())
    return Extremum(start + int(at[best]), float(facts["widths"][best]), n)


def _half_width(waveform: F64, at: int) -> float:
    """Samples between the crossings of half the value at a sample; NaN if one of them is outside."""
    if at < 0:
        return float("nan")
    crossings = np.flatnonzero(np.diff(waveform >= 0.5 * waveform[at]))
    before, after = crossings[crossings < at], crossings[crossings >= at]
    return float(after[0] - before[-1]) if len(before) and len(after) else float("nan")


def _larger(waveform: F64, before: Extremum, after: Extremum) -> Extremum:
    if before.sample < 0 or after.sample < 0:
        return max(before, after)
    return after if waveform[after.sample] >= waveform[before.sample] else before


def _apart(later: Extremum, earlier: Extremum) -> float:
    return float(abs(later.sample - earlier.sample)) if min(later.sample, earlier.sample) >= 0 else float("nan")


def _return_to_zero(waveform: F64, trough: Extremum) -> int:
    back = np.flatnonzero(waveform[trough.sample :] >= 0) if trough.sample >= 0 else np.empty(0, np.int64)
    return trough.sample + int(back[0]) if len(back) else trough.sample


def _after(waveform: F64, peak: Extremum, sampling_hz: float) -> F64:
    if peak.sample < 0:
        return waveform[:0]
    return waveform[peak.sample : int(peak.sample + RECOVERY_MS / 1000 * sampling_hz)]


def _slope(values: F64, sampling_hz: float, least: int) -> float:
    """Slope of the line of least squares."""
    if len(values) < least:
        return float("nan")
    t = (np.arange(len(values)) - (len(values) - 1) / 2) / sampling_hz
    return float(t @ values / (t @ t))


def _main_to_next(size: dict[Extremum, float], before: Extremum, trough: Extremum, after: Extremum) -> float:
    """Samples from the largest extremum to the next: the peak after for a trough, the trough for a peak."""
    known = [extremum for extremum in (trough, before, after) if extremum.sample >= 0]
    if not known:
        return float("nan")
    main = max(known, key=lambda extremum: size[extremum])
    if main is not trough:
        return _apart(main, trough)
    return _apart(after, trough) if after.sample >= 0 else _apart(trough, before)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float("nan")


def baseline_flatness(waveform_uv: F64, sampling_hz: float, baseline_ms: float) -> float:
    """Compare the largest deviation before a spike with that of the spike.

    Parameters
    ----------
    waveform_uv : ndarray of float64, shape (n_samples,)
        The waveform.
    sampling_hz : float
        Its sampling rate.
    baseline_ms : float
        Length of the baseline, from the first sample on.

    Returns
    -------
    float
        Largest deviation from the mean of the baseline, in it over that in the whole waveform.

    Examples
    --------
    >>> baseline_flatness(np.array([1.0, -1.0, -10.0, 0.0]), 2000.0, 1.0)
    0.1
    """
    baseline = waveform_uv[: int(baseline_ms / 1000 * sampling_hz)]
    if not len(baseline):
        return float("nan")
    return _ratio(float(np.abs(baseline - baseline.mean()).max()), float(np.abs(waveform_uv - baseline.mean()).max()))
