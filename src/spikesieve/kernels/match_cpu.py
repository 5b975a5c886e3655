"""Scores of templates, and matched spikes taken out of the projections they were computed from."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.vector import LANES, load, minus, splat, store, times_plus

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Samples that are scored at once, with all templates: four vectors in registers, their projections in the cache.
STRETCH = 4 * LANES


@nb.njit(cache=True, nogil=True)
def template_scores(projections: F32, contacts: I64, weights: F32, out: F32) -> None:
    """out[k, t] = sum_cp weights[k, c, p] projections[contacts[k, c], p, t] over contacts c and components p.

    projections  (n_contacts, n_components, n_samples) float32
    contacts     (n_templates, n_near) int64, -1 = unused
    weights      (n_templates, n_near, n_components) float32, n_components a multiple of 6
    out          (n_templates, n_samples) float32
    """
    n_channels, n_components, n_samples = projections.shape
    # Templates that share contacts one after the other, so that these are still in the cache.
    order = np.argsort(contacts[:, 0])
    whole = n_samples - n_samples % STRETCH
    # Side by side: rows of a block lie so far apart that they would push each other out of the cache.
    near = np.zeros((n_channels, n_components, STRETCH), np.float32)
    for start in range(0, whole, STRETCH):
        for row in range(n_channels * n_components):
            for s in range(0, STRETCH, LANES):
                store(near, row * STRETCH + s, load(projections, row * n_samples + start + s))
        for k in order:
            _score_stretch(near, contacts, weights, k, out, k * n_samples + start)
    for k in order:
        for t in range(whole, n_samples):
            total = np.float32(0.0)
            for c in range(weights.shape[1]):
                if contacts[k, c] >= 0:
                    for p in range(n_components):
                        total = times_plus(weights[k, c, p], projections[contacts[k, c], p, t], total)
            out[k, t] = total


@nb.njit(cache=True, nogil=True)
def _score_stretch(near: F32, contacts: I64, weights: F32, k: int, out: F32, at: int) -> None:
    """out.ravel()[at : at + STRETCH] = the score of template k on the projections `near`."""
    v0 = v1 = v2 = v3 = splat(np.float32(0.0))
    for c in range(weights.shape[1]):
        if contacts[k, c] >= 0:
            row = contacts[k, c] * weights.shape[2] * STRETCH
            for p in range(weights.shape[2]):
                weight = splat(weights[k, c, p])
                v0 = times_plus(weight, load(near, row), v0)
                v1 = times_plus(weight, load(near, row + LANES), v1)
                v2 = times_plus(weight, load(near, row + 2 * LANES), v2)
                v3 = times_plus(weight, load(near, row + 3 * LANES), v3)
                row += STRETCH
    store(out, at, v0)
    store(out, at + LANES, v1)
    store(out, at + 2 * LANES, v2)
    store(out, at + 3 * LANES, v3)


@nb.njit(cache=True, nogil=True)
def subtract_from_projections(
    projections: F32, sample: I64, template: I64, value: F32, contacts: I64, weights: F32, component_lags: F32
) -> None:
    """In place: remove every matched spike from the projections.

    component_lags  (n_components, n_components, 2 reach + 1) float32: [q, p, reach + s] = sum_j w_p(j) w_q(j + s)
    value           (n_spikes,) float32 scores of unit-norm templates; the others as in `template_scores`
    """
    n_components, n_samples = projections.shape[1:]
    n_lags = component_lags.shape[2]
    width = -(-n_lags // LANES) * LANES
    lags = np.zeros((n_components, n_components, width), np.float32)
    lags[:, :, :n_lags] = component_lags
    change = np.empty(width, np.float32)
    for i in range(sample.size):
        k, start = template[i], sample[i] - n_lags // 2
        inside = start >= 0 and start + width <= n_samples
        for c in range(contacts.shape[1]):
            if contacts[k, c] < 0:
                continue
            for p in range(n_components):
                row = (contacts[k, c] * n_components + p) * n_samples + start
                for s in range(0, width, LANES):
                    total = splat(np.float32(0.0))
                    for q in range(n_components):
                        lag = load(lags, (q * n_components + p) * width + s)
                        total = times_plus(splat(value[i] * weights[k, c, q]), lag, total)
                    if inside:
                        store(projections, row + s, minus(load(projections, row + s), total))
                    else:
                        store(change, s, total)
                if not inside:
                    for s in range(max(0, -start), min(n_lags, n_samples - start)):
                        projections[contacts[k, c], p, start + s] -= change[s]
