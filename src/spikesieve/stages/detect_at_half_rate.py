"""Finds spikes at every second sample of smoothed traces, and looks at the full traces where one was found.

A quarter of the sums of `detect.find`, for nearly the same spikes. See docs/detect.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.model import F32
from spikesieve.stages.detect import Detections, UniversalTemplates, find
from spikesieve.stages.half_rate import at_half_rate, smoothing
from spikesieve.stages.shapes import Shapes

# Spikes are looked for down to this share of the threshold: the samples beside the peak have a smaller score.
LEAST_BESIDE = 0.95


@dataclass(frozen=True, eq=False)
class Wanted:
    """What counts as a spike.

    Attributes
    ----------
    shapes : Shapes
        Shapes of spikes on one contact.
    templates : UniversalTemplates
        Centres and spatial weights.
    exclusion_samples : int
        Samples on either side within which a spike must be the largest.
    threshold : float
        Smallest score in noise SD.
    """

    shapes: Shapes
    templates: UniversalTemplates
    exclusion_samples: int
    threshold: float


def find_at_half_rate(white: F32, wanted: Wanted, span: tuple[int, int], backend: Backend) -> Detections:
    """Find the spikes of a block, at every second sample first.

    Where shapes are not smooth enough for that, all samples are looked at.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous. They begin at an even sample of the recording, so that the same spikes are
        found in any block. Spikes whose window extends beyond them are not found.
    wanted : Wanted
        What counts as a spike.
    span : (int, int)
        Start and stop of the samples to search.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Detections
        Ordered by sample, then centre.
    """
    shapes, window, threshold = wanted.shapes, wanted.exclusion_samples, wanted.threshold
    if not shapes.between.size or white.shape[1] < shapes.n_samples:
        return find(white, shapes, wanted.templates, span, (window, threshold), backend)
    thin, every_second = backend.thin(white, smoothing()), at_half_rate(shapes.waveforms, shapes.peak_index)
    near = (span[0] // 2, min(span[1] // 2 + 1, thin.shape[1])), (max(1, window // 2), LEAST_BESIDE * threshold)
    found = Detections(*backend.universal_peaks(thin, *every_second, wanted.templates, *near))
    found = _at_best_sample(white, found, wanted, backend)
    kept = (np.abs(found.value) >= threshold) & (found.sample >= span[0]) & (found.sample < span[1])
    order = np.lexsort((found.centre[kept], found.sample[kept]))
    return Detections(found.sample[kept][order], found.centre[kept][order], found.value[kept][order])


def _at_best_sample(white: F32, found: Detections, wanted: Wanted, backend: Backend) -> Detections:
    """Move spikes found at every second sample to the sample, of three, where their centre has the largest score."""
    shapes, templates = wanted.shapes, wanted.templates
    n, near = len(found.sample), templates.contacts[found.centre]
    first, last = shapes.peak_index, white.shape[1] - shapes.n_samples + shapes.peak_index
    sample = np.clip(2 * found.sample[:, None] + np.arange(-1, 2), first, last)
    scores = np.empty((n, 3), np.float32)
    weights = np.where(near[:, None] >= 0, templates.weights[found.centre], np.float32(0.0))
    for i in range(3):
        features = backend.describe(white, sample[:, i], near, shapes.pcs, shapes.peak_index)
        each = (weights @ (features @ shapes.templates.T)).reshape(n, weights.shape[1] * len(shapes.templates))
        scores[:, i] = np.take_along_axis(each, np.abs(each).argmax(axis=1)[:, None], axis=1)[:, 0]
    best = np.arange(n), np.abs(scores).argmax(axis=1)
    return Detections(sample[best], found.centre, scores[best])
