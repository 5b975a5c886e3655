"""Where two runs part: the lag between their preprocessed traces, and how far their matrices are from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from spikesieve.model import F32, F64

REACH_SAMPLES = 200
"""Largest lag that is looked for: filters and batch paddings shift by less."""
SAME = 0.1
"""Below this correlation the traces are not of the same signal."""


@dataclass(frozen=True)
class TraceLag:
    """How two preprocessed traces lie to each other.

    lag_samples  the traces of b come this much later
    correlation  at that lag, over all channels
    at_zero      at lag 0
    sentence     the same in words
    """

    lag_samples: int
    correlation: float
    at_zero: float
    sentence: str


def trace_lag(a: F32, b: F32, names: tuple[str, str], sampling_hz: float) -> TraceLag:
    """Lag between two stretches of traces of the same samples and channels.

    a, b  (n_samples, n_channels), any scale; channels that are flat in one of them are left out
    """
    early, late = _standard(a), _standard(b)
    used = (np.abs(early).max(axis=0, initial=0) > 0) & (np.abs(late).max(axis=0, initial=0) > 0)
    early, late = early[:, used], late[:, used]
    reach = min(REACH_SAMPLES, max(0, len(early) - 1))
    total = np.zeros(2 * reach + 1)
    for x, y in zip(early.T, late.T, strict=True):
        middle = len(x) - 1
        total += correlate(y, x, method="fft")[middle - reach : middle + reach + 1]
    scale = max(float(np.sqrt((early**2).sum() * (late**2).sum())), 1e-12)
    total /= scale
    lag = int(np.argmax(total)) - reach
    at_lag, at_zero = float(total.max()), float(total[reach])
    return TraceLag(lag, at_lag, at_zero, _in_words(lag, at_lag, at_zero, names, sampling_hz))


def _standard(traces: F32) -> F64:
    centred = traces.astype(np.float64) - traces.mean(axis=0, dtype=np.float64)
    sd = centred.std(axis=0)
    return np.asarray(centred / np.where(sd > 0, sd, 1.0), dtype=np.float64)


def _in_words(lag: int, at_lag: float, at_zero: float, names: tuple[str, str], sampling_hz: float) -> str:
    a, b = names
    if at_lag < SAME:
        return (
            f"The preprocessed traces of {a} and {b} do not resemble each other at any lag up to {REACH_SAMPLES} "
            f"samples (largest correlation {at_lag:.2f}): are they of one recording?"
        )
    if lag == 0:
        return f"The preprocessed traces of {a} and {b} lie on each other (correlation {at_lag:.3f} at lag 0)."
    late, early = (b, a) if lag > 0 else (a, b)
    return (
        f"The preprocessed traces of {late} come {abs(lag)} samples ({1000 * abs(lag) / sampling_hz:.3f} ms) after "
        f"those of {early}: correlation {at_lag:.3f} there, {at_zero:.3f} at lag 0."
    )


@dataclass(frozen=True)
class MatrixDifference:
    """Two matrices of one shape, each scaled to a root mean square of 1, and their difference.

    relative  root mean square of the difference, over that of the matrices: 0 the same, 1.4 unrelated
    """

    a: F64
    b: F64
    difference: F64
    relative: float


def matrix_difference(a: F64, b: F64) -> MatrixDifference | None:
    """Difference up to a factor, which sorters choose freely; None when the shapes differ."""
    if a.shape != b.shape or a.size == 0:
        return None
    scaled = [matrix / max(float(np.sqrt((matrix**2).mean())), 1e-12) for matrix in (a, b)]
    difference = scaled[0] - scaled[1]
    return MatrixDifference(scaled[0], scaled[1], difference, float(np.sqrt((difference**2).mean())))
