"""The noise of a real recording: the spectrum of each channel and the covariance between channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spikesieve.errors import InputError
from spikesieve.model import F32, F64

C64 = NDArray[np.complex64]

# Spectra are means over pieces: short ones without spikes for high frequencies, long ones for low frequencies, where
# spikes have little power. The long ones give the filters their length: 3.7 Hz apart at 30 kHz.
SHORT_SAMPLES, LONG_SAMPLES = 2048, 8192
# Where short pieces take over, and above which they are correlated and searched for spikes.
ABOVE_HZ = 300.0
# A piece in which a channel gets farther than this many robust SDs from 0 has a spike there.
SPIKE_SDS = 5.0
LEAST_PIECES = 4


@dataclass(frozen=True, eq=False)
class MeasuredNoise:
    """What is needed to draw noise like that of a recording.

    taps    (n_contacts, n_taps) float32, unit-energy filters with the channels' spectra
    mix_uv  (n_contacts, n_contacts) float32: white noise times this has the channels' covariance and SD
    """

    taps: F32
    mix_uv: F32


def measure_noise(stretches_uv: Sequence[F32], sampling_hz: float) -> MeasuredNoise:
    """Spectrum and covariance of a recording, spikes left out.

    stretches_uv  (n_samples, n_contacts) float32 each

    High frequencies of a channel's spectrum come from pieces in which it has no spike. The covariance is that of the
    channels above 300 Hz, where spikes are. Raises InputError when there is too little of it.
    """
    long = _spectra(stretches_uv, LONG_SAMPLES)
    if len(long) < LEAST_PIECES:
        raise InputError(
            f"The recording to take the noise from has {len(long)} pieces of {LONG_SAMPLES} samples. "
            f"At least {LEAST_PIECES} are needed: give a longer one."
        )
    short = _spectra(stretches_uv, SHORT_SAMPLES)
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
    # Of the filters' energy, not of the spectrum's: the window takes some of narrow peaks and nothing of the rest.
    sd_uv = np.linalg.norm(taps, axis=1, keepdims=True)
    taps /= np.maximum(sd_uv, 1e-30)
    return MeasuredNoise(taps.astype(np.float32), (np.linalg.cholesky(correlation) * sd_uv).astype(np.float32))


def _spectra(stretches_uv: Sequence[F32], n_piece: int) -> C64:
    """(n_pieces, n_contacts, n_frequencies) complex64 spectra of windowed pieces: white noise of SD 1 has power 1."""
    window = np.hanning(n_piece).astype(np.float32)
    window /= np.linalg.norm(window)
    pieces = [
        stretch[: len(stretch) // n_piece * n_piece].reshape(-1, n_piece, stretch.shape[1]) for stretch in stretches_uv
    ]
    joined = np.concatenate(pieces).transpose(0, 2, 1).astype(np.float32)
    joined -= joined.mean(axis=2, keepdims=True)
    return np.asarray(fft.rfft(joined * window, axis=2), dtype=np.complex64)


def _quiet(short: C64) -> F64:
    """(n_pieces, n_contacts) float64, 1 where a channel has no spike; all pieces of a channel that has one in each."""
    window = np.hanning(SHORT_SAMPLES).astype(np.float32)
    # Near the ends the window has made everything small: spikes there hardly count.
    inner = window > 0.3
    size = np.abs(fft.irfft(short, SHORT_SAMPLES, axis=2)[:, :, inner]) / window[inner]
    sd = np.median(size, axis=(0, 2)) * 1.4826
    quiet = size.max(axis=2) <= SPIKE_SDS * sd
    quiet[:, ~quiet.any(axis=0)] = True
    return np.asarray(quiet, dtype=np.float64)


def _correlation(spectra: C64) -> F64:
    """(n_contacts, n_contacts) correlation of channels by their spectra; a silent channel is on its own."""
    by_channel = spectra.transpose(1, 0, 2).reshape(spectra.shape[1], -1)
    joint = (by_channel @ by_channel.conj().T).real.astype(np.float64)
    size = np.sqrt(np.diagonal(joint))
    joint /= np.maximum(np.outer(size, size), 1e-30)
    np.fill_diagonal(joint, 1.0)
    # Channels are quiet at different times: a little more on the diagonal keeps the matrix positive definite.
    missing = max(0.0, 1e-4 - float(np.linalg.eigvalsh(joint)[0]))
    return np.asarray((joint + missing * np.eye(len(joint))) / (1 + missing))
