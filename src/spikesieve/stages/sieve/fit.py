"""Finds spikes again with the learned templates where they make the recording likelier than noise alone.

Matching pursuit with a prior on amplitudes and a price for each template by its rate. See docs/sieve.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels import Bounds, Worth, pursue
from spikesieve.model import F32, F64, I64
from spikesieve.settings.fit import FitParams
from spikesieve.stages.detect import in_sixes, temporal_projections
from spikesieve.stages.match import Matcher
from spikesieve.stages.preprocess import mad_sd
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates

# Noise is measured in every so many samples: neighbours tell little more.
NOISE_STEP = 5
# A spike so many SD larger than its template may be two: a template that fits badly makes spikes smaller, not larger.
UNUSUAL_SD = 2.0


def prior(templates: LearnedTemplates, rate_hz: F64, sampling_hz: float, params: FitParams) -> Worth:
    """What spikes are worth, (n_templates,) float32 each, where scores have noise of SD 1.

    With rate r the odds of a spike at a sample are r / sampling_hz. With d the norm, w the precision and a the
    amplitude above its bound the gain 2 a (b d + w) - a^2 (d^2 + w) - w is `cost` at the score
        b = (sqrt((cost + w) (d^2 + w)) - w) / d,
    or where a is at its bound  b = ((cost + w) / a + a (d^2 + w)) / 2 d - w / d
    rate_hz  (n_templates,) float64, of spikes
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


@dataclass(frozen=True, eq=False)
class Fitted:
    """Spikes of one block, ordered by (sample, template), (n,) each.

    sample, template  int64, within the block
    value, excess     float32, score on the unit-norm template without all other spikes, and over the least that counts
    amplitude, norm   float32, of the template that was subtracted
    features          (n, n_feature_contacts, n_pcs) float32, all other spikes subtracted
    n_left            spikes that were left when the rounds ran out
    """

    sample: I64
    template: I64
    value: F32
    excess: F32
    amplitude: F32
    norm: F32
    features: F32
    n_left: int


def fit(white: F32, matcher: Matcher, expected: Worth, core: tuple[int, int], params: FitParams, scores: F32) -> Fitted:
    """Spikes of one block whose sample lies in core[0] <= t < core[1]. `white` is changed to the residual.

    white   (n_contacts, n_samples) float32, time contiguous, scores of noise have SD 1
    scores  (n_templates, n_samples) float32, filled with what is left of the score of every template
    """
    matcher.score(white, scores)
    norms = matcher.templates.norms
    bounds = Bounds(params.min_amplitude_ratio, 1 + UNUSUAL_SD * params.amplitude_cv)
    sample, template, amplitude, n_left = pursue(scores, matcher.pairs, expected, bounds, params.max_rounds)
    matcher.subtract(white, sample, template, amplitude * norms[template])
    inside = (sample >= core[0]) & (sample < core[1])
    sample, template, amplitude = sample[inside], template[inside], amplitude[inside]
    features = matcher.describe(white, sample, template, amplitude)
    value = scores[template, sample] + amplitude * norms[template]
    excess = value - expected.least[template]
    return Fitted(sample, template, value, excess, amplitude, norms[template], features, n_left)


def noise_of_scores(white: F32, shapes: Shapes) -> F64:
    """Robust SD of the PC scores on each contact: (n_contacts,) float64; 1 where nothing is seen.

    white  (n_contacts, n_samples) float32, a window more than is looked at on either side
    """
    components, inside = in_sixes(shapes.pcs), slice(shapes.n_samples, -shapes.n_samples, NOISE_STEP)
    sd = np.ones(len(white))
    # One contact at a time: the projections of them all would be six times the traces.
    for contact in range(len(white)):
        scores = temporal_projections(white[contact : contact + 1], components, shapes.peak_index)[0, : len(shapes.pcs)]
        sd[contact] = np.sqrt(np.mean(mad_sd(scores[:, inside]) ** 2))
    return np.where(sd > 0, sd, 1.0)
