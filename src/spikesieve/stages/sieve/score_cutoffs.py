"""Cut off the spikes of a unit that score so little that they are more likely noise, or spikes of other neurons.

The scores of a unit are modelled as a Gaussian, the neuron's own spikes, above an exponential tail of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.model import F32, I64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.mixtures import fit_gaussian_above_tail, median_of_sorted
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

    def above_cutoff(self, fit: FitParams) -> Bool:
        """Which scores are above their cutoff; all, where they are too few to tell."""
        if len(self.score) < MIN_SCORES:
            return np.ones(len(self.score), np.bool_)
        expected = float(self.norm_at_rest * median_of_sorted(np.sort(self.norm_ratio)))
        mixture = fit_gaussian_above_tail(self.score, float(self.score.min()), expected, fit.amplitude_cv)
        return np.asarray(self.score >= mixture.cutoff(fit.min_membership_odds))


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
    rows, edges = _by_unit_and_norm(norm_ratio, assignment)
    score, ratio, norm = assignment.score[rows], norm_ratio[rows], means.norms[assignment.unit[rows[edges[:-1]]]]
    all_scores = [_Scores(score[a:b], ratio[a:b], norm[i]) for i, (a, b) in enumerate(pairwise(edges.tolist()))]
    batches = [all_scores[i : i + CUTOFFS_AT_ONCE] for i in range(0, len(all_scores), CUTOFFS_AT_ONCE)]
    above = np.ones(len(assignment.unit), np.bool_)
    above[rows] = np.concatenate([np.empty(0, np.bool_), *share(partial(_above_cutoffs, fit=fit), batches)])
    return above


def _by_unit_and_norm(norm_ratio: F32, assignment: Assignment) -> tuple[I64, I64]:
    """Rows of the accepted spikes, those of a unit at one norm ratio together, and where each of these sets begins."""
    inside = np.flatnonzero(assignment.accepted & (assignment.unit >= 0))
    log_norm = np.round(np.log(np.maximum(norm_ratio[inside], 1e-3)) / LOG_NORM_STEP).astype(np.int64)
    unit_and_norm = (assignment.unit[inside] << 16) + log_norm
    order = np.argsort(unit_and_norm)
    changes = np.flatnonzero(np.diff(unit_and_norm[order])) + 1
    first = [0] if len(inside) else []
    return inside[order], np.concatenate([first, changes, [len(inside)]]).astype(np.int64)


def _above_cutoffs(batch: list[_Scores], fit: FitParams) -> Bool:
    return np.concatenate([one.above_cutoff(fit) for one in batch])
