"""Scores of templates on traces, and matched spikes taken out of the traces."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.project import six_components
from spikesieve.kernels.cpu.vector import LANES, compiled, load, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Samples that are projected and scored at once, with all templates: eight vectors in registers, so that a sum need not
# wait for the one before, and their projections in the cache.
STRETCH = 8 * LANES


@compiled
def template_scores(traces: F32, components: F32, peak_index: int, contacts: I64, weights: F32, out: F32) -> None:
    """out[k, t] = sum_cp weights[k, c, p] sum_j components[p, j] traces[contacts[k, c], t - peak_index + j].

    It is 0 where the window leaves the block. What the traces are on the components is never held of a whole block.

    traces      (n_contacts, n_samples) float32, time contiguous
    components  (n_components, n_window) float32, n_components a multiple of 6
    contacts    (n_templates, n_near) int64, -1 = unused
    weights     (n_templates, n_near, n_components) float32
    out         (n_templates, n_samples) float32
    """
    n_samples, n_window = traces.shape[1], components.shape[1]
    last = max(0, n_samples - n_window + 1)
    whole = last - last % STRETCH
    out[:, :peak_index] = 0.0
    out[:, last + peak_index :] = 0.0
    # Templates that share contacts one after the other, so that these are still in the cache.
    order = np.argsort(contacts[:, 0])
    near = np.empty((traces.shape[0], components.shape[0], STRETCH), np.float32)
    for start in range(0, whole, STRETCH):
        _project_stretch(traces, start, components, near)
        for k in order:
            _score_stretch(near, contacts, weights, k, out, k * n_samples + start + peak_index)
    if whole < last:
        tail = np.zeros((traces.shape[0], STRETCH + n_window - 1), np.float32)
        tail[:, : n_samples - whole] = traces[:, whole:]
        _project_stretch(tail, 0, components, near)
        scores = np.empty(STRETCH, np.float32)
        for k in order:
            _score_stretch(near, contacts, weights, k, scores, 0)
            out[k, whole + peak_index : last + peak_index] = scores[: last - whole]


@compiled
def _project_stretch(traces: F32, start: int, components: F32, near: F32) -> None:
    """near[c, p, s] = component p on the window of channel c that begins at sample start + s."""
    n_channels, n_samples = traces.shape
    for c in range(n_channels):
        for p in range(0, components.shape[0], 6):
            at = (c * components.shape[0] + p) * STRETCH
            six_components(traces, c * n_samples + start, STRETCH // LANES, components, p, near, at, STRETCH, LANES)


@compiled
def _score_stretch(near: F32, contacts: I64, weights: F32, k: int, out: F32, at: int) -> None:
    """out.ravel()[at : at + STRETCH] = the score of template k on the projections `near`."""
    v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * STRETCH
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
                row += STRETCH
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
    """In place, per spike: traces[contacts[k, c], t - peak_index + j] -= value waveforms[k, c, j] at its t and k.

    What lies outside the traces is left out.

    traces            (n_contacts, n_samples) float32
    sample, template  (n_spikes,) int64;  value (n_spikes,) float32
    contacts          (n_templates, n_near) int64, -1 = unused
    waveforms         (n_templates, n_near, n_window) float32
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
