"""Assign each spike to the unit that makes it most likely, then average the spikes of each unit again.

The noise of the features has SD 1 in every score and is independent between scores, so the log likelihood of a spike
under a unit follows from its squared distance to the unit's mean. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, I64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, SpikeGroup
from spikesieve.stages.sieve.score_cutoffs import above_cutoffs
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans, WeightedSpikes, mean_scores

# Spikes that one worker compares with their units at a time. It bounds memory: a table of spikes by units is held.
SPIKES_AT_ONCE = 5_000


def assign_spikes(
    learn_from: WeightedSpikes,
    assignment: Assignment,
    n_units: int,
    fit: FitParams,
    n_rounds: int,
    share: Share = map,
) -> tuple[Assignment, UnitMeans]:
    """Alternate `n_rounds` times between assigning spikes to units and averaging the spikes of each unit.

    Parameters
    ----------
    learn_from : WeightedSpikes
        Spikes to assign.
    assignment : Assignment
        Where to start.
    n_units : int
        Number of units.
    fit : FitParams
        Settings of the likelihood of spikes.
    n_rounds : int
        Number of rounds.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    assignment : Assignment
        The unit of each spike.
    means : UnitMeans
        The mean of each unit's spikes.

    Examples
    --------
    Two neurons on two contacts, with one PC. A quarter of the spikes start in the wrong unit.

    >>> from spikesieve.model import SortedTime
    >>> from spikesieve.stages.sieve.described_spikes import group_by_contacts
    >>> neuron = np.arange(40) % 2
    >>> x = np.eye(2)[neuron] * 20 + np.random.default_rng(0).standard_normal((40, 2))
    >>> one, contacts = np.ones(40, np.float32), np.array([[0, 1]])
    >>> spikes = DescribedSpikes(
    ...     np.arange(40) * 3000, np.zeros(40, np.int32), x[:, :, None].astype(np.float32), one, one, one,
    ...     contacts, np.full((1, 2, 1), 10, np.float32), np.eye(1, dtype=np.float32),
    ...     SortedTime(((0, 120_000),), 30_000.0), 4.0)
    >>> learn_from = WeightedSpikes(spikes, group_by_contacts(spikes, np.arange(40)), np.ones(40))
    >>> start = Assignment(np.where(np.arange(40) < 30, neuron, 1 - neuron), one, one, one > 0)
    >>> found, means = assign_spikes(learn_from, start, 2, FitParams(), 3)
    >>> bool((found.unit == neuron).all()), found.counts(2).tolist()
    (True, [20, 20])
    """
    means = mean_scores(learn_from, assignment, n_units, share)
    for _ in range(n_rounds):
        assignment = most_likely_units(learn_from.spikes, learn_from.groups, means, assignment, fit, share)
        above = above_cutoffs(learn_from.spikes.norm_ratio, assignment, means, fit, share)
        assignment = replace(assignment, accepted=assignment.accepted & above)
        means = mean_scores(learn_from, assignment, n_units, share)
    return assignment, means


def most_likely_units(
    spikes: DescribedSpikes,
    groups: Sequence[SpikeGroup],
    means: UnitMeans,
    assignment: Assignment,
    fit: FitParams,
    share: Share = map,
) -> Assignment:
    """Assign each spike of the groups to the unit that raises its likelihood most.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    groups : sequence of SpikeGroup
        The spikes to assign.
    means : UnitMeans
        Means of the units.
    assignment : Assignment
        The present units. Spikes outside the groups keep theirs.
    fit : FitParams
        Settings of the likelihood of spikes.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    Assignment
        New units. A spike is accepted where its unit makes it more likely than noise does.
    """
    unit, amplitude = assignment.unit.copy(), assignment.amplitude.copy()
    score, accepted = assignment.score.copy(), assignment.accepted.copy()
    chunks = [chunk for group in groups for chunk in group.chunks(SPIKES_AT_ONCE)]
    found = share(partial(_most_likely_unit, means=means, spikes=spikes, fit=fit), chunks)
    for chunk, columns in zip(chunks, found, strict=True):
        unit[chunk.rows], amplitude[chunk.rows], score[chunk.rows], accepted[chunk.rows] = columns
    return Assignment(unit, amplitude, score, accepted)


def _most_likely_unit(
    group: SpikeGroup, means: UnitMeans, spikes: DescribedSpikes, fit: FitParams
) -> tuple[I64, F32, F32, Bool]:
    """Columns of an `Assignment` for the spikes of a group. The gain is that of `kernels.pursue`."""
    n = len(group.rows)
    rivals, scores, energy = means.comparable_on(group.contacts)
    if len(rivals) == 0 or n == 0:
        return np.full(n, -1), np.ones(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.bool_)
    rate_hz = np.maximum(means.n_spikes[rivals], 1.0) / spikes.duration_s
    cost = 2 * np.log(spikes.time.sampling_hz / rate_hz)
    # The features of a spike are its residual, whose noise has SD 1, plus its template at rest. Where the template is
    # smaller than at rest, the spike is judged with the smaller one. Otherwise the noise would be scaled up with it.
    norm_ratio = spikes.norm_ratio[group.rows].astype(np.float64)
    excess_template = (1 - norm_ratio) * spikes.amplitude[group.rows]
    templates, template_of_spike = np.unique(spikes.template[group.rows], return_inverse=True)
    is_used = spikes.template_contacts[templates[0]] >= 0
    of_template = spikes.template_scores[templates][:, is_used].reshape(len(templates), -1).astype(np.float64)
    best, amplitude, score, accepted = kernels.likeliest(
        group.flat_features(spikes) @ scores.T.astype(np.float32),
        excess_template,
        of_template @ scores.T,
        template_of_spike,
        norm_ratio,
        energy,
        cost,
        fit.amplitude_cv**-2.0,
        fit.min_amplitude_ratio,
    )
    return rivals[best], amplitude, score, accepted
