"""Find templates that are collisions: sums of two neurons that fire at once by chance."""

from __future__ import annotations

import numpy as np

from spikesieve.model import F32, F64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.templates import LearnedTemplates, advanced

# A template is a sum where its correlation with a sum of two others exceeds this.
MIN_CORRELATION = 0.95
# Two spikes that are no farther apart make a collision.
MAX_LAG_S = 0.0005
# A collision template has at most this times the spikes that two neurons have together by chance.
MAX_CHANCE_RATIO = 2.0
# Two templates more similar than this are no pair: how much of the sum belongs to which cannot be told.
MAX_PAIR_CORRELATION = 0.98
# A template at a lag is tried as a part only where its correlation with the possible sum exceeds this.
MIN_PART_CORRELATION = 0.2


def collision_templates(
    templates: LearnedTemplates, n_contacts: int, pcs: F32, duration_s: float, sampling_hz: float, params: FitParams
) -> Bool:
    """Find templates that look like the sum of two others and are as rare as these two fire at once by chance.

    Parameters
    ----------
    templates : LearnedTemplates
        All templates.
    n_contacts : int
        Contacts of the probe.
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components of the templates.
    duration_s : float
        Length in s of what the templates have `n_spikes` spikes in.
    sampling_hz : float
        Sampling rate in Hz.
    params : FitParams
        The smallest amplitude that a spike may have.

    Returns
    -------
    ndarray of bool, shape (n_templates,)
        True for collisions.

    Examples
    --------
    Three templates on three contacts, with one PC. The third is the sum of the others.

    >>> scores = np.array([[9, 0, 0], [0, 0, 9], [9, 0, 9]], np.float32)[:, :, None]
    >>> pcs = np.full((1, 4), 0.5, np.float32)
    >>> rare = LearnedTemplates(np.tile(np.arange(3), (3, 1)), scores, np.array([2000, 2000, 30]))
    >>> collision_templates(rare, 3, pcs, 100.0, 30000.0, FitParams())
    array([False, False,  True])
    """
    max_lag = round(MAX_LAG_S * sampling_hz)
    n_spikes, norms = templates.n_spikes, templates.norms.astype(np.float64)
    dense = templates.dense(n_contacts)
    is_used = (dense**2).sum(axis=2) > 0
    noise = (templates.contacts >= 0).sum(axis=1) * len(pcs) / np.maximum(n_spikes, 1)
    found = np.zeros(len(templates), np.bool_)
    for k in range(len(templates)):
        others = np.flatnonzero((is_used & is_used[k]).any(axis=1))
        others = others[others != k]
        by_chance = MAX_CHANCE_RATIO * 2 * MAX_LAG_S / duration_s * np.outer(n_spikes[others], n_spikes[others])
        often_enough = (by_chance >= n_spikes[k]) & ~np.eye(len(others), dtype=np.bool_)
        parts = often_enough.any(axis=1)
        if parts.any():
            # At each lag, on the contacts on which the possible sum is described.
            on_contacts = dense[others[parts]][:, is_used[k]]
            lags = range(-max_lag, max_lag + 1)
            at_lags = [advanced(on_contacts, lag, pcs).reshape(len(on_contacts), -1) for lag in lags]
            candidates = np.stack(at_lags, axis=1).astype(np.float64)
            target = dense[k][is_used[k]].ravel().astype(np.float64)
            explained = _most_explained(target, candidates, often_enough[np.ix_(parts, parts)], params)
            found[k] = explained > MIN_CORRELATION**2 * (norms[k] ** 2 - noise[k])
    return found


def _most_explained(target: F64, candidates: F64, is_pair: Bool, params: FitParams) -> float:
    """The largest energy of `target` (n,) that a pair of candidates (n_others, n_lags, n) explains by least squares.

    Only pairs of `is_pair` (n_others, n_others) are tried. Pairs with too small an amplitude explain nothing.
    """
    projection, norm = candidates @ target, np.linalg.norm(candidates, axis=2)
    part, lag = np.nonzero(projection > MIN_PART_CORRELATION * norm * np.linalg.norm(target))
    u, energy, is_pair = projection[part, lag], norm[part, lag] ** 2, is_pair[np.ix_(part, part)]
    gram = candidates[part, lag] @ candidates[part, lag].T
    product = np.outer(energy, energy)
    determinant = product - gram**2
    solvable = is_pair & (determinant > (1 - MAX_PAIR_CORRELATION**2) * product)
    amplitude = (np.outer(u, energy) - gram * u) / np.where(solvable, determinant, 1.0)
    large_enough = amplitude >= params.min_amplitude_ratio
    explained = amplitude * u[:, None] + (amplitude * u[:, None]).T
    return float(np.where(solvable & large_enough & large_enough.T, explained, 0.0).max(initial=0.0))
