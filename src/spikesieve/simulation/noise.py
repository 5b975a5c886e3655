"""Noise of a simulated recording: shared by neighbouring contacts, each sensor's own, a slow field, mains hum.

The noise of tissue and sensors together has the SD `noise_uv` on every contact; slow field and hum come on top.
Formulas and spectra: docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.spatial.distance import cdist

from spikesieve.model import F32, F64
from spikesieve.simulation.measured_noise import MeasuredNoise
from spikesieve.simulation.parameters import NoiseParams

# Power of the tissue's noise: flat from LOW_HZ to PINK_HZ, then falling as 1/f up to the amplifier's limit.
LOW_HZ, PINK_HZ, AMPLIFIER_HZ = 200.0, 1500.0, 7000.0
TISSUE_TAPS = 512
# Power of the slow field: falling as 1/f from FIELD_LOW_HZ, and steeply above FIELD_HIGH_HZ.
FIELD_LOW_HZ, FIELD_HIGH_HZ = 1.5, 60.0
FIELD_TAPS_S = 1.0


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Filters and sizes of the noise.

    Attributes
    ----------
    tissue_taps : ndarray of float32, shape (n_taps,) or (n_contacts, n_taps)
        Filter of unit energy that gives the tissue's noise its spectrum.
    tissue_uv : ndarray of float32, shape (n_contacts, n_contacts)
        Matrix that gives the tissue's noise its covariance and SD.
    sensor_uv : ndarray of float32, shape (n_contacts,)
        SD of each sensor's own noise.
    field_taps : ndarray of float32, shape (n_taps,)
        Filter of unit energy that gives the slow field its spectrum.
    field_uv : ndarray of float32, shape (n_contacts, 2)
        Weights of the fields at the low and the high end of the probe.
    hum_hz : float
        Mains frequency.
    hum_uv : ndarray of float32, shape (n_contacts,)
        Amplitude of the hum.
    sampling_hz : float
        Sampling rate in Hz.
    """

    tissue_taps: F32
    tissue_uv: F32
    sensor_uv: F32
    field_taps: F32
    field_uv: F32
    hum_hz: float
    hum_uv: F32
    sampling_hz: float


@dataclass(frozen=True, eq=False)
class Overlap:
    """What the filters add to the samples after a block.

    Attributes
    ----------
    tissue : ndarray of float32, shape (n_contacts, n_taps - 1)
        Of the tissue's noise.
    field : ndarray of float32, shape (2, n_taps - 1)
        Of the slow field.
    """

    tissue: F32
    field: F32


def noise_model(
    positions_um: F64, params: NoiseParams, sampling_hz: float, channel_gain: F64, measured: MeasuredNoise | None = None
) -> NoiseModel:
    """Set up the noise of a recording.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Contacts in um.
    params : NoiseParams
        Sizes and spectra.
    sampling_hz : float
        Sampling rate in Hz.
    channel_gain : ndarray of float64, shape (n_contacts,)
        Factor on everything that a contact records.
    measured : MeasuredNoise, optional
        Replaces the noise of tissue and sensors, the slow field and the hum, gains included.

    Returns
    -------
    NoiseModel
        For `draw_noise`.
    """
    gain = channel_gain.astype(np.float32)
    flat: F32 = np.zeros(len(positions_um), np.float32)
    if measured is not None:
        return NoiseModel(
            measured.taps,
            measured.mix_uv,
            flat,
            np.ones(1, np.float32),
            np.stack([flat, flat], axis=1),
            1.0,
            flat,
            sampling_hz,
        )
    depth_um = positions_um[:, 1]
    height = (depth_um - depth_um.min()) / max(1.0, float(np.ptp(depth_um)))
    white = params.noise_colour == "white"
    tissue_uv = params.noise_uv * np.sqrt(1 - params.sensor_share)
    field_uv = np.stack([1 - height, height], axis=1) * params.slow_field_uv * channel_gain[:, None]
    return NoiseModel(
        tissue_taps=np.ones(1, np.float32) if white else spectral_taps(tissue_power, TISSUE_TAPS, sampling_hz),
        tissue_uv=spatial_mix(positions_um, params) * gain[:, None] * np.float32(tissue_uv),
        sensor_uv=gain * np.float32(params.noise_uv * np.sqrt(params.sensor_share)),
        field_taps=spectral_taps(field_power, round(FIELD_TAPS_S * sampling_hz), sampling_hz),
        field_uv=field_uv.astype(np.float32),
        hum_hz=params.hum_hz,
        hum_uv=gain * np.float32(params.hum_uv),
        sampling_hz=sampling_hz,
    )


def initial_overlap(model: NoiseModel, rng: np.random.Generator) -> Overlap:
    """Draw what noise before the recording adds to its first block, so that noise is stationary from sample 0 on.

    Parameters
    ----------
    model : NoiseModel
        From `noise_model`.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Overlap
        For the first call of `draw_noise`.
    """
    n_contacts, n_tissue, n_field = len(model.tissue_uv), model.tissue_taps.shape[-1] - 1, len(model.field_taps) - 1
    silence = Overlap(np.zeros((n_contacts, n_tissue), np.float32), np.zeros((2, n_field), np.float32))
    return draw_noise(model, silence, -max(n_tissue, n_field, 1), 0, rng)[1]


def draw_noise(
    model: NoiseModel, overlap: Overlap, start: int, stop: int, rng: np.random.Generator
) -> tuple[F32, Overlap]:
    """Draw the noise of one block.

    Parameters
    ----------
    model : NoiseModel
        From `noise_model`.
    overlap : Overlap
        What the block before adds to this one; `initial_overlap` for the first block.
    start, stop : int
        First sample of the block, and the sample after its last.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    traces_uv : ndarray of float32, shape (n_contacts, stop - start)
        Noise in uV.
    overlap : Overlap
        What this block adds to the next one.

    Examples
    --------
    >>> model = noise_model(np.zeros((1, 2)), NoiseParams(noise_uv=9.0, hum_uv=0.0, slow_field_uv=0.0), 3e4, np.ones(1))
    >>> rng = np.random.default_rng(0)
    >>> traces_uv, overlap = draw_noise(model, initial_overlap(model, rng), 0, 30_000, rng)
    >>> round(float(traces_uv.std()))
    9
    """
    shape = (len(model.tissue_uv), stop - start)
    white = model.tissue_uv @ rng.standard_normal(shape, dtype=np.float32)
    traces, tissue_overlap = filter_block(white, overlap.tissue, model.tissue_taps)
    if model.sensor_uv.any():
        traces += model.sensor_uv[:, None] * rng.standard_normal(shape, dtype=np.float32)
    field_overlap = overlap.field
    if model.field_uv.any():
        ends, field_overlap = filter_block(
            rng.standard_normal((2, shape[1]), dtype=np.float32), overlap.field, model.field_taps
        )
        traces += model.field_uv @ ends
    if model.hum_uv.any():
        times_s = np.arange(start, stop) / model.sampling_hz
        traces += model.hum_uv[:, None] * np.sin(2 * np.pi * model.hum_hz * times_s).astype(np.float32)
    return traces, Overlap(tissue_overlap, field_overlap)


def filter_block(white: F32, overlap: F32, taps: F32) -> tuple[F32, F32]:
    """Filter one block of white noise (overlap-add).

    Parameters
    ----------
    white : ndarray of float32, shape (n_rows, n_samples)
        White noise.
    overlap : ndarray of float32, shape (n_rows, n_taps - 1)
        What earlier blocks add to this one and the next ones.
    taps : ndarray of float32, shape (n_taps,) or (n_rows, n_taps)
        One filter for all rows, or one for each.

    Returns
    -------
    filtered : ndarray of float32, shape (n_rows, n_samples)
        Filtered noise.
    overlap : ndarray of float32, shape (n_rows, n_taps - 1)
        For the next block.

    Examples
    --------
    >>> white, taps = np.ones((1, 4), np.float32), np.array([1.0, 0.5], np.float32)
    >>> filtered, overlap = filter_block(white, np.zeros((1, 1), np.float32), taps)
    >>> np.round(filtered, 3), np.round(overlap, 3)
    (array([[1. , 1.5, 1.5, 1.5]], dtype=float32), array([[0.5]], dtype=float32))
    """
    n_samples, n_over = white.shape[1], taps.shape[-1] - 1
    if n_over == 0:
        return white * taps, overlap
    length = fft.next_fast_len(n_samples + n_over, real=True)
    full = fft.irfft(fft.rfft(white, length, axis=1) * fft.rfft(taps, length), length, axis=1)
    full[:, :n_over] += overlap
    return full[:, :n_samples], full[:, n_samples : n_samples + n_over].copy()


def spectral_taps(power: Callable[[F64], F64], n_taps: int, sampling_hz: float) -> F32:
    """Design a filter that gives white noise a spectrum.

    Parameters
    ----------
    power : callable
        Relative power at frequencies in Hz.
    n_taps : int
        Length of the filter.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (n_taps,)
        Of unit energy: noise of SD 1 keeps SD 1.
    """
    frequency_hz = fft.rfftfreq(n_taps, 1 / sampling_hz)
    taps = np.roll(fft.irfft(np.sqrt(power(frequency_hz)), n_taps), n_taps // 2) * np.hanning(n_taps)
    return np.asarray(taps / np.linalg.norm(taps), dtype=np.float32)


def tissue_power(frequency_hz: F64) -> F64:
    """Return the relative power of the tissue's noise: a band that falls as 1/f above PINK_HZ.

    Parameters
    ----------
    frequency_hz : ndarray of float64, shape (n,)
        Frequencies in Hz.

    Returns
    -------
    ndarray of float64, shape (n,)
        Relative power.
    """
    low = (frequency_hz / LOW_HZ) ** 2
    return np.asarray(low / (1 + low) / (1 + frequency_hz / PINK_HZ) / (1 + (frequency_hz / AMPLIFIER_HZ) ** 8))


def field_power(frequency_hz: F64) -> F64:
    """Return the relative power of the slow field: 1/f from FIELD_LOW_HZ to FIELD_HIGH_HZ.

    Parameters
    ----------
    frequency_hz : ndarray of float64, shape (n,)
        Frequencies in Hz, 0 among them.

    Returns
    -------
    ndarray of float64, shape (n,)
        Power relative to the plateau.
    """
    low = (frequency_hz / FIELD_LOW_HZ) ** 4
    return np.asarray(low / (1 + low) / (1 + frequency_hz / FIELD_LOW_HZ) / (1 + (frequency_hz / FIELD_HIGH_HZ) ** 4))


def spatial_mix(positions_um: F64, params: NoiseParams) -> F32:
    """Return the Cholesky factor of the tissue noise's covariance between contacts.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Contacts in um.
    params : NoiseParams
        The covariance at distance d is shared_share exp(-d / correlation_um); the variance is 1.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_contacts)
        Lower triangular.
    """
    covariance = params.shared_share * np.exp(-cdist(positions_um, positions_um) / params.correlation_um)
    covariance += (1 - params.shared_share) * np.eye(len(positions_um))
    return np.linalg.cholesky(covariance).astype(np.float32)
