"""Hum of the mains in raw traces, below the band of spikes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spikesieve.model import F32, F64

MAINS_HZ = (50.0, 60.0)
# The background is measured this far from the line on both sides, in Hz.
BESIDE_HZ = (3.0, 8.0)
# Amplitude of the line over that of its background from which on it is hum: spectra of noise stay far below.
MIN_RATIO = 8.0


def mains_hum(pieces_uv: Iterable[F32], sampling_hz: float) -> tuple[float, float] | None:
    """Find hum of the mains.

    Parameters
    ----------
    pieces_uv : iterable of ndarray of float32, shape (n_contacts, n_samples)
        Raw traces of about a second each, all of one length.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    (float, float) or None
        Frequency in Hz, and amplitude of the sine on the usual contact in uV; None if there is none.

    Examples
    --------
    >>> time_s = np.arange(30_000) / 30_000
    >>> noise = np.random.default_rng(0).standard_normal((4, 30_000)).astype(np.float32)
    >>> hum = (20 * np.sin(2 * np.pi * 50 * time_s)).astype(np.float32)
    >>> mains_hum([noise], 30_000.0) is None, round(mains_hum([noise + hum], 30_000.0)[1])
    (True, 20)
    """
    spectra = [
        _amplitudes(piece, sampling_hz) for piece in pieces_uv if piece.shape[1] * MAINS_HZ[0] > 20 * sampling_hz
    ]
    if not spectra:
        return None
    hz = spectra[0][0]
    amplitude_uv = np.median([np.median(amplitude, axis=0) for _, amplitude in spectra], axis=0)
    found = []
    for line_hz in MAINS_HZ:
        away = np.abs(hz - line_hz)
        background = amplitude_uv[(away >= BESIDE_HZ[0]) & (away <= BESIDE_HZ[1])]
        peak = float(amplitude_uv[away < BESIDE_HZ[0] / 2].max(initial=0.0))
        if len(background) and peak > MIN_RATIO * float(np.median(background)) > 0:
            found.append((line_hz, peak))
    return max(found, key=lambda line: line[1], default=None)


def _amplitudes(uv: F32, sampling_hz: float) -> tuple[F64, F64]:
    """Frequencies below 100 Hz, and the amplitude of a sine at each, seen through a Hann window."""
    n = uv.shape[1]
    window = np.hanning(n)
    centred = np.nan_to_num(uv - np.nanmean(uv, axis=1, keepdims=True))
    spectrum: F64 = np.abs(np.fft.rfft(centred * window, axis=1)) * (2 / window.sum())
    hz = np.arange(n // 2 + 1) * (sampling_hz / n)
    low = hz < 100.0
    return hz[low], spectrum[:, low]
