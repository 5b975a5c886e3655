"""Measure the noise of a real recording: the spectrum of each channel and the covariance between channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spikesieve.errors import InputError
from spikesieve.model import F32, F64

C64 = NDArray[np.complex64]

# Spectra are means over pieces. High frequencies come from short pieces without spikes, low frequencies from long ones,
# where spikes have little power. The long pieces set the length of the filters: 3.7 Hz apart at 30 kHz.
SHORT_SAMPLES, LONG_SAMPLES = 2048, 8192
# Short pieces are used above this frequency; there channels are correlated and searched for spikes.
ABOVE_HZ = 300.0
# A larger deviation from 0, in robust SDs, is a spike.
SPIKE_SDS = 5.0
MIN_PIECES = 4


@dataclass(frozen=True, eq=False)
class MeasuredNoise:
    """Noise like that of a recording.

    Attributes
    ----------
    taps : ndarray of float32, shape (n_contacts, n_taps)
        Filters of unit energy with the channels' spectra.
    mix_uv : ndarray of float32, shape (n_contacts, n_contacts)
        Matrix that gives white noise the channels' covariance and SD.
    """

    taps: F32
    mix_uv: F32


def measure_noise(excerpts_uv: Sequence[F32], sampling_hz: float) -> MeasuredNoise:
    """Measure spectrum and covariance of a recording without its spikes.

    Parameters
    ----------
    excerpts_uv : sequence of ndarray of float32, shape (n_samples, n_contacts)
        Parts of the recording in uV.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    MeasuredNoise
        High frequencies of a channel come from pieces without a spike on it. The covariance is that above 300 Hz,
        where spikes are.

    Raises
    ------
    InputError
        If the excerpts are too short.

    Examples
    --------
    >>> white_uv = np.random.default_rng(0).normal(0, 7, (40_000, 2)).astype(np.float32)
    >>> np.round(np.diag(measure_noise([white_uv], 30000.0).mix_uv))
    array([7., 7.], dtype=float32)
    """
    long = _spectra(excerpts_uv, LONG_SAMPLES)
    if len(long) < MIN_PIECES:
        raise InputError(
            f"The recording to take the noise from has {len(long)} pieces of {LONG_SAMPLES} samples. "
            f"At least {MIN_PIECES} are needed: give a longer one."
        )
    short = _spectra(excerpts_uv, SHORT_SAMPLES)
    short_hz, long_hz = (fft.rfftfreq(n, 1 / sampling_hz) for n in (SHORT_SAMPLES, LONG_SAMPLES))
    short[:, :, short_hz < ABOVE_HZ] = 0
    quiet = _quiet(short)
    fast = np.einsum("pc,pcf->cf", quiet / quiet.sum(axis=0), np.abs(short) ** 2)
    power: F64 = np.asarray(np.mean(np.abs(long) ** 2, axis=0), dtype=np.float64)
    above = long_hz >= ABOVE_HZ + sampling_hz / SHORT_SAMPLES
    power[:, above] = np.stack([np.interp(long_hz[above], short_hz, row) for row in fast])
    correlation = _correlation(short * quiet[:, :, None].astype(np.float32))
    taps = fft.irfft(np.sqrt(power), LONG_SAMPLES, axis=1)
    taps = np.roll(taps, LONG_SAMPLES // 2, axis=1) * np.hanning(LONG_SAMPLES)
    # The SD is that of the filters, not of the spectrum: the window lowers narrow peaks.
    sd_uv = np.linalg.norm(taps, axis=1, keepdims=True)
    taps /= np.maximum(sd_uv, 1e-30)
    return MeasuredNoise(taps.astype(np.float32), (np.linalg.cholesky(correlation) * sd_uv).astype(np.float32))


def _spectra(excerpts_uv: Sequence[F32], n_piece: int) -> C64:
    """Return spectra of windowed pieces (n_pieces, n_contacts, n_frequencies); white noise of SD 1 has power 1."""
    window = np.hanning(n_piece).astype(np.float32)
    window /= np.linalg.norm(window)
    pieces = [
        excerpt[: len(excerpt) // n_piece * n_piece].reshape(-1, n_piece, excerpt.shape[1]) for excerpt in excerpts_uv
    ]
    joined = np.concatenate(pieces).transpose(0, 2, 1).astype(np.float32)
    joined -= joined.mean(axis=2, keepdims=True)
    return np.asarray(fft.rfft(joined * window, axis=2), dtype=np.complex64)


def _quiet(short: C64) -> F64:
    """Return 1 where a piece has no spike, (n_pieces, n_contacts); 1 for all pieces of a channel with one in each."""
    window = np.hanning(SHORT_SAMPLES).astype(np.float32)
    # Near its ends a piece is small because of the window, so spikes there do not matter.
    inner = window > 0.3
    size = np.abs(fft.irfft(short, SHORT_SAMPLES, axis=2)[:, :, inner]) / window[inner]
    sd = np.median(size, axis=(0, 2)) * 1.4826
    quiet = size.max(axis=2) <= SPIKE_SDS * sd
    quiet[:, ~quiet.any(axis=0)] = True
    return np.asarray(quiet, dtype=np.float64)


def _correlation(spectra: C64) -> F64:
    """Return the correlation of channels from their spectra; a silent channel correlates with none."""
    by_channel = spectra.transpose(1, 0, 2).reshape(spectra.shape[1], -1)
    joint = (by_channel @ by_channel.conj().T).real.astype(np.float64)
    size = np.sqrt(np.diagonal(joint))
    joint /= np.maximum(np.outer(size, size), 1e-30)
    np.fill_diagonal(joint, 1.0)
    # Each pair of channels uses other pieces: some more on the diagonal makes the matrix positive definite.
    missing = max(0.0, 1e-4 - float(np.linalg.eigvalsh(joint)[0]))
    return np.asarray((joint + missing * np.eye(len(joint))) / (1 + missing))
