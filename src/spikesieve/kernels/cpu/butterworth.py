"""Zero-phase Butterworth high-pass filter, as recursions in time on 16 channels at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, minus, plus, splat, store, times, times_plus, transpose

F32 = NDArray[np.float32]


@compiled
def butterworth(traces: F32, offset: F32, corner: float, out: F32) -> None:
    """Filter traces with a Butterworth high-pass of order 3, forwards and backwards.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Before the first and after the last sample they count as constant.
    offset : ndarray of float32, shape (n_channels,)
        Subtracted first: a constant channel with its own value as offset becomes exactly 0.
    corner : float
        2 pi cutoff / sampling rate, small against 1.
    out : ndarray of float32, shape (n_channels, n_samples)
        Filtered traces; may be `traces` itself.

    Notes
    -----
    The gain at w radians per sample is 1 - 1 / (1 + (w / corner)^6). The part that is subtracted has the impulse
    response g(t) = corner / 6 sum_k -u_k exp(corner u_k |t|) over u = -1, exp(+-2 pi i / 3), by partial fractions.
    Each term is one recursion forwards and one backwards.
    """
    n_channels, n_samples = traces.shape
    series = np.zeros((n_samples, LANES), np.float32)
    kept = np.empty((n_samples, LANES), np.float32)
    for first in range(0, n_channels if n_samples else 0, LANES):
        n = min(LANES, n_channels - first)
        _transpose_in(traces, offset, first, n, series)
        _forwards(series, corner, kept)
        _backwards(series, corner, kept)
        _transpose_out(kept, first, n, out)


@compiled
def _transpose_in(traces: F32, offset: F32, first: int, n: int, series: F32) -> None:
    n_samples = series.shape[0]
    whole = n_samples - n_samples % LANES if n == LANES else 0
    for start in range(0, whole, LANES):
        transpose(traces, first * n_samples + start, n_samples, series, start * LANES, LANES)
        less = load(offset, first)
        for t in range(start, start + LANES):
            store(series, t * LANES, minus(load(series, t * LANES), less))
    for c in range(n):
        for t in range(whole, n_samples):
            series[t, c] = traces[first + c, t] - offset[first + c]


@compiled
def _transpose_out(kept: F32, first: int, n: int, out: F32) -> None:
    n_samples = kept.shape[0]
    whole = n_samples - n_samples % LANES if n == LANES else 0
    for start in range(0, whole, LANES):
        transpose(kept, start * LANES, LANES, out, first * n_samples + start, n_samples)
    for c in range(n):
        for t in range(whole, n_samples):
            out[first + c, t] = kept[t, c]


@compiled
def _terms(corner: float) -> tuple[float, complex, float, complex]:
    """Return the factors exp(corner u) of the real and the complex term, each with its weight."""
    u = np.exp(2j * np.pi / 3)
    real, turning = np.exp(-corner), np.exp(corner * u)
    # The sum over samples is not quite the integral; this makes it 1 for a constant, which is then removed.
    constant = (1 + real) / (1 - real) / 6 - (u * (1 + turning) / (1 - turning)).real / 3
    return real, turning, 1 / (6 * constant), -u / (3 * constant)


@compiled
def _factors(corner: float) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """Return `_terms` as vectors: the real factor; real, imaginary, minus imaginary part of the other; three weights.

    With r and re + i im the sums over samples, weights . (r, re, im) is added to the traces.
    """
    f, z, real_weight, weight = _terms(corner)
    factors = splat(np.float32(f)), splat(np.float32(z.real)), splat(np.float32(z.imag)), splat(np.float32(-z.imag))
    return (
        *factors,
        splat(np.float32(-real_weight)),
        splat(np.float32(-weight.real)),
        splat(np.float32(weight.imag)),
    )


@compiled
def _forwards(series: F32, corner: float, kept: F32) -> None:
    """Write to `kept` the series minus the sums over this and earlier samples."""
    factor, zr, zi, less_zi, a, b, c = _factors(corner)
    f, z, _, _ = _terms(corner)
    x, start = load(series, 0), 1 / (1 - z)
    r = times(x, splat(np.float32(1 / (1 - f))))
    re, im = times(x, splat(np.float32(start.real))), times(x, splat(np.float32(start.imag)))
    for t in range(series.shape[0]):
        x = load(series, t * LANES)
        r = times_plus(factor, r, x)
        re, im = times_plus(zr, re, times_plus(less_zi, im, x)), times_plus(zr, im, times(zi, re))
        store(kept, t * LANES, times_plus(a, r, times_plus(b, re, times_plus(c, im, x))))


@compiled
def _backwards(series: F32, corner: float, kept: F32) -> None:
    """Subtract the sums over later samples from `kept`."""
    factor, zr, zi, less_zi, a, b, c = _factors(corner)
    f, z, _, _ = _terms(corner)
    last = series.shape[0] - 1
    x, start = load(series, last * LANES), z / (1 - z)
    r = times(x, splat(np.float32(f / (1 - f))))
    re, im = times(x, splat(np.float32(start.real))), times(x, splat(np.float32(start.imag)))
    for t in range(last, -1, -1):
        x = load(kept, t * LANES)
        store(kept, t * LANES, times_plus(a, r, times_plus(b, re, times_plus(c, im, x))))
        x = load(series, t * LANES)
        r = times(factor, plus(r, x))
        re, im = times_plus(zr, plus(re, x), times(less_zi, im)), times_plus(zr, im, times(zi, plus(re, x)))
