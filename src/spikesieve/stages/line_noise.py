"""Narrow lines of interference: found in the spectra of sample blocks, fitted and subtracted block by block.

See docs/interference.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from spikesieve.model import F32, F64, I64, U8, Bool, Reason
from spikesieve.stages.blanking import mask_of, runs
from spikesieve.stages.line_fit import HALF_WIDTH_HZ, fitted_lines

# Spikes and artifacts are cut off at this many SD, so that they are no part of a spectrum or a fit. A sine never is:
# its peak is 1.35 times its robust SD.
SPECTRUM_CLIP_SD, FIT_CLIP_SD = 5.0, 4.0
# The background is the median of the spectrum over this bandwidth.
BACKGROUND_HZ = 100.0
# A line stands out of the background by this factor; noise does not reach it in one spectrum of a second.
MIN_PEAK_RATIO = 20.0
# A sine of 0.1 SD is half a percent of the noise: a smaller one changes nothing.
MIN_AMPLITUDE_SD = 0.1
# A line is an image of stronger ones if it has less than this times the power that their gaps send to its frequency:
# images of several lines add up.
IMAGE_RATIO = 4.0
# A line with a Hann window fills the bins up to 2 away from its own.
HALF_PEAK_BINS = 3
# Sum of a Hann window, squared, over the sum of its squares and its length.
HANN_SHARE = 2 / 3
# What remains of an artifact beside it is no line: this many periods of the corner frequency do not count.
BESIDE_PERIODS = 1.0
# Contacts that are transformed at a time, to save memory.
CONTACTS_AT_ONCE = 16
# No more than this share of the frequencies that spikes are found in is removed.
MAX_REMOVED_SHARE = 0.02
# The filter leaves a strong line down to half of its corner frequency.
LOWEST_OF_CORNER = 0.5


@dataclass(frozen=True, eq=False)
class Lines:
    """Narrow lines of interference.

    Attributes
    ----------
    hz : ndarray of float64, shape (n_lines,)
        Frequencies in Hz, strongest line first.
    amplitude_uv : ndarray of float64, shape (n_lines,)
        Amplitude of each sine on the contact where it is largest, in uV.
    limit_uv : ndarray of float32, shape (n_contacts,)
        Larger values are cut off before a line is fitted.
    n_removed : int
        The first of the lines, those that are removed.
    """

    hz: F64
    amplitude_uv: F64
    limit_uv: F32
    n_removed: int

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user."""
        removed, left = self._listed(slice(0, self.n_removed)), self._listed(slice(self.n_removed, None))
        out = [f"Interference was removed: narrow lines at {removed}."] if removed else []
        if left:
            out.append(
                f"Interference was left in the traces: narrow lines at {left}. Removing all of them would take "
                "too many of the frequencies that spikes have."
            )
        return tuple(out)

    def of_contacts(self, contacts: Bool) -> Lines:
        """Select contacts.

        Parameters
        ----------
        contacts : ndarray of bool, shape (n_contacts,)
            Contacts to keep.

        Returns
        -------
        Lines
            The same lines, for fewer contacts.
        """
        return replace(self, limit_uv=self.limit_uv[contacts])

    def _listed(self, part: slice) -> str:
        """Frequencies and amplitudes, the strongest ten."""
        pairs = list(zip(self.hz[part], self.amplitude_uv[part], strict=True))
        listed = ", ".join(f"{hz:.0f} Hz ({uv:.3g} µV)" for hz, uv in pairs[:10])
        return listed + (f" and {len(pairs) - 10} weaker ones" if len(pairs) > 10 else "")


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power spectra of the contacts in one block, or the mean of several.

    Attributes
    ----------
    power : ndarray of float32, shape (n_contacts, n_bins)
        In uV^2 / Hz. Its sum times the distance of frequencies is the variance.
    leak : ndarray of float32, shape (n_contacts, n_bins)
        What becomes of the power of a line where it is not seen in blanked samples: the share that is left to it, and,
        at each distance from it, the share that appears there.
    """

    power: F32
    leak: F32


def beside_artifacts(why: U8 | None, sampling_hz: float, corner_hz: float) -> Bool | None:
    """Mark the samples in which no lines are looked for: blanked ones, and those beside artifacts.

    Parameters
    ----------
    why : ndarray of uint8, shape (n_contacts, n_samples), or None
        `Reason` of blanked samples.
    sampling_hz, corner_hz : float
        Sampling rate, and corner frequency of the high-pass, in Hz.

    Returns
    -------
    ndarray of bool, shape (n_contacts, n_samples), or None
        Marked samples; None if there are none.
    """
    if why is None:
        return None
    reach = round(BESIDE_PERIODS * sampling_hz / corner_hz)
    row, start, stop = runs((why == Reason.ARTIFACT) | (why == Reason.GIVEN))
    return (why > 0) | mask_of((row, start - reach, stop + reach), why.shape)


def power_spectrum(
    traces_uv: F32, sd_uv: F64, sampling_hz: float, n_samples: int, blanked: Bool | None = None
) -> Spectrum:
    """Compute the power spectrum of each contact without its spikes.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_block)
        High-passed traces in uV.
    sd_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV.
    sampling_hz : float
        Sampling rate in Hz.
    n_samples : int
        Length that all blocks are brought to; gives the frequencies of the result.
    blanked : ndarray of bool, shape (n_contacts, n_block), optional
        Samples that do not count. Default: none.

    Returns
    -------
    Spectrum
        With n_samples // 2 + 1 frequencies.
    """
    limit = (SPECTRUM_CLIP_SD * sd_uv).astype(np.float32)[:, None]
    cut = np.clip(traces_uv[:, :n_samples], -limit, limit)
    window = scipy.signal.windows.hann(cut.shape[1], sym=False).astype(np.float32)[None]
    if blanked is not None:
        window = np.where(blanked[:, :n_samples], np.float32(0.0), window)
    size = np.maximum((window**2).sum(axis=1, keepdims=True), 1e-12)
    cut *= window
    power = _squared(cut, n_samples)
    power *= 2.0 / (sampling_hz * size)
    if blanked is None:
        leak = np.zeros_like(power)
        leak[:, 0] = 1.0
    else:
        leak = _squared(window, n_samples)
        leak /= HANN_SHARE * cut.shape[1] * size
    return Spectrum(power, leak)


def _squared(traces: F32, n_samples: int) -> F32:
    out = np.empty((len(traces), n_samples // 2 + 1), np.float32)
    for first in range(0, len(traces), CONTACTS_AT_ONCE):
        rows = slice(first, first + CONTACTS_AT_ONCE)
        out[rows] = np.abs(scipy.fft.rfft(traces[rows], n_samples, axis=1)) ** 2
    return out


def spectrum_samples(n_block: int) -> int:
    """Return the length that blocks are brought to for their spectra.

    Parameters
    ----------
    n_block : int
        Length of the longest block in samples.

    Returns
    -------
    int
        At least as long, and fast to transform.

    Examples
    --------
    >>> spectrum_samples(29_999)
    30000
    """
    return int(scipy.fft.next_fast_len(n_block, real=True))


def find_lines(spectrum: Spectrum, sd_uv: F64, sampling_hz: float, corner_hz: float) -> Lines | None:
    """Find narrow lines far above the smooth background of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        Mean of the sample blocks' `power_spectrum`.
    sd_uv : ndarray of float64, shape (n_contacts,)
        Robust SD of each contact in uV.
    sampling_hz : float
        Sampling rate in Hz.
    corner_hz : float
        Corner frequency of the high-pass.

    Returns
    -------
    Lines or None
        None if there is no line.

    Notes
    -----
    A line is a peak of 20 times the background on some contact, whose sine has an amplitude of at least 0.1 SD of the
    contact, and which is no image of stronger lines: gaps in a line look like lines beside it. The strongest are
    removed, until 2 % of the frequencies are.
    """
    power = spectrum.power
    step_hz = sampling_hz / 2 / max(1, power.shape[1] - 1)
    excess = power - _background(power, max(3, round(BACKGROUND_HZ / step_hz)))
    width = 2 * HALF_PEAK_BINS + 1
    peak_uv = np.sqrt(
        2 * step_hz * np.maximum(scipy.ndimage.uniform_filter1d(excess, width, axis=1, mode="constant") * width, 0.0)
    )
    peak_uv /= np.sqrt(np.maximum(spectrum.leak[:, :1], 1e-12))
    narrow = excess >= (MIN_PEAK_RATIO - 1) * (power - excess)
    amplitude_sd = np.where(narrow, peak_uv / np.maximum(sd_uv, 1e-12)[:, None], 0.0)
    amplitude_sd[:, : int(np.ceil(LOWEST_OF_CORNER * corner_hz / step_hz))] = 0.0
    largest = np.where(amplitude_sd >= MIN_AMPLITUDE_SD, excess, 0.0).max(axis=0)
    found = np.flatnonzero((largest > 0) & (largest == scipy.ndimage.maximum_filter1d(largest, width)))
    contact = amplitude_sd[:, found].argmax(axis=0)
    own = ~_images(excess, spectrum.leak, found, contact)
    found, contact = found[own], contact[own]
    if not len(found):
        return None
    strength = amplitude_sd[contact, found]
    order = np.argsort(-strength, kind="stable")
    found, contact = found[order], contact[order]
    hz = np.array([_centre(excess[c], f) for c, f in zip(contact, found.tolist(), strict=True)]) * step_hz
    band_hz = sampling_hz / 2 - corner_hz
    n_removed = min(len(found), int(MAX_REMOVED_SHARE * band_hz / (2 * HALF_WIDTH_HZ)))
    return Lines(hz, peak_uv[contact, found].astype(np.float64), (FIT_CLIP_SD * sd_uv).astype(np.float32), n_removed)


def _background(power: F32, n_bins: int) -> F32:
    """Median of the power over windows of n_bins: (n_contacts, n) float32."""
    edges = np.arange(0, power.shape[1], n_bins)
    medians = [np.median(power[:, a : a + n_bins], axis=1) for a in edges]
    return np.repeat(np.stack(medians, axis=1), n_bins, axis=1)[:, : power.shape[1]]


def _images(excess: F32, leak: F32, found: I64, contact: I64) -> Bool:
    """Tell which peaks may be images of stronger peaks of the same contact: (n_found,) bool."""
    own = excess[contact, found]
    stronger = np.where(excess[contact][:, found] > own[:, None], excess[contact][:, found], 0.0)
    # A peak is known to a bin or two.
    beyond = np.where(np.arange(leak.shape[1]) > HALF_PEAK_BINS, leak, 0.0)
    near = scipy.ndimage.maximum_filter1d(beyond, 2 * HALF_PEAK_BINS + 1, axis=1) / np.maximum(leak[:, :1], 1e-12)
    distance = np.abs(found[:, None] - found)
    return np.asarray(own < IMAGE_RATIO * (stronger * near[contact[:, None], distance]).sum(axis=1))


def _centre(excess: F32, peak: int) -> float:
    """Centre of a peak in bins."""
    near = np.arange(max(0, peak - 2), min(len(excess), peak + 3))
    weight = np.maximum(excess[near], 0.0)
    return float((near * weight).sum() / weight.sum())


def without_lines(traces_uv: F32, lines: Lines, sampling_hz: float, unused: Bool | None = None) -> F32:
    """Subtract the lines of a block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed traces in uV.
    lines : Lines
        The lines.
    sampling_hz : float
        Sampling rate in Hz.
    unused : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples without the line: blanked ones, and those beyond the ends of the recording. Default: none.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        The traces without everything that lies within 1 Hz of a line.

    Notes
    -----
    All lines are fitted together (`fitted_lines`). A spike loses a part of 2 Hz over its bandwidth of some kHz: there
    is no ringing to be seen. Spikes are cut off before the fit. Unused samples are left out of it: amplitudes that
    change slowly cannot follow a line that ends there.
    """
    limit_uv = lines.limit_uv[:, None]
    cut = np.clip(traces_uv, -limit_uv, limit_uv)
    used = None if unused is None else ~unused
    return np.asarray(traces_uv - fitted_lines(cut, lines.hz[: lines.n_removed], sampling_hz, used))
