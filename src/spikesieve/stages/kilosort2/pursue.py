"""Template matching with a prior on amplitudes: a spike may differ in size from its template, at a price.

Let B be the projection on the unit-norm template, mu the template's norm and lambda the penalty. The amplitude that
minimises |x - a u|^2 + lambda (a - mu)^2 is a = (B + lambda mu) / (1 + lambda), and it explains
    gain = (B + lambda mu)^2 / (1 + lambda) - lambda mu^2.
As in Kilosort2, the spike with the largest gain is subtracted first, while the gain exceeds the squared threshold.
"""

from __future__ import annotations

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ANY_AMPLITUDE, Worth
from spikesieve.model import F32, F64, I64
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.stages.blanking import WHOLE
from spikesieve.stages.match import MatchedSpikes, Matcher, seen
from spikesieve.stages.preprocess import Clean


def lowest_projection(norms: F64, threshold: float, penalty: float) -> F64:
    """Compute the projection at which the gain of a template equals the squared threshold.

    Parameters
    ----------
    norms : ndarray of float64, shape (n_templates,)
        Norm of each template in noise SD.
    threshold : float
        Threshold in noise SD.
    penalty : float
        Penalty lambda on amplitudes.

    Returns
    -------
    ndarray of float64, shape (n_templates,)
        Projections in noise SD, at least 0.

    Examples
    --------
    >>> lowest_projection(np.array([8.0, 30.0]), 8.0, 10.0).round(1)
    array([ 8. , 15.8])
    """
    return np.maximum(np.sqrt((1.0 + penalty) * (threshold**2 + penalty * norms**2)) - penalty * norms, 0.0)


def gain(amplitude: F64, norms: F64, penalty: float, visible: F32 | float = 1.0) -> F64:
    """Compute what spikes explain, less the price of their amplitudes.

    Parameters
    ----------
    amplitude : ndarray of float64, shape (n,)
        Amplitude a of each spike in noise SD.
    norms : ndarray of float64, shape (n,)
        Norm of its template in noise SD.
    penalty : float
        Penalty lambda on amplitudes.
    visible : ndarray of float32, shape (n,), optional
        Norm of what is visible of the unit-norm template. Default: all is.

    Returns
    -------
    ndarray of float64, shape (n,)
        Gains in squared noise SD.

    Examples
    --------
    A spike as large as its template explains the square of its norm:

    >>> gain(np.array([9.0]), np.array([9.0]), 10.0)
    array([81.])
    """
    return np.asarray((np.square(visible, dtype=np.float64) + penalty) * amplitude**2 - penalty * norms**2)


def worth_of(norms: F64, threshold: float, penalty: float) -> Worth:
    """Express the gain for the kernel `pursue`, whose amplitudes are relative to the norm: w = penalty norm^2.

    Parameters
    ----------
    norms : ndarray of float64, shape (n_templates,)
        Norm of each template in noise SD.
    threshold : float
        Threshold in noise SD.
    penalty : float
        Penalty lambda on amplitudes.

    Returns
    -------
    Worth
        Lowest projection, norm and price of each template.
    """
    lowest = lowest_projection(norms, threshold, penalty).astype(np.float32)
    own = np.maximum(norms, 1e-6).astype(np.float32)
    return Worth(lowest, own, penalty * own**2, np.zeros_like(own))


def pursue(
    clean: Clean, matcher: Matcher, span: tuple[int, int], threshold: float, params: Kilosort2Params, backend: Backend
) -> MatchedSpikes:
    """Find the spikes of one block. Its whitened traces are changed to the residual.

    Parameters
    ----------
    clean : Clean
        Whitened traces in noise SD, and which of their samples are blanked; the spikes are subtracted from them.
    matcher : Matcher
        The templates, ready for matching.
    span : (int, int)
        Only spikes at samples ``span[0] <= t < span[1]`` are returned.
    threshold : float
        Smallest root of the gain in noise SD.
    params : Kilosort2Params
        Penalty on amplitudes, and the largest number of rounds.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    MatchedSpikes
        The spikes; their score is the root of the gain in noise SD.
    """
    penalty, white = params.amplitude_penalty, clean.white
    norms = matcher.templates.norms.astype(np.float64)
    scores, visible = matcher.score(white, backend, clean.blanked)
    # With this cost, a spike that is partly hidden needs the same gain as a whole one.
    worth = worth_of(norms, threshold, penalty)._replace(cost=np.full(len(norms), threshold**2, np.float32))
    how = worth, ANY_AMPLITUDE, visible
    sample, template, amplitude, n_left = backend.pursue(scores, matcher.pairs, *how, params.max_peels)
    value = amplitude * worth.norms[template]
    matcher.subtract(white, (sample, template, value), backend)
    if clean.blanked is not None:
        white[clean.blanked] = 0.0
    sample, template, value, first = _one_each(sample, template, value)
    rows, part = seen(sample, template, span, matcher, visible)
    sample, template, value, first = sample[rows], template[rows], value[rows], first[rows]
    own = norms[template]
    scale = (value / np.maximum(own, 1e-12)).astype(np.float32)
    features = matcher.describe(white, sample, template, scale, backend)
    score = np.sqrt(np.maximum(gain(first.astype(np.float64), own, penalty, part), 0.0)).astype(np.float32)
    excess, norm = score - np.float32(threshold), own.astype(np.float32)
    found = sample, template.astype(np.int32), score, excess, scale, norm, features, n_left
    return MatchedSpikes(*found, whole=part**2 >= 1 - WHOLE)


def _one_each(sample: I64, template: I64, value: F32) -> tuple[I64, I64, F32, F32]:
    """Join spikes that the same template found again at the same sample: summed amplitudes, and the first of each.

    The penalty leaves a part of a spike that is much larger than its template, which is then found again.
    """
    new = np.append(True, (np.diff(sample) != 0) | (np.diff(template) != 0))[: len(sample)]
    start = np.flatnonzero(new)
    total = np.add.reduceat(value, start) if len(start) else value
    return sample[start], template[start], np.asarray(total, dtype=np.float32), value[start]
