"""Template matching: scores of templates on traces, and subtraction of found spikes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.project import SPAN, project_span, span_phases
from spikesieve.kernels.cpu.put import put
from spikesieve.kernels.cpu.vector import LANES, compiled, load, merged, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@compiled
def template_scores(
    traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32, between: F32, out: F32
) -> None:
    """Compute the score of every template at every sample.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Time is contiguous.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components; n_components is a multiple of 6.
    peak_index : int
        Sample of the components at which the spike's time lies.
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1: unused.
    weights : ndarray of float32, shape (n_templates, n_near, n_components)
        Templates as weights of the components.
    between : ndarray of float32, shape (n_between,)
        Weights of the scores 1, 3, 5, ... samples away, of which the score of an odd sample is the sum. Without any,
        odd samples are scored like even ones.
    out : ndarray of float32, shape (n_templates, n_samples)
        Scores; 0 where the window leaves the traces.

    Notes
    -----
    out[k, t] = sum_cp weights[k, c, p] sum_j components[p, j] traces[contacts[k, c], t - peak_index + j], or with
    `between` at odd t sum_i between[i] (out[k, t - 1 - 2 i] + out[k, t + 1 + 2 i]), where even scores are mirrored
    beyond their ends. Projections on the components are kept for a few samples only, never for the whole block.
    """
    step = 1 if between.size == 0 else 2
    n_samples, n_window = traces.shape[1], components.shape[1]
    # Windows that are scored begin at samples begin, begin + step, ...
    begin = peak_index % step
    n_scored = max(0, n_samples - n_window - begin + step) // step
    whole = n_scored - n_scored % SPAN
    space = span_phases(n_window, step)
    near = np.empty((traces.shape[0], components.shape[0], SPAN), np.float32)
    order, tail = _by_first(contacts), np.empty((len(weights), SPAN), np.float32)
    # Where they are to be spread, the scores of even samples are written to the beginning of each row first.
    place = peak_index if step == 1 else 0
    for first in range(0, n_scored, SPAN):
        project_span(traces, begin + first * step, step, components, space, near)
        if first < whole:
            _score_span(near, contacts, weights, order, out, place + first)
        else:
            _score_span(near, contacts, weights, order, tail, 0)
    for k in range(len(weights)):
        put(tail[k, : n_scored - whole], out[k, place + whole :])
    if step == 2:
        _spread(out, begin + peak_index, n_scored, between)
    out[:, :peak_index] = 0.0
    out[:, max(0, n_samples - n_window + 1) + peak_index :] = 0.0


@merged
def _by_first(contacts: I64) -> I64:
    """Return the templates in the order of their first contacts."""
    n = len(contacts)
    order = np.empty(n, np.int64)
    for k in range(n):
        order[k] = contacts[k, 0] * n + k
    order.sort()
    for i in range(n):
        order[i] %= n
    return order


@compiled
def _score_span(near: F32, contacts: I64, weights: F32, order: I64, out: F32, at: int) -> None:
    """Write the scores of all templates on the projections `near` to out[:, at : at + SPAN]."""
    i = 0
    while i < order.size:
        k, two = order[i], False
        if i + 1 < order.size:
            two = True
            for c in range(contacts.shape[1]):
                two = two and contacts[k, c] == contacts[order[i + 1], c]
        if two:
            _score_two(near, contacts, weights, k, order[i + 1], out, at)
        else:
            _score_one(near, contacts, weights, k, out, at)
        i += 2 if two else 1


@compiled
def _score_one(near: F32, contacts: I64, weights: F32, k: int, out: F32, at: int) -> None:
    """Write the scores of template k."""
    v0 = v1 = v2 = v3 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * SPAN
            for p in range(weights.shape[2]):
                weight = splat(weights[k, c, p])
                v0 = times_plus(weight, load(near, row), v0)
                v1 = times_plus(weight, load(near, row + LANES), v1)
                v2 = times_plus(weight, load(near, row + 2 * LANES), v2)
                v3 = times_plus(weight, load(near, row + 3 * LANES), v3)
                row += SPAN
    _store_four(v0, v1, v2, v3, out, k * out.shape[1] + at)


@compiled
def _score_two(near: F32, contacts: I64, weights: F32, k: int, j: int, out: F32, at: int) -> None:
    """Write the scores of two templates on the same contacts: each projection is loaded once."""
    v0 = v1 = v2 = v3 = w0 = w1 = w2 = w3 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * SPAN
            for p in range(weights.shape[2]):
                one, other = splat(weights[k, c, p]), splat(weights[j, c, p])
                a, b = load(near, row), load(near, row + LANES)
                v0, w0 = times_plus(one, a, v0), times_plus(other, a, w0)
                v1, w1 = times_plus(one, b, v1), times_plus(other, b, w1)
                a, b = load(near, row + 2 * LANES), load(near, row + 3 * LANES)
                v2, w2 = times_plus(one, a, v2), times_plus(other, a, w2)
                v3, w3 = times_plus(one, b, v3), times_plus(other, b, w3)
                row += SPAN
    _store_four(v0, v1, v2, v3, out, k * out.shape[1] + at)
    _store_four(w0, w1, w2, w3, out, j * out.shape[1] + at)


@compiled
def _store_four(v0: Any, v1: Any, v2: Any, v3: Any, out: F32, at: int) -> None:
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)


@merged
def _spread(out: F32, first: int, n: int, between: F32) -> None:
    """Move the n scores at the beginning of each row to the samples first, first + 2, ..., and fill those between."""
    if n == 0:
        out[:] = 0.0
        return
    n_between = between.size
    even, odd = np.zeros(n + 2 * n_between, np.float32), np.empty(n + 1, np.float32)
    for k in range(out.shape[0]):
        row = out[k]
        put(row[:n], even[n_between:])
        # Beyond their ends the scores are mirrored.
        for i in range(n_between):
            before, after = (-1 - i) % (2 * n), (n + i) % (2 * n)
            even[n_between - 1 - i] = row[min(before, 2 * n - 1 - before)]
            even[n_between + n + i] = row[min(after, 2 * n - 1 - after)]
        odd[:] = 0.0
        for i in range(n_between):
            for m in range(n + 1):
                odd[m] += between[i] * (even[n_between - 1 - i + m] + even[n_between + i + m])
        for m in range(n - 1):
            row[first + 2 * m] = even[n_between + m]
            row[first + 2 * m + 1] = odd[m + 1]
        row[first + 2 * n - 2] = even[n_between + n - 1]
        # The windows of the odd samples before and after all even ones may lie within the traces.
        if first > 0:
            row[first - 1] = odd[0]
        if first + 2 * n <= row.size:
            row[first + 2 * n - 1] = odd[n]


@compiled
def subtract_waveforms(
    traces: F32, sample: I64, template: I64, value: F32, contacts: I64, waveforms: F32, peak_index: int
) -> None:
    """Subtract the waveforms of found spikes from the traces, in place.

    Parameters
    ----------
    traces : ndarray of float32, shape (n_contacts, n_samples)
        Changed in place.
    sample, template : ndarray of int64, shape (n_spikes,)
        Time and template of each spike. What lies outside the traces is left out.
    value : ndarray of float32, shape (n_spikes,)
        Factor on each spike's waveform.
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1: unused.
    waveforms : ndarray of float32, shape (n_templates, n_near, n_window)
        Waveforms of the templates.
    peak_index : int
        Sample of the waveforms at which the spike's time lies.

    Examples
    --------
    >>> traces, zero = np.ones((1, 5), np.float32), np.zeros(1, np.int64)
    >>> waveforms = np.ones((1, 1, 2), np.float32)
    >>> subtract_waveforms(traces, np.array([2]), zero, np.ones(1, np.float32), zero[:, None], waveforms, 0)
    >>> traces
    array([[1., 1., 0., 0., 1.]], dtype=float32)
    """
    n_samples, n_window = traces.shape[1], waveforms.shape[2]
    for i in range(sample.size):
        k, first = template[i], sample[i] - peak_index
        low, high = max(0, -first), min(n_window, n_samples - first)
        for c in range(contacts.shape[1]):
            if contacts[k, c] >= 0:
                row = traces[contacts[k, c]]
                for j in range(low, high):
                    row[first + j] = times_plus(-value[i], waveforms[k, c, j], row[first + j])
