"""Faults of a simulated recording: artifacts, stimulation, dead channels, silence, a saturating amplifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, I64
from spikesieve.simulation.parameters import FaultParams

# Beyond what a sample of the file can hold, so that it is written as the limit of int16.
RAIL_UV = 1e9
# The tail of a pulse is this much lower than its phases, and ends after this many time constants.
TAIL_SIZE, TAIL_LENGTHS = 1 / 3, 6.0


@dataclass(frozen=True, eq=False)
class Added:
    """A waveform that is added to all contacts again and again.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Where each one starts, ascending.
    sign : ndarray of float32, shape (n,)
        1 or -1.
    uv : ndarray of float32, shape (n_contacts, n_waveform)
        The waveform.
    """

    sample: I64
    sign: F32
    uv: F32


@dataclass(frozen=True, eq=False)
class Held:
    """Intervals in which contacts have one value.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Where each one starts, ascending.
    n_samples : int
        How long each one is.
    contacts : ndarray of int64, shape (n_held,)
        The contacts.
    uv : float
        The value.
    """

    sample: I64
    n_samples: int
    contacts: I64
    uv: float


@dataclass(frozen=True, eq=False)
class Faults:
    """Faults of one recording.

    Attributes
    ----------
    artifacts, pulses : Added
        Artifacts at random times, and stimulation.
    dead : ndarray of int64, shape (n_dead,)
        Contacts without signal.
    saturation_uv : float
        Largest voltage, positive or negative.
    silences, rails : Held
        Intervals of zeros, and intervals at the limit of the converter.
    """

    artifacts: Added
    pulses: Added
    dead: I64
    saturation_uv: float
    silences: Held
    rails: Held


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
        An artifact is a damped oscillation of one and a half periods. A pulse of stimulation has two phases of opposite
        sign and an exponential tail; it differs more between contacts.
    """
    n = round(params.artifacts_per_min * n_samples / sampling_hz / 60)
    n_artifact = max(2, round(params.artifact_ms * sampling_hz / 1e3))
    phase = np.arange(n_artifact) / n_artifact
    artifact_uv = params.artifact_uv * np.exp(-3 * phase) * np.sin(3 * np.pi * phase)
    size = rng.uniform(0.8, 1.2, n_contacts)
    dead = rng.choice(n_contacts, min(params.n_dead_channels, n_contacts), replace=False)
    sample = np.sort(rng.integers(0, max(1, n_samples - n_artifact), n))
    sign = rng.choice([-1.0, 1.0], n).astype(np.float32)
    pulse_size = rng.uniform(0.5, 1.5, n_contacts)
    all_contacts, railed = np.arange(n_contacts), params.n_rail_channels or n_contacts
    pulse_sample = _even(params.pulses_hz, n_samples, sampling_hz)
    return Faults(
        artifacts=Added(sample, sign, (size[:, None] * artifact_uv).astype(np.float32)),
        pulses=Added(
            pulse_sample,
            np.ones(len(pulse_sample), np.float32),
            (pulse_size[:, None] * _pulse_uv(params, sampling_hz)).astype(np.float32),
        ),
        dead=np.sort(dead).astype(np.int64),
        saturation_uv=np.inf if params.saturation_uv is None else params.saturation_uv,
        silences=Held(
            _even(params.silences_per_min / 60, n_samples, sampling_hz),
            max(1, round(params.silence_ms * sampling_hz / 1e3)),
            all_contacts,
            0.0,
        ),
        rails=Held(
            _even(params.rails_per_min / 60, n_samples, sampling_hz),
            max(1, round(params.rail_ms * sampling_hz / 1e3)),
            np.sort(rng.permutation(n_contacts)[:railed]),
            RAIL_UV,
        ),
    )


def _even(rate_hz: float, n_samples: int, sampling_hz: float) -> I64:
    """Samples at even distances, the first after half of one."""
    if rate_hz == 0:
        return np.empty(0, np.int64)
    return np.round(np.arange(0.5, n_samples * rate_hz / sampling_hz) * sampling_hz / rate_hz).astype(np.int64)


def _pulse_uv(params: FaultParams, sampling_hz: float) -> F32:
    """A pulse of stimulation on a contact of mean size."""
    n_phase = max(1, round(params.pulse_phase_ms * sampling_hz / 1e3))
    tail_samples = params.pulse_tail_ms * sampling_hz / 1e3
    tail = -TAIL_SIZE * np.exp(-np.arange(round(TAIL_LENGTHS * tail_samples)) / tail_samples)
    shape = np.concatenate([np.ones(n_phase), -np.ones(n_phase), tail])
    return np.asarray(params.pulse_uv * shape, dtype=np.float32)


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
    for added in (faults.artifacts, faults.pulses):
        _add(traces_uv, start, added)
    traces_uv[faults.dead] = 0
    if np.isfinite(faults.saturation_uv):
        np.clip(traces_uv, -faults.saturation_uv, faults.saturation_uv, out=traces_uv)
    for held in (faults.silences, faults.rails):
        for first, last, _ in _inside(held.sample, held.n_samples, start, traces_uv.shape[1]):
            traces_uv[held.contacts, first:last] = held.uv
    return traces_uv


def _add(traces_uv: F32, start: int, added: Added) -> None:
    n_waveform = added.uv.shape[1]
    for first, last, which in _inside(added.sample, n_waveform, start, traces_uv.shape[1]):
        begin = start - int(added.sample[which])
        traces_uv[:, first:last] += added.sign[which] * added.uv[:, first + begin : last + begin]


def _inside(sample: I64, length: int, start: int, n_samples: int) -> list[tuple[int, int, int]]:
    """First sample, end, and number of each event that reaches into a block; counted from the start of the block."""
    low, high = np.searchsorted(sample, [start - length + 1, start + n_samples]).tolist()
    first = np.maximum(sample[low:high] - start, 0).tolist()
    last = np.minimum(sample[low:high] - start + length, n_samples).tolist()
    return list(zip(first, last, range(low, high), strict=True))
