"""Template matching by likelihood: a spike is accepted if it explains the traces better than noise alone.

Matching pursuit with a prior on amplitudes and on the firing rate of each template. See docs/sieve.md.
"""

from __future__ import annotations

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import Bounds, Worth
from spikesieve.model import F32, F64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.blanking import WHOLE
from spikesieve.stages.match import MatchedSpikes, Matcher, seen, times_seen
from spikesieve.stages.noise import mad_sd
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates

# Noise is measured at every 5th sample, because neighbouring samples are correlated.
NOISE_STEP = 5
# Found spikes may be replaced by others within this part of a waveform's length: 15 of 61 samples, 0.5 ms.
NEAR_SHARE = 0.25


def prior(templates: LearnedTemplates, rate_hz: F64, sampling_hz: float, params: FitParams) -> Worth:
    """Compute the prior of each template: its gain from a spike, and the smallest score that is accepted.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates; only their norms are used.
    rate_hz : ndarray of float64, shape (n_templates,)
        Firing rate of each template in Hz.
    sampling_hz : float
        Sampling rate in Hz.
    params : FitParams
        Variation of the amplitudes, smallest amplitude, smallest log odds.

    Returns
    -------
    Worth
        Prior of each template, for scores whose noise has SD 1.

    Notes
    -----
    The prior odds of a spike at a sample are rate / sampling rate. They make up the `cost` of a spike. For a spike of
    score b and amplitude a, of a template of norm d, with w the precision of the amplitudes, the gain is
    2 a (b d + w) - a^2 (d^2 + w) - w. It equals the cost at the score b = (sqrt((cost + w) (d^2 + w)) - w) / d or,
    if a is at its lower bound, at b = ((cost + w) / a + a (d^2 + w)) / (2 d) - w / d.
    """
    norms = np.maximum(templates.norms.astype(np.float64), 1e-6)
    precision = np.full(len(norms), params.amplitude_cv**-2.0)
    cost = 2.0 * (np.log(sampling_hz / np.maximum(rate_hz, 1e-6)) + params.min_log_odds)
    cost = np.maximum(cost, 0.0)
    least = least_score(norms, cost, precision, params)
    return Worth(*(x.astype(np.float32) for x in (least, norms, precision, cost)))


def least_score(norms: F64, cost: F64, precision: F64, params: FitParams) -> F64:
    """Compute the smallest score that gains something.

    Parameters
    ----------
    norms : ndarray of float64, shape (n,)
        Norms of templates, or of what is visible of them, > 0.
    cost, precision : ndarray of float64, shape (n,)
        As in `Worth`.
    params : FitParams
        Smallest amplitude.

    Returns
    -------
    ndarray of float64, shape (n,)
        In noise SD.

    Examples
    --------
    >>> cost, precision = np.full(2, 20.0), np.full(2, 44.0)
    >>> least_score(np.array([8.0, 16.0]), cost, precision, FitParams()).round(2)
    array([4.89, 5.94])
    """
    size = norms**2 + precision
    free = np.sqrt((cost + precision) / size)
    amplitude = np.maximum(free, params.min_amplitude_ratio)
    at_bound = ((cost + precision) / np.maximum(amplitude, 1e-6) + amplitude * size) / 2
    with_prior = np.where(amplitude == free, free * size, at_bound)
    return np.asarray((with_prior - precision) / norms)


def fit(
    clean: Clean, matcher: Matcher, expected: Worth, span: tuple[int, int], params: FitParams, backend: Backend
) -> MatchedSpikes:
    """Find the spikes of a block that explain the traces better than noise alone.

    Parameters
    ----------
    clean : Clean
        Whitened traces in which scores of noise have SD 1, and which of their samples are blanked. Spikes are
        subtracted in place.
    matcher : Matcher
        The templates.
    expected : Worth
        Prior of each template, from `prior`.
    span : (int, int)
        Start and stop of the samples whose spikes are returned.
    params : FitParams
        Smallest amplitude, variation of the amplitudes, largest number of rounds.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    MatchedSpikes
        Samples count from the start of the traces.
    """
    white = clean.white
    scores, visible = matcher.score(white, backend, clean.blanked)
    bounds = Bounds(params.min_amplitude_ratio, round(NEAR_SHARE * matcher.shapes.n_samples))
    how = expected, bounds, visible
    sample, template, amplitude, n_left = backend.pursue(scores, matcher.pairs, *how, params.max_rounds)
    matcher.subtract(white, (sample, template, amplitude * matcher.templates.norms[template]), backend)
    if clean.blanked is not None:
        white[clean.blanked] = 0.0
    rows, part = seen(sample, template, span, matcher, visible)
    sample, template, amplitude = sample[rows], template[rows], amplitude[rows]
    features = matcher.describe(white, sample, template, amplitude, backend)
    norm, whole = matcher.templates.norms[template], part**2 >= 1 - WHOLE
    score = scores[template, sample] + amplitude * norm * part
    of_part = norm * part, expected.cost[template], expected.precision[template]
    d, cost, precision = (x.astype(np.float64) for x in of_part)
    least = least_score(d, cost, precision, params).astype(np.float32)
    excess = score - np.where(part == 1.0, expected.least[template], least)
    found = sample, template.astype(np.int32), score, excess, amplitude, norm, features, n_left
    n_seen, n_times = times_seen(span, matcher, visible)
    return MatchedSpikes(*found, whole=whole, n_seen=n_seen, n_times=n_times)


def noise_of_scores(white: F32, shapes: Shapes, backend: Backend, blanked: Bool | None = None) -> F64:
    """Measure the noise of PC scores. Scores whose window holds blanked samples do not count.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces. One waveform length at either end is not used.
    shapes : Shapes
        Temporal components.
    backend : Backend
        Runs the array operations.
    blanked : ndarray of bool, shape (n_contacts, n_samples), optional
        Samples that are blanked.

    Returns
    -------
    ndarray of float64, shape (n_contacts,)
        Robust SD over all components; 0 for contacts without signal, NaN for contacts that are blanked.
    """
    inside = slice(shapes.n_samples, -shapes.n_samples, NOISE_STEP)
    projections = backend.projections(white, shapes.pcs, shapes.peak_index)
    if blanked is None:
        return np.array([_root_mean_square(mad_sd(scores[:, inside])) for scores in projections])
    window = np.ones(2 * shapes.n_samples + 1)
    out = np.empty(len(white))
    for row, scores in enumerate(projections):
        reached = np.convolve(blanked[row], window, mode="same")[inside] > 0.5
        out[row] = _root_mean_square(mad_sd(scores[:, inside], np.broadcast_to(reached, scores[:, inside].shape)))
    return out


def _root_mean_square(sd: F64) -> float:
    return float(np.sqrt(np.mean(sd**2)))
