"""Matching with a prior on amplitudes: a spike may differ from its template's size, at a price.

With B the projection on the unit-norm template of norm mu, the amplitude a that minimises
|x - a u|^2 + lambda (a - mu)^2 is a = (B + lambda mu) / (1 + lambda), and it explains
    gain = (B + lambda mu)^2 / (1 + lambda) - lambda mu^2.
Kilosort2's matching: the largest gain first, as long as it exceeds the threshold's square.
"""

from __future__ import annotations

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ANY_AMPLITUDE, Worth
from spikesieve.model import F32, F64, I64
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.match import MatchedSpikes, Matcher


def lowest_projection(norms: F64, threshold: float, penalty: float) -> F64:
    """The projection at which a template's gain is the threshold's square: (n_templates,) float64, at least 0."""
    return np.maximum(np.sqrt((1.0 + penalty) * (threshold**2 + penalty * norms**2)) - penalty * norms, 0.0)


def gain(amplitude: F64, norms: F64, penalty: float) -> F64:
    """What a spike of that amplitude (in noise SD) explains, less the price of its amplitude."""
    return np.asarray((1.0 + penalty) * amplitude**2 - penalty * norms**2)


def worth_of(norms: F64, threshold: float, penalty: float) -> Worth:
    """The gain above as that of `kernels.pursue`, whose amplitudes are relative to the norm: w = penalty norm^2."""
    lowest = lowest_projection(norms, threshold, penalty).astype(np.float32)
    own = np.maximum(norms, 1e-6).astype(np.float32)
    return Worth(lowest, own, penalty * own**2, np.zeros_like(own))


def pursue(
    white: F32, matcher: Matcher, span: tuple[int, int], threshold: float, params: Kilosort2Params, backend: Backend
) -> MatchedSpikes:
    """Spikes of one block whose sample lies in span[0] <= t < span[1]. `white` is changed to the residual.

    white  (n_contacts, n_samples) float32, time contiguous
    The score is the root of the gain, in noise SD.
    """
    penalty = params.amplitude_penalty
    norms = matcher.templates.norms.astype(np.float64)
    scores = matcher.score(white, backend)
    worth = worth_of(norms, threshold, penalty)
    sample, template, amplitude, n_left = backend.pursue(scores, matcher.pairs, worth, ANY_AMPLITUDE, params.max_peels)
    value = amplitude * worth.norms[template]
    matcher.subtract(white, (sample, template, value), backend)
    sample, template, value, first = _one_each(sample, template, value)
    inside = (sample >= span[0]) & (sample < span[1])
    sample, template, value, first = sample[inside], template[inside], value[inside], first[inside]
    own = norms[template]
    scale = (value / np.maximum(own, 1e-12)).astype(np.float32)
    features = matcher.describe(white, sample, template, scale, backend)
    score = np.sqrt(np.maximum(gain(first.astype(np.float64), own, penalty), 0.0)).astype(np.float32)
    excess, norm = score - np.float32(threshold), own.astype(np.float32)
    return MatchedSpikes(sample, template.astype(np.int32), score, excess, scale, norm, features, n_left)


def _one_each(sample: I64, template: I64, value: F32) -> tuple[I64, I64, F32, F32]:
    """Spikes found again at the same sample by the same template as one: amplitudes added, and the first of each.

    The penalty leaves something of a spike that is much larger than its template.
    """
    new = np.append(True, (np.diff(sample) != 0) | (np.diff(template) != 0))[: len(sample)]
    start = np.flatnonzero(new)
    total = np.add.reduceat(value, start) if len(start) else value
    return sample[start], template[start], np.asarray(total, dtype=np.float32), value[start]
