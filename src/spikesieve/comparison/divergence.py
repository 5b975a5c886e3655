"""Measure how two runs differ: lag between preprocessed traces, difference of matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from spikesieve.model import F32, F64
from spikesieve.model.text import counted

MAX_LAG_SAMPLES = 200
"""Largest lag tried. Filters and batch padding shift traces by less."""
MIN_CORRELATION = 0.1
"""Traces with a smaller correlation are not of the same signal."""


@dataclass(frozen=True)
class TraceLag:
    """Lag between two preprocessed traces.

    Attributes
    ----------
    lag_samples : int
        Traces of b come this many samples later than those of a.
    correlation : float
        Correlation at this lag, over all channels.
    correlation_at_zero : float
        Correlation at lag 0.
    sentence : str
        The result in words.
    """

    lag_samples: int
    correlation: float
    correlation_at_zero: float
    sentence: str


def trace_lag(a: F32, b: F32, names: tuple[str, str], sampling_hz: float) -> TraceLag:
    """Find the lag at which two blocks of traces correlate best.

    Parameters
    ----------
    a, b : ndarray of float32, shape (n_samples, n_channels)
        Traces of the same samples and channels, in any unit. Channels that are flat in one of them are left out.
    names : tuple of str
        Names of the two sortings.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    TraceLag
        The lag with the largest correlation, up to `MAX_LAG_SAMPLES`.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    >>> trace_lag(values[5:], values[:-5], ("a", "b"), 30_000.0).lag_samples
    5
    """
    of_a, of_b = _standardised(a), _standardised(b)
    used = (np.abs(of_a).max(axis=0, initial=0) > 0) & (np.abs(of_b).max(axis=0, initial=0) > 0)
    of_a, of_b = of_a[:, used], of_b[:, used]
    max_lag = min(MAX_LAG_SAMPLES, max(0, len(of_a) - 1))
    total = np.zeros(2 * max_lag + 1)
    for x, y in zip(of_a.T, of_b.T, strict=True):
        middle = len(x) - 1
        total += correlate(y, x, method="fft")[middle - max_lag : middle + max_lag + 1]
    scale = max(float(np.sqrt((of_a**2).sum() * (of_b**2).sum())), 1e-12)
    total /= scale
    lag = int(np.argmax(total)) - max_lag
    at_lag, at_zero = float(total.max()), float(total[max_lag])
    return TraceLag(lag, at_lag, at_zero, _in_words(lag, at_lag, at_zero, names, sampling_hz))


def _standardised(traces: F32) -> F64:
    centred = traces.astype(np.float64) - traces.mean(axis=0, dtype=np.float64)
    sd = centred.std(axis=0)
    return np.asarray(centred / np.where(sd > 0, sd, 1.0), dtype=np.float64)


def _in_words(lag: int, at_lag: float, at_zero: float, names: tuple[str, str], sampling_hz: float) -> str:
    a, b = names
    if at_lag < MIN_CORRELATION:
        return (
            f"The preprocessed traces of {a} and {b} do not correlate at any lag up to {MAX_LAG_SAMPLES} samples "
            f"(largest correlation {at_lag:.2f}). Check that both are of one recording."
        )
    if lag == 0:
        return f"The preprocessed traces of {a} and {b} are aligned (correlation {at_lag:.3f} at lag 0)."
    late, early = (b, a) if lag > 0 else (a, b)
    return (
        f"The preprocessed traces of {late} come {counted(abs(lag), 'sample')} "
        f"({1000 * abs(lag) / sampling_hz:.3f} ms) after those of {early}: "
        f"correlation {at_lag:.3f} at this lag, {at_zero:.3f} at lag 0."
    )


@dataclass(frozen=True)
class MatrixDifference:
    """Difference of two matrices of one shape, each scaled to a root mean square of 1.

    Attributes
    ----------
    a, b : ndarray of float64, shape (n_rows, n_columns)
        The scaled matrices.
    difference : ndarray of float64, shape (n_rows, n_columns)
        a - b.
    relative : float
        Root mean square of the difference: 0 for equal, about 1.4 for unrelated matrices.
    """

    a: F64
    b: F64
    difference: F64
    relative: float


def matrix_difference(a: F64, b: F64) -> MatrixDifference | None:
    """Compare two matrices up to a constant factor, which each sorter chooses freely.

    Parameters
    ----------
    a, b : ndarray of float64, shape (n_rows, n_columns)
        The two matrices.

    Returns
    -------
    MatrixDifference or None
        None if the shapes differ or the matrices are empty.

    Examples
    --------
    >>> matrix_difference(np.eye(2), 5 * np.eye(2)).relative
    0.0
    """
    if a.shape != b.shape or a.size == 0:
        return None
    scaled = [matrix / max(float(np.sqrt((matrix**2).mean())), 1e-12) for matrix in (a, b)]
    difference = scaled[0] - scaled[1]
    return MatrixDifference(scaled[0], scaled[1], difference, float(np.sqrt((difference**2).mean())))
