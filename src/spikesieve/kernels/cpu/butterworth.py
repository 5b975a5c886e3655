"""The zero-phase high-pass as recursions in time that run over sixteen channels at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, compiled, load, minus, plus, splat, store, times, times_plus, transpose

F32 = NDArray[np.float32]


@compiled
def butterworth(traces: F32, offset: F32, corner: float, out: F32) -> None:
    """Butterworth of order 3 run both ways: amplitude 1 - 1 / (1 + (w / corner)^6) at w radians per sample.

    What is subtracted, g(t) = corner / 6 sum_k -u_k exp(corner u_k |t|) over u = -1, exp(+-2 pi i / 3), is the inverse
    Fourier transform of 1 / (1 + (w / corner)^6), by partial fractions; each term is one recursion forwards and one
    backwards. Before the first and after the last sample the traces are taken to stay as they are there.

    traces  (n_channels, n_samples) float32
    offset  (n_channels,) float32, subtracted first: what is constant becomes 0 if it is its own offset
    corner  2 pi cutoff / sampling rate, small against 1
    out     (n_channels, n_samples) float32; it may be `traces`
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
    """The factors exp(corner u) of the real and of the complex term, and what they are weighted with."""
    u = np.exp(2j * np.pi / 3)
    real, turning = np.exp(-corner), np.exp(corner * u)
    # The sum over samples is not quite the integral: what makes it 1 for a constant, which then is removed.
    constant = (1 + real) / (1 - real) / 6 - (u * (1 + turning) / (1 - turning)).real / 3
    return real, turning, 1 / (6 * constant), -u / (3 * constant)


@compiled
def _factors(corner: float) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """The same as vectors: the real factor; real, imaginary and minus the imaginary part of the other; three weights.

    With r and re + i im the sums over samples, weights . (r, re, im) is what the traces gain.
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
    """kept = series - the sums over now and before."""
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
    """kept -= the sums over what comes later."""
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
