"""Templates that are sums of two others: learned from spikes of two neurons that by chance fire at once."""

from __future__ import annotations

import numpy as np

from spikesieve.model import F32, F64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.templates import LearnedTemplates, advanced

# Correlation with the sum from which on a template is one; two spikes that are no farther apart make a sum, and there
# are no more of these than so many times what is expected by chance.
LIKE_SUM = 0.95
AT_ONCE_S, BY_CHANCE = 0.0005, 2.0
# Of two templates more alike than this there is no telling how much of the sum is whose; and correlation with the sum
# below which nothing is looked for beside a template at that lag.
TOO_ALIKE, HARDLY_ALIKE = 0.98, 0.2


def sums_of_two(
    templates: LearnedTemplates, n_contacts: int, pcs: F32, seconds: float, sampling_hz: float, params: FitParams
) -> Bool:
    """Which templates are as rare as two others fire at once by chance, and look like their sum: (n_templates,) bool.

    pcs      (n_pcs, n_samples) float32
    seconds  in which the templates have n_spikes
    """
    reach = round(AT_ONCE_S * sampling_hz)
    n_spikes, norms = templates.n_spikes, templates.norms.astype(np.float64)
    dense = templates.dense(n_contacts)
    there = (dense**2).sum(axis=2) > 0
    noise = (templates.contacts >= 0).sum(axis=1) * len(pcs) / np.maximum(n_spikes, 1)
    found = np.zeros(len(templates), np.bool_)
    for k in range(len(templates)):
        others = np.flatnonzero((there & there[k]).any(axis=1))
        others = others[others != k]
        expected = BY_CHANCE * 2 * AT_ONCE_S / seconds * np.outer(n_spikes[others], n_spikes[others])
        enough = (expected >= n_spikes[k]) & ~np.eye(len(others), dtype=np.bool_)
        some = enough.any(axis=1)
        if some.any():
            # At a lag, on the contacts and components on which the sum was seen.
            near = dense[others[some]][:, there[k]]
            at_lags = [advanced(near, lag, pcs).reshape(len(near), -1) for lag in range(-reach, reach + 1)]
            beside = np.stack(at_lags, axis=1).astype(np.float64)
            wanted = dense[k][there[k]].ravel().astype(np.float64)
            explained = _most_explained(wanted, beside, enough[np.ix_(some, some)], params)
            found[k] = explained > LIKE_SUM**2 * (norms[k] ** 2 - noise[k])
    return found


def _most_explained(wanted: F64, beside: F64, enough: Bool, params: FitParams) -> float:
    """The largest energy of `wanted` (n,) that two of `beside` (n_others, n_lags, n) explain, by least squares.

    enough  (n_others, n_others) bool, pairs that may be looked at
    Amplitudes that are too small explain nothing.
    """
    projection, norm = beside @ wanted, np.linalg.norm(beside, axis=2)
    of, lag = np.nonzero(projection > HARDLY_ALIKE * norm * np.linalg.norm(wanted))
    u, energy, enough = projection[of, lag], norm[of, lag] ** 2, enough[np.ix_(of, of)]
    g = beside[of, lag] @ beside[of, lag].T
    whole = np.outer(energy, energy)
    apart = whole - g**2
    usual = enough & (apart > (1 - TOO_ALIKE**2) * whole)
    amplitude = (np.outer(u, energy) - g * u) / np.where(usual, apart, 1.0)
    within = amplitude >= params.min_amplitude_ratio
    explained = amplitude * u[:, None] + (amplitude * u[:, None]).T
    return float(np.where(usual & within & within.T, explained, 0.0).max(initial=0.0))
