"""Narrow lines of interference: found in the spectra of sample blocks, fitted and subtracted block by block.

See docs/interference.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.fft import next_fast_len, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal.windows import hann

from spikesieve.model import F32, F64, I64, Bool

# Spikes and artifacts are cut off at this many SD, so that they are no part of a spectrum or a fit. A sine never is:
# its peak is 1.35 times its robust SD.
SPECTRUM_CLIP_SD, FIT_CLIP_SD = 5.0, 4.0
# The background is the median of the spectrum over this bandwidth.
BACKGROUND_HZ = 100.0
# A line stands out of the background by this factor; noise does not reach it in one spectrum of a second.
MIN_PEAK_RATIO = 20.0
# A sine of 0.1 SD is half a percent of the noise: a smaller one changes nothing.
MIN_AMPLITUDE_SD = 0.1
# A line with a Hann window fills the bins up to 2 away from its own.
HALF_PEAK_BINS = 3
# What is removed around each line, on either side.
HALF_WIDTH_HZ = 1.0
# A line is fitted in pieces of about this length.
PIECE_S = 1.0
# Combinations of sines with less than this share of the size of the largest are not fitted: they are 0, or lie in gaps.
SMALLEST_SIZE = 1e-6
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


def power_spectrum(traces_uv: F32, sd_uv: F64, sampling_hz: float, n_samples: int) -> F32:
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

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples // 2 + 1)
        In uV^2 / Hz. Its sum times the distance of frequencies is the variance.
    """
    limit = (SPECTRUM_CLIP_SD * sd_uv).astype(np.float32)[:, None]
    cut = np.clip(traces_uv[:, :n_samples], -limit, limit)
    window = hann(cut.shape[1], sym=False).astype(np.float32)
    power = np.abs(rfft(cut * window, n_samples, axis=1)) ** 2
    return np.asarray(power * (2.0 / (sampling_hz * float((window**2).sum()))), dtype=np.float32)


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
    return int(next_fast_len(n_block, real=True))


def find_lines(power: F32, sd_uv: F64, sampling_hz: float, corner_hz: float) -> Lines | None:
    """Find narrow lines far above the smooth background of a spectrum.

    Parameters
    ----------
    power : ndarray of float32, shape (n_contacts, n_bins)
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
    contact. The strongest are removed, until 2 % of the frequencies are.
    """
    step_hz = sampling_hz / 2 / max(1, power.shape[1] - 1)
    excess = power - _background(power, max(3, round(BACKGROUND_HZ / step_hz)))
    width = 2 * HALF_PEAK_BINS + 1
    peak_uv = np.sqrt(2 * step_hz * np.maximum(uniform_filter1d(excess, width, axis=1, mode="constant") * width, 0.0))
    narrow = excess >= (MIN_PEAK_RATIO - 1) * (power - excess)
    amplitude_sd = np.where(narrow, peak_uv / np.maximum(sd_uv, 1e-12)[:, None], 0.0)
    amplitude_sd[:, : int(np.ceil(LOWEST_OF_CORNER * corner_hz / step_hz))] = 0.0
    largest = np.where(amplitude_sd >= MIN_AMPLITUDE_SD, excess, 0.0).max(axis=0)
    found = np.flatnonzero((largest > 0) & (largest == maximum_filter1d(largest, width)))
    if not len(found):
        return None
    contact = amplitude_sd[:, found].argmax(axis=0)
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
    The block is cut into pieces of about a second. In each, a line is fitted by least squares as sine and cosine times
    Legendre polynomials, 2 T + 1 of them for a piece of T seconds and 1 Hz on either side, so that amplitude and phase
    may change. A spike loses a part of 2 Hz over its bandwidth of some kHz: there is no ringing to be seen. Spikes are
    cut off before the fit. Unused samples are left out of it: amplitudes that change slowly cannot follow a line that
    ends there.
    """
    n_contacts, n_samples = traces_uv.shape
    n_pieces = max(1, round(n_samples / (PIECE_S * sampling_hz)))
    n_each = -(-n_samples // n_pieces)
    longer = (0, 0), (0, n_pieces * n_each - n_samples)
    pieces = np.pad(traces_uv, longer).reshape(-1, n_each)
    gaps = None if unused is None else _Gaps.of(np.pad(unused, longer, constant_values=True).reshape(-1, n_each))
    limit = np.repeat(lines.limit_uv, n_pieces)[:, None]
    for hz in lines.hz[: lines.n_removed]:
        pieces -= _fitted(np.clip(pieces, -limit, limit), _narrow_band(hz, n_each, sampling_hz), gaps)
    return np.ascontiguousarray(pieces.reshape(n_contacts, -1)[:, :n_samples])


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Samples of the pieces that are not used; pieces mostly share their gaps."""

    different: Bool
    of_piece: I64

    @classmethod
    def of(cls, unused: Bool) -> _Gaps:
        different, of_piece = np.unique(unused, axis=0, return_inverse=True)
        return cls(different, of_piece.ravel())


def _fitted(pieces: F32, basis: F32, gaps: _Gaps | None) -> F32:
    """The part of each piece that lies in a narrow band, fitted to the samples outside the gaps."""
    if gaps is None:
        return np.asarray((pieces @ basis) @ basis.T)
    scores = np.where(gaps.different[gaps.of_piece], 0.0, pieces) @ basis
    # The columns are orthonormal over the whole piece, not outside the gaps.
    norms = np.stack([basis[~gap].T @ basis[~gap] for gap in gaps.different])
    inverse = np.linalg.pinv(norms, rcond=SMALLEST_SIZE, hermitian=True)[gaps.of_piece]
    return np.asarray((scores[:, None] @ inverse)[:, 0] @ basis.T, dtype=np.float32)


def _narrow_band(hz: float, n_samples: int, sampling_hz: float) -> F32:
    """Orthonormal columns for a line whose amplitude and phase change slowly: (n_samples, n) float32."""
    n_polynomials = 1 + int(np.ceil(2 * HALF_WIDTH_HZ * n_samples / sampling_hz))
    slow = legvander(np.linspace(-1, 1, n_samples), n_polynomials - 1)
    phase = 2 * np.pi * hz / sampling_hz * np.arange(n_samples)
    columns = np.hstack([slow * np.cos(phase)[:, None], slow * np.sin(phase)[:, None]])
    sizes, vectors = np.linalg.eigh(columns.T @ columns)
    # At half the sampling rate the sine is 0 at every sample.
    used = sizes > SMALLEST_SIZE * sizes[-1]
    return np.asarray(columns @ (vectors[:, used] / np.sqrt(sizes[used])), dtype=np.float32)
