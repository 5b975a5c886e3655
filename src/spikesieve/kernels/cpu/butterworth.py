"""Zero-phase Butterworth high-pass filter, as recursions in time on 16 channels at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import (
    LANES,
    compiled,
    inlined,
    load,
    minus,
    plus,
    splat,
    store,
    times,
    times_plus,
    transpose,
)

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
    kept, less = np.empty((n_samples, LANES), np.float32), np.zeros(LANES, np.float32)
    for first in range(0, n_channels if n_samples else 0, LANES):
        n = min(LANES, n_channels - first)
        for c in range(n):
            less[c] = offset[first + c]
        _forwards(traces, less, first, n, corner, kept)
        _backwards(traces, less, first, n, corner, kept, out)


@inlined
def _read_tile(traces: F32, first: int, n: int, start: int, m: int, tile: F32) -> None:
    """Write m samples of n channels to `tile`, (LANES, LANES): a row for each sample."""
    n_samples = traces.shape[1]
    if n == LANES and m == LANES:
        transpose(traces, first * n_samples + start, n_samples, tile, 0, LANES)
        return
    for c in range(n):
        for t in range(m):
            tile[t, c] = traces[first + c, start + t]


@inlined
def _write_tile(tile: F32, first: int, n: int, start: int, m: int, out: F32) -> None:
    """Write a tile to its place among the traces."""
    n_samples = out.shape[1]
    if n == LANES and m == LANES:
        transpose(tile, 0, LANES, out, first * n_samples + start, n_samples)
        return
    for c in range(n):
        for t in range(m):
            out[first + c, start + t] = tile[t, c]


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
def _forwards(traces: F32, offset: F32, first: int, n: int, corner: float, kept: F32) -> None:
    """Write to `kept` the traces less their offset, minus the sums over this and earlier samples."""
    n_samples, tile = traces.shape[1], np.zeros((LANES, LANES), np.float32)
    factor, zr, zi, less_zi, a, b, c = _factors(corner)
    f, z, _, _ = _terms(corner)
    _read_tile(traces, first, n, 0, 1, tile)
    less = load(offset, 0)
    x, start = minus(load(tile, 0), less), 1 / (1 - z)
    r = times(x, splat(np.float32(1 / (1 - f))))
    re, im = times(x, splat(np.float32(start.real))), times(x, splat(np.float32(start.imag)))
    for low in range(0, n_samples, LANES):
        m = min(LANES, n_samples - low)
        _read_tile(traces, first, n, low, m, tile)
        for t in range(m):
            x = minus(load(tile, t * LANES), less)
            r = times_plus(factor, r, x)
            re, im = times_plus(zr, re, times_plus(less_zi, im, x)), times_plus(zr, im, times(zi, re))
            store(kept, (low + t) * LANES, times_plus(a, r, times_plus(b, re, times_plus(c, im, x))))


@compiled
def _backwards(traces: F32, offset: F32, first: int, n: int, corner: float, kept: F32, out: F32) -> None:
    """Subtract the sums over later samples from `kept`, and write that to `out`."""
    n_samples = traces.shape[1]
    tile, done = np.zeros((LANES, LANES), np.float32), np.empty((LANES, LANES), np.float32)
    factor, zr, zi, less_zi, a, b, c = _factors(corner)
    f, z, _, _ = _terms(corner)
    _read_tile(traces, first, n, n_samples - 1, 1, tile)
    less = load(offset, 0)
    x, start = minus(load(tile, 0), less), z / (1 - z)
    r = times(x, splat(np.float32(f / (1 - f))))
    re, im = times(x, splat(np.float32(start.real))), times(x, splat(np.float32(start.imag)))
    for low in range((n_samples - 1) // LANES * LANES, -1, -LANES):
        m = min(LANES, n_samples - low)
        _read_tile(traces, first, n, low, m, tile)
        for t in range(m - 1, -1, -1):
            x = load(kept, (low + t) * LANES)
            store(done, t * LANES, times_plus(a, r, times_plus(b, re, times_plus(c, im, x))))
            x = minus(load(tile, t * LANES), less)
            r = times(factor, plus(r, x))
            re, im = times_plus(zr, plus(re, x), times(less_zi, im)), times_plus(zr, im, times(zi, plus(re, x)))
        _write_tile(done, first, n, low, m, out)
