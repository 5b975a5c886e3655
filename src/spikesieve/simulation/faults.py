"""Faults of a simulated recording: artifacts on all channels, dead channels, a saturating amplifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, I64
from spikesieve.simulation.parameters import FaultParams


@dataclass(frozen=True, eq=False)
class Faults:
    """Faults of one recording.

    Attributes
    ----------
    artifact_sample : ndarray of int64, shape (n_artifacts,)
        Where each artifact starts, ascending.
    artifact_sign : ndarray of float32, shape (n_artifacts,)
        1 or -1.
    artifact_uv : ndarray of float32, shape (n_contacts, n_samples)
        Waveform of an artifact.
    dead : ndarray of int64, shape (n_dead,)
        Contacts without signal.
    saturation_uv : float
        Largest voltage, positive or negative.
    """

    artifact_sample: I64
    artifact_sign: F32
    artifact_uv: F32
    dead: I64
    saturation_uv: float


def draw_faults(
    params: FaultParams, n_contacts: int, n_samples: int, sampling_hz: float, rng: np.random.Generator
) -> Faults:
    """Draw the faults of a recording.

    Parameters
    ----------
    params : FaultParams
        Which faults, and how many.
    n_contacts, n_samples : int
        Size of the recording.
    sampling_hz : float
        Sampling rate in Hz.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Faults
        An artifact is a damped oscillation of one and a half periods.
    """
    n = round(params.artifacts_per_min * n_samples / sampling_hz / 60)
    n_artifact = max(2, round(params.artifact_ms * sampling_hz / 1e3))
    phase = np.arange(n_artifact) / n_artifact
    artifact_uv = params.artifact_uv * np.exp(-3 * phase) * np.sin(3 * np.pi * phase)
    size = rng.uniform(0.8, 1.2, n_contacts)
    dead = rng.choice(n_contacts, min(params.n_dead_channels, n_contacts), replace=False)
    return Faults(
        artifact_sample=np.sort(rng.integers(0, max(1, n_samples - n_artifact), n)),
        artifact_sign=rng.choice([-1.0, 1.0], n).astype(np.float32),
        artifact_uv=(size[:, None] * artifact_uv).astype(np.float32),
        dead=np.sort(dead).astype(np.int64),
        saturation_uv=np.inf if params.saturation_uv is None else params.saturation_uv,
    )


def apply_faults(traces_uv: F32, start: int, faults: Faults) -> F32:
    """Add the faults to a block of the recording.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        Changed in place.
    start : int
        Sample of the recording at which the block starts.
    faults : Faults
        Faults of the recording.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        `traces_uv` itself.

    Examples
    --------
    >>> params = FaultParams(n_dead_channels=1)
    >>> faults = draw_faults(params, 3, 100, 30000.0, np.random.default_rng(0))
    >>> int(apply_faults(np.ones((3, 100), np.float32), 0, faults).any(axis=1).sum())
    2
    """
    n_artifact, n_samples = faults.artifact_uv.shape[1], traces_uv.shape[1]
    low, high = np.searchsorted(faults.artifact_sample, [start - n_artifact, start + n_samples])
    for sample, sign in zip(faults.artifact_sample[low:high], faults.artifact_sign[low:high], strict=True):
        first, last = max(0, sample - start), min(n_samples, sample - start + n_artifact)
        traces_uv[:, first:last] += sign * faults.artifact_uv[:, first + start - sample : last + start - sample]
    traces_uv[faults.dead] = 0
    if np.isfinite(faults.saturation_uv):
        np.clip(traces_uv, -faults.saturation_uv, faults.saturation_uv, out=traces_uv)
    return traces_uv
