"""Cut off the spikes of a unit that score so little that they are more likely noise, or spikes of other neurons.

The scores of a unit are modelled as a Gaussian, the neuron's own spikes, above an exponential tail of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spikesieve.model import F32, I64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.mixtures import fit_gaussian_above_tail
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans

# With fewer scores a tail cannot be told from a neuron, and nothing is cut off.
MIN_SCORES = 30
# Spikes of a unit share a cutoff where the log of their norm ratio rounds to the same multiple of this: a unit that
# is small at some displacements scores less there, and needs a cutoff of its own.
LOG_NORM_STEP = 0.15
# Cutoffs that one worker computes before it asks for more.
CUTOFFS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores of one unit's spikes at about one norm; norm_ratio of each; the norm of the unit at rest."""

    score: F32
    norm_ratio: F32
    norm_at_rest: np.float64


def above_cutoffs(
    norm_ratio: F32, assignment: Assignment, means: UnitMeans, fit: FitParams, share: Share = map
) -> Bool:
    """Find the spikes that score above the cutoff of their unit.

    Below its cutoff a spike is more likely noise or another neuron's. Each unit has a cutoff for every norm at which
    it was matched.

    Parameters
    ----------
    norm_ratio : ndarray of float32, shape (n_spikes,)
        Norm of the template where each spike was matched, divided by its norm at rest.
    assignment : Assignment
        Units and scores of the spikes.
    means : UnitMeans
        Means of the units.
    fit : FitParams
        The odds at which a spike is cut off.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    ndarray of bool, shape (n_spikes,)
        False for spikes below their cutoff, True for all others.

    Examples
    --------
    300 spikes of a unit of norm 12, and 100 others that barely passed the threshold of 5:

    >>> rng = np.random.default_rng(0)
    >>> score = np.concatenate([rng.normal(12, 1.5, 300), 5 + rng.exponential(0.5, 100)]).astype(np.float32)
    >>> one, means = np.ones(400, np.float32), UnitMeans(np.full((1, 1, 1), 12.0), np.ones((1, 1), bool), np.ones(1))
    >>> above = above_cutoffs(one, Assignment(np.zeros(400, np.int64), one, score, one > 0), means, FitParams())
    >>> int(above[:300].sum()), int(above[300:].sum())
    (299, 1)
    """
    above = np.ones(len(assignment.unit), np.bool_)
    enough = [rows for rows in _by_unit_and_norm(norm_ratio, assignment) if len(rows) >= MIN_SCORES]
    batches = [enough[i : i + CUTOFFS_AT_ONCE] for i in range(0, len(enough), CUTOFFS_AT_ONCE)]
    scores = [[_scores_of(rows, norm_ratio, assignment, means) for rows in batch] for batch in batches]
    found = share(partial(_above_cutoffs, fit=fit), scores)
    for batch, is_above in zip(batches, found, strict=True):
        above[np.concatenate(batch)] = is_above
    return above


def _by_unit_and_norm(norm_ratio: F32, assignment: Assignment) -> list[I64]:
    """Rows of the accepted spikes, one array for each unit and norm ratio."""
    inside = np.flatnonzero(assignment.accepted & (assignment.unit >= 0))
    log_norm = np.round(np.log(np.maximum(norm_ratio[inside], 1e-3)) / LOG_NORM_STEP).astype(np.int16)
    order = np.lexsort((log_norm, assignment.unit[inside]))
    rows, log_norm = inside[order], log_norm[order]
    changes = np.flatnonzero((np.diff(assignment.unit[rows]) != 0) | (np.diff(log_norm) != 0)) + 1
    return np.split(rows, changes)


def _scores_of(rows: I64, norm_ratio: F32, assignment: Assignment, means: UnitMeans) -> _Scores:
    return _Scores(assignment.score[rows], norm_ratio[rows], means.norms[assignment.unit[rows[0]]])


def _above_cutoffs(batch: list[_Scores], fit: FitParams) -> Bool:
    found = []
    for one in batch:
        expected = float(one.norm_at_rest * np.median(one.norm_ratio))
        mixture = fit_gaussian_above_tail(one.score, float(one.score.min()), expected, fit.amplitude_cv)
        found.append(one.score >= mixture.cutoff(fit.min_membership_odds))
    return np.concatenate(found)
