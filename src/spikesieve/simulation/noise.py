"""What a recording holds besides spikes: noise shared by neighbours, each sensor's own, a slow field and mains hum.

Noise of the tissue and the sensors together has the SD `noise_uv` on every contact; field and hum come on top.
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

# Power of the tissue's part: flat from LOW_HZ to PINK_HZ, then falling as 1/f, and gone beyond the amplifier's end.
LOW_HZ, PINK_HZ, AMPLIFIER_HZ = 200.0, 1500.0, 7000.0
TISSUE_TAPS = 512
# Power of the slow field: from FIELD_LOW_HZ on it falls as 1/f, and steeply beyond FIELD_HIGH_HZ.
FIELD_LOW_HZ, FIELD_HIGH_HZ = 1.5, 60.0
FIELD_TAPS_S = 1.0


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Everything that is needed to draw noise.

    tissue_taps  (n_taps,) or (n_contacts, n_taps) float32, unit-energy filter that colours the tissue's noise
    tissue_uv    (n_contacts, n_contacts) float32, spreads it over contacts and gives it its SD
    sensor_uv    (n_contacts,) float32, SD of the sensors' own noise
    field_taps   (n_taps,) float32, unit-energy filter that colours the slow field
    field_uv     (n_contacts, 2) float32, what a contact sees of the field at the low and the high end of the probe
    hum_hz       mains frequency
    hum_uv       (n_contacts,) float32, amplitude of the hum
    sampling_hz  sampling rate
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
class Spill:
    """What one block of noise adds to the next ones, since filters have a memory.

    tissue  (n_contacts, n_taps - 1) float32
    field   (2, n_taps - 1) float32
    """

    tissue: F32
    field: F32


def noise_model(
    positions_um: F64, params: NoiseParams, sampling_hz: float, channel_gain: F64, measured: MeasuredNoise | None = None
) -> NoiseModel:
    """The noise that `params` asks for on contacts at `positions_um`, (n_contacts, 2) float64.

    channel_gain  (n_contacts,) float64, how many times too large each contact shows everything
    measured      takes the place of the tissue's, the sensors' and the slow noise and the hum, gains included
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


def first_spill(model: NoiseModel, rng: np.random.Generator) -> Spill:
    """What noise from before the recording adds to its first block: noise is stationary from sample 0 on."""
    n_contacts, n_tissue, n_field = len(model.tissue_uv), model.tissue_taps.shape[-1] - 1, len(model.field_taps) - 1
    silence = Spill(np.zeros((n_contacts, n_tissue), np.float32), np.zeros((2, n_field), np.float32))
    return draw_noise(model, silence, -max(n_tissue, n_field, 1), 0, rng)[1]


def draw_noise(model: NoiseModel, spill: Spill, start: int, stop: int, rng: np.random.Generator) -> tuple[F32, Spill]:
    """Noise of samples start..stop-1: (n_contacts, stop - start) float32 in uV, and what it adds to the next block.

    spill  what the block before adds to this one; `first_spill` at the start
    """
    shape = (len(model.tissue_uv), stop - start)
    white = model.tissue_uv @ rng.standard_normal(shape, dtype=np.float32)
    traces, tissue_spill = coloured(white, spill.tissue, model.tissue_taps)
    if model.sensor_uv.any():
        traces += model.sensor_uv[:, None] * rng.standard_normal(shape, dtype=np.float32)
    field_spill = spill.field
    if model.field_uv.any():
        ends, field_spill = coloured(
            rng.standard_normal((2, shape[1]), dtype=np.float32), spill.field, model.field_taps
        )
        traces += model.field_uv @ ends
    if model.hum_uv.any():
        times_s = np.arange(start, stop) / model.sampling_hz
        traces += model.hum_uv[:, None] * np.sin(2 * np.pi * model.hum_hz * times_s).astype(np.float32)
    return traces, Spill(tissue_spill, field_spill)


def coloured(white: F32, spill: F32, taps: F32) -> tuple[F32, F32]:
    """White noise through a filter, block by block (overlap-add).

    white  (n_rows, n_samples) float32
    taps   (n_taps,) float32 for all rows, or (n_rows, n_taps)
    spill  (n_rows, n_taps - 1) float32, what earlier blocks add to this one and those after
    Returns (n_rows, n_samples) float32 and the spill for the next block.
    """
    n_samples, n_over = white.shape[1], taps.shape[-1] - 1
    if n_over == 0:
        return white * taps, spill
    length = fft.next_fast_len(n_samples + n_over, real=True)
    full = fft.irfft(fft.rfft(white, length, axis=1) * fft.rfft(taps, length), length, axis=1)
    full[:, :n_over] += spill
    return full[:, :n_samples], full[:, n_samples : n_samples + n_over].copy()


def spectral_taps(power: Callable[[F64], F64], n_taps: int, sampling_hz: float) -> F32:
    """A filter that gives white noise the wanted spectrum: (n_taps,) float32 of unit energy, so that SD 1 stays SD 1.

    power  relative power at frequencies in Hz
    """
    frequency_hz = fft.rfftfreq(n_taps, 1 / sampling_hz)
    taps = np.roll(fft.irfft(np.sqrt(power(frequency_hz)), n_taps), n_taps // 2) * np.hanning(n_taps)
    return np.asarray(taps / np.linalg.norm(taps), dtype=np.float32)


def tissue_power(frequency_hz: F64) -> F64:
    """Relative power of the tissue's noise: a band that falls as 1/f above PINK_HZ."""
    low = (frequency_hz / LOW_HZ) ** 2
    return np.asarray(low / (1 + low) / (1 + frequency_hz / PINK_HZ) / (1 + (frequency_hz / AMPLIFIER_HZ) ** 8))


def field_power(frequency_hz: F64) -> F64:
    """Relative power of the slow field: 1/f from FIELD_LOW_HZ to FIELD_HIGH_HZ."""
    low = (frequency_hz / FIELD_LOW_HZ) ** 4
    return np.asarray(low / (1 + low) / (1 + frequency_hz / FIELD_LOW_HZ) / (1 + (frequency_hz / FIELD_HIGH_HZ) ** 4))


def spatial_mix(positions_um: F64, params: NoiseParams) -> F32:
    """The Cholesky factor of the tissue's covariance between contacts, of variance 1: (n_contacts, n_contacts) float32.

    d um apart it is shared_share exp(-d / correlation_um).
    """
    covariance = params.shared_share * np.exp(-cdist(positions_um, positions_um) / params.correlation_um)
    covariance += (1 - params.shared_share) * np.eye(len(positions_um))
    return np.linalg.cholesky(covariance).astype(np.float32)
