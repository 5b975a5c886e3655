"""What goes wrong on demand: pulses on all channels, dead channels, an amplifier that saturates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, I64
from spikesieve.simulation.parameters import FaultParams


@dataclass(frozen=True, eq=False)
class Faults:
    """Faults of one recording.

    artifact_sample  (n_artifacts,) int64, ascending: where a pulse starts
    artifact_sign    (n_artifacts,) float32, 1 or -1
    artifact_uv      (n_contacts, n_pulse) float32, the pulse
    dead             (n_dead,) int64, contacts that are flat
    saturation_uv    largest voltage, either way
    """

    artifact_sample: I64
    artifact_sign: F32
    artifact_uv: F32
    dead: I64
    saturation_uv: float


def draw_faults(
    params: FaultParams, n_contacts: int, n_samples: int, sampling_hz: float, rng: np.random.Generator
) -> Faults:
    """Faults as often as `params` asks for; a pulse is a damped oscillation of one and a half periods."""
    n = round(params.artifacts_per_min * n_samples / sampling_hz / 60)
    n_pulse = max(2, round(params.artifact_ms * sampling_hz / 1e3))
    phase = np.arange(n_pulse) / n_pulse
    pulse = params.artifact_uv * np.exp(-3 * phase) * np.sin(3 * np.pi * phase)
    size = rng.uniform(0.8, 1.2, n_contacts)
    dead = rng.choice(n_contacts, min(params.n_dead_channels, n_contacts), replace=False)
    return Faults(
        artifact_sample=np.sort(rng.integers(0, max(1, n_samples - n_pulse), n)),
        artifact_sign=rng.choice([-1.0, 1.0], n).astype(np.float32),
        artifact_uv=(size[:, None] * pulse).astype(np.float32),
        dead=np.sort(dead).astype(np.int64),
        saturation_uv=np.inf if params.saturation_uv is None else params.saturation_uv,
    )


def with_faults(traces_uv: F32, start: int, faults: Faults) -> F32:
    """Traces from sample `start` on, (n_contacts, n_samples) float32, with the faults in them (in place)."""
    n_pulse, n_samples = faults.artifact_uv.shape[1], traces_uv.shape[1]
    low, high = np.searchsorted(faults.artifact_sample, [start - n_pulse, start + n_samples])
    for sample, sign in zip(faults.artifact_sample[low:high], faults.artifact_sign[low:high], strict=True):
        first, last = max(0, sample - start), min(n_samples, sample - start + n_pulse)
        traces_uv[:, first:last] += sign * faults.artifact_uv[:, first + start - sample : last + start - sample]
    traces_uv[faults.dead] = 0
    if np.isfinite(faults.saturation_uv):
        np.clip(traces_uv, -faults.saturation_uv, faults.saturation_uv, out=traces_uv)
    return traces_uv
