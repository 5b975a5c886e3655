"""Finds spikes again with the learned templates where they make the recording likelier than noise alone.

Matching pursuit with a prior on amplitudes and a price for each template by its rate. See docs/sieve.md.
"""

from __future__ import annotations

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import Bounds, Worth
from spikesieve.model import F32, F64
from spikesieve.settings.fit import FitParams
from spikesieve.stages.match import MatchedSpikes, Matcher
from spikesieve.stages.preprocess import mad_sd
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates

# Noise is measured in every so many samples: neighbours tell little more.
NOISE_STEP = 5
# A spike so many SD larger than its template may be two: a template that fits badly makes spikes smaller, not larger.
UNUSUAL_SD = 2.0


def prior(templates: LearnedTemplates, rate_hz: F64, sampling_hz: float, params: FitParams) -> Worth:
    """Say what spikes are worth where scores have noise of SD 1.

    With rate r the odds of a spike at a sample are r / sampling_hz. With d the norm, w the precision and a the
    amplitude above its bound the gain 2 a (b d + w) - a^2 (d^2 + w) - w is `cost` at the score
        b = (sqrt((cost + w) (d^2 + w)) - w) / d,
    or where a is at its bound  b = ((cost + w) / a + a (d^2 + w)) / 2 d - w / d

    Parameters
    ----------
    templates : LearnedTemplates
        Their norms count.
    rate_hz : ndarray of float64, shape (n_templates,)
        Spikes a second.
    sampling_hz : float
        Sampling rate in Hz.
    params : FitParams
        Spread of the amplitudes, smallest amplitude, smallest log odds.

    Returns
    -------
    Worth
        Of each template.
    """
    norms = np.maximum(templates.norms.astype(np.float64), 1e-6)
    precision = np.full(len(norms), params.amplitude_cv**-2.0)
    cost = 2.0 * (np.log(sampling_hz / np.maximum(rate_hz, 1e-6)) + params.min_log_odds)
    cost = np.maximum(cost, 0.0)
    size = norms**2 + precision
    free = np.sqrt((cost + precision) / size)
    amplitude = np.maximum(free, params.min_amplitude_ratio)
    at_bound = ((cost + precision) / np.maximum(amplitude, 1e-6) + amplitude * size) / 2
    with_prior = np.where(amplitude == free, free * size, at_bound)
    least = (with_prior - precision) / norms
    return Worth(*(x.astype(np.float32) for x in (least, norms, precision, cost)))


def fit(
    white: F32, matcher: Matcher, expected: Worth, span: tuple[int, int], params: FitParams, backend: Backend
) -> MatchedSpikes:
    """Find the spikes of a block that make the traces likelier than noise alone.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous, in which scores of noise have SD 1. Changed to the residual.
    matcher : Matcher
        The templates.
    expected : Worth
        What spikes are worth, of `prior`.
    span : (int, int)
        First sample whose spikes are returned, and the first one after.
    params : FitParams
        Smallest amplitude, spread of the amplitudes, largest number of rounds.
    backend : Backend
        Does the work.

    Returns
    -------
    MatchedSpikes
        Samples count from the start of the traces.
    """
    scores = matcher.score(white, backend)
    norms = matcher.templates.norms
    bounds = Bounds(params.min_amplitude_ratio, 1 + UNUSUAL_SD * params.amplitude_cv)
    sample, template, amplitude, n_left = backend.pursue(scores, matcher.pairs, expected, bounds, params.max_rounds)
    matcher.subtract(white, (sample, template, amplitude * norms[template]), backend)
    inside = (sample >= span[0]) & (sample < span[1])
    sample, template, amplitude = sample[inside], template[inside], amplitude[inside]
    features = matcher.describe(white, sample, template, amplitude, backend)
    score = scores[template, sample] + amplitude * norms[template]
    excess = score - expected.least[template]
    norm = norms[template]
    return MatchedSpikes(sample, template.astype(np.int32), score, excess, amplitude, norm, features, n_left)


def noise_of_scores(white: F32, shapes: Shapes, backend: Backend) -> F64:
    """Measure the noise of PC scores.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, a window more than is looked at on either side.
    shapes : Shapes
        Temporal components.
    backend : Backend
        Does the work.

    Returns
    -------
    ndarray of float64, shape (n_contacts,)
        Robust SD over all components; 1 where there is no signal.
    """
    inside = slice(shapes.n_samples, -shapes.n_samples, NOISE_STEP)
    projections = backend.projections(white, shapes.pcs, shapes.peak_index)
    sd = np.array([np.sqrt(np.mean(mad_sd(scores[:, inside]) ** 2)) for scores in projections])
    return np.where(sd > 0, sd, 1.0)
