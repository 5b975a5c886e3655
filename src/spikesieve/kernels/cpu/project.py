"""Project every channel on a few temporal components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.put import put
from spikesieve.kernels.cpu.vector import HAS_AVX512, LANES, compiled, inlined, load, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


# Six sums of 16 numbers fill the registers of AVX2; those of AVX-512 hold twelve, with fewer loads per sum.
TWELVE = HAS_AVX512
# Windows that are projected before they are scored. The projections of one template's contacts then stay in the first
# cache, those of all contacts in the second.
SPAN = 4 * LANES


@compiled
def project(traces: F32, components: F32, peak_index: int, out: F32) -> None:
    """Project every window of every channel on temporal components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components; n_components is a multiple of 6, because six sums at a time stay in registers.
    peak_index : int
        Sample of the components at which the spike's time lies.
    out : ndarray of float32, shape (n_channels, n_components, n_samples)
        out[c, p, t] = sum_j components[p, j] traces[c, t - peak_index + j]; 0 where the window leaves the traces.

    Examples
    --------
    >>> traces, components = np.zeros((1, 9), np.float32), np.ones((6, 3), np.float32)
    >>> traces[0, 4] = 2.0
    >>> out = np.empty((1, 6, 9), np.float32)
    >>> project(traces, components, 1, out)
    >>> out[0, 0]
    array([0., 0., 0., 2., 2., 2., 0., 0., 0.], dtype=float32)
    """
    n_channels, n_samples = traces.shape
    n_components, n_window = components.shape
    last = max(0, n_samples - n_window + 1)
    whole = last - last % LANES
    places = span_phases(n_window, 1)[1]
    for c in range(n_channels):
        out[c, :, :peak_index] = 0.0
        out[c, :, last + peak_index :] = 0.0
        for p in range(0, n_components, 6):
            at = (c * n_components + p) * n_samples + peak_index
            six_components(traces, c * n_samples, whole // LANES, components, places, p, out, at, n_samples, LANES)
            for s in range(whole, last):
                for q in range(p, p + 6):
                    total = np.float32(0.0)
                    for j in range(n_window):
                        total = times_plus(components[q, j], traces[c, s + j], total)
                    out[c, q, s + peak_index] = total


@compiled
def span_phases(n_window: int, step: int) -> tuple[F32, I64]:
    """Make the space that `project_span` needs, and say where it keeps the samples of a window.

    Parameters
    ----------
    n_window : int
        Samples of a window.
    step : int
        Samples between the windows.

    Returns
    -------
    phases : ndarray of float32, shape (step, n_phase)
        Row q is for samples q, q + step, q + 2 step, ... of a part of a trace.
    places : ndarray of int64, shape (n_window,)
        Index in ``phases.ravel()`` of each sample of the first window. Those of later windows follow it.
    """
    n_part = (SPAN - 1) * step + n_window
    phases = np.zeros((step, (n_part + step - 1) // step), np.float32)
    places = np.empty(n_window, np.int64)
    for j in range(n_window):
        places[j] = j % step * phases.shape[1] + j // step
    return phases, places


@compiled
def project_span(traces: F32, begin: int, step: int, components: F32, space: tuple[F32, I64], near: F32) -> None:
    """Project `SPAN` windows of every channel on temporal components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous. Beyond its end they are 0.
    begin, step : int
        Sample at which the first window begins, and the samples between windows.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components; n_components is a multiple of 6.
    space : (ndarray of float32, ndarray of int64)
        From `span_phases`; changed in place.
    near : ndarray of float32, shape (at least n_channels, n_components, SPAN)
        near[c, p, i] = sum_j components[p, j] traces[c, begin + i step + j].
    """
    phases, places = space
    n_part = (SPAN - 1) * step + components.shape[1]
    for c in range(traces.shape[0]):
        _take_phases(traces[c, begin : begin + n_part], phases)
        for p in range(0, components.shape[0], 6):
            at = (c * components.shape[0] + p) * SPAN
            six_components(phases, 0, SPAN // LANES, components, places, p, near, at, SPAN, LANES)


@inlined
def _take_phases(part: F32, phases: F32) -> None:
    """Write sample i to phases[i % step, i // step], for 1 or 2 phases; 0 beyond the last sample."""
    if phases.shape[0] == 1:
        put(part, phases[0])
        phases[0, part.size :] = 0.0
        return
    n = part.size // 2
    for i in range(n):
        phases[0, i] = part[2 * i]
        phases[1, i] = part[2 * i + 1]
    phases[:, n:] = 0.0
    if part.size % 2:
        phases[0, n] = part[2 * n]


@compiled
def six_components(
    traces: F32,
    start: int,
    n_frames: int,
    components: F32,
    places: I64,
    p: int,
    out: F32,
    at: int,
    step: int,
    apart: int,
) -> None:
    """Project frames of 16 windows on six components.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_channels, n_samples)
        Time is contiguous.
    start : int
        Index in ``traces.ravel()`` at which the first window of the first frame begins.
    n_frames : int
        Number of frames.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components.
    places : ndarray of int64, shape (n_window,)
        Where the samples of a window lie after its beginning: 0, 1, 2, ... in traces.
    p : int
        First of the six components.
    out : ndarray of float32, C contiguous
        Component p + q of frame f goes to ``out.ravel()[at + q * step + f * apart]`` and the 15 places after it.
    at, step, apart : int
        Where results go; not checked.
    """
    f = 0
    if TWELVE:
        while f + 1 < n_frames:
            _twelve_sums(traces, start + f * LANES, components, places, p, out, at + f * apart, step, apart)
            f += 2
    while f < n_frames:
        _six_sums(traces, start + f * LANES, components, places, p, out, at + f * apart, step)
        f += 1


@inlined
def _twelve_sums(
    traces: F32, start: int, components: F32, places: I64, p: int, out: F32, at: int, step: int, apart: int
) -> None:
    """Six components of one frame and of the next."""
    v0 = v1 = v2 = v3 = v4 = v5 = w0 = w1 = w2 = w3 = w4 = w5 = splat(np.float32(0.0))
    for j in range(components.shape[1]):
        x, y = load(traces, start + places[j]), load(traces, start + LANES + places[j])
        a, b, c = splat(components[p, j]), splat(components[p + 1, j]), splat(components[p + 2, j])
        v0, v1, v2 = times_plus(a, x, v0), times_plus(b, x, v1), times_plus(c, x, v2)
        w0, w1, w2 = times_plus(a, y, w0), times_plus(b, y, w1), times_plus(c, y, w2)
        a, b, c = splat(components[p + 3, j]), splat(components[p + 4, j]), splat(components[p + 5, j])
        v3, v4, v5 = times_plus(a, x, v3), times_plus(b, x, v4), times_plus(c, x, v5)
        w3, w4, w5 = times_plus(a, y, w3), times_plus(b, y, w4), times_plus(c, y, w5)
    _store_six(v0, v1, v2, v3, v4, v5, out, at, step)
    _store_six(w0, w1, w2, w3, w4, w5, out, at + apart, step)


@inlined
def _six_sums(traces: F32, start: int, components: F32, places: I64, p: int, out: F32, at: int, step: int) -> None:
    """Six components of one frame."""
    v0 = v1 = v2 = v3 = v4 = v5 = splat(np.float32(0.0))
    for j in range(components.shape[1]):
        x = load(traces, start + places[j])
        v0 = times_plus(splat(components[p, j]), x, v0)
        v1 = times_plus(splat(components[p + 1, j]), x, v1)
        v2 = times_plus(splat(components[p + 2, j]), x, v2)
        v3 = times_plus(splat(components[p + 3, j]), x, v3)
        v4 = times_plus(splat(components[p + 4, j]), x, v4)
        v5 = times_plus(splat(components[p + 5, j]), x, v5)
    _store_six(v0, v1, v2, v3, v4, v5, out, at, step)


@inlined
def _store_six(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, out: F32, at: int, step: int) -> None:
    store(out, at, v0)
    store(out, at + step, v1)
    store(out, at + 2 * step, v2)
    store(out, at + 3 * step, v3)
    store(out, at + 4 * step, v4)
    store(out, at + 5 * step, v5)
