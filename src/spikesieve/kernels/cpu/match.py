"""Template matching: scores of templates on traces, and subtraction of found spikes."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.project import six_components
from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Samples that are projected and scored at once, for all templates. Eight vectors stay in registers, so that no sum
# waits for the one before, and their projections stay in the cache.
SPAN = 8 * LANES


@compiled
def template_scores(traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32, out: F32) -> None:
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
    out : ndarray of float32, shape (n_templates, n_samples)
        Scores; 0 where the window leaves the traces.

    Notes
    -----
    out[k, t] = sum_cp weights[k, c, p] sum_j components[p, j] traces[contacts[k, c], t - peak_index + j]. Projections
    on the components are kept for a few samples only, never for the whole block.
    """
    n_samples, n_window = traces.shape[1], components.shape[1]
    last = max(0, n_samples - n_window + 1)
    whole = last - last % SPAN
    out[:, :peak_index] = 0.0
    out[:, last + peak_index :] = 0.0
    # Templates that share contacts follow each other, so that the projections are still in the cache.
    order = np.argsort(contacts[:, 0])
    near = np.empty((traces.shape[0], components.shape[0], SPAN), np.float32)
    for start in range(0, whole, SPAN):
        _project_span(traces, start, components, near)
        for k in order:
            _score_span(near, contacts, weights, k, out, k * n_samples + start + peak_index)
    if whole < last:
        tail = np.zeros((traces.shape[0], SPAN + n_window - 1), np.float32)
        tail[:, : n_samples - whole] = traces[:, whole:]
        _project_span(tail, 0, components, near)
        scores = np.empty(SPAN, np.float32)
        for k in order:
            _score_span(near, contacts, weights, k, scores, 0)
            out[k, whole + peak_index : last + peak_index] = scores[: last - whole]


@compiled
def _project_span(traces: F32, start: int, components: F32, near: F32) -> None:
    """Set near[c, p, s] to component p on the window of channel c that begins at sample start + s."""
    n_channels, n_samples = traces.shape
    for c in range(n_channels):
        for p in range(0, components.shape[0], 6):
            at = (c * components.shape[0] + p) * SPAN
            six_components(traces, c * n_samples + start, SPAN // LANES, components, p, near, at, SPAN, LANES)


@compiled
def _score_span(near: F32, contacts: I64, weights: F32, k: int, out: F32, at: int) -> None:
    """Write the scores of template k on the projections `near` to out.ravel()[at : at + SPAN]."""
    v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * SPAN
            for p in range(weights.shape[2]):
                weight = splat(weights[k, c, p])
                v0 = times_plus(weight, load(near, row), v0)
                v1 = times_plus(weight, load(near, row + LANES), v1)
                v2 = times_plus(weight, load(near, row + 2 * LANES), v2)
                v3 = times_plus(weight, load(near, row + 3 * LANES), v3)
                v4 = times_plus(weight, load(near, row + 4 * LANES), v4)
                v5 = times_plus(weight, load(near, row + 5 * LANES), v5)
                v6 = times_plus(weight, load(near, row + 6 * LANES), v6)
                v7 = times_plus(weight, load(near, row + 7 * LANES), v7)
                row += SPAN
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)
    store(out, at + 4 * LANES, v4)
    store(out, at + 5 * LANES, v5)
    store(out, at + 6 * LANES, v6)
    store(out, at + 7 * LANES, v7)


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
