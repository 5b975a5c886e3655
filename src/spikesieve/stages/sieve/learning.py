"""Learn the units in matched spikes: split units that are two neurons, assign spikes again, merge what is one neuron.

All of this runs on the features that matching leaves: each spike with all other spikes subtracted. See docs/sieve.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F64, I64
from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.assignment import assign_spikes
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, group_by_contacts, load_features
from spikesieve.stages.sieve.merges import merge_units
from spikesieve.stages.sieve.splits import split_units
from spikesieve.stages.sieve.unit_means import Assignment, UnitMeans, WeightedSpikes, mean_scores
from spikesieve.stages.sieve.unit_templates import renumbered, units_as_templates
from spikesieve.stages.templates import LearnedTemplates

# Rounds of assignment after splits and after merges. Splits leave some spikes without a unit; here they get one.
ROUNDS_AFTER_SPLITS, ROUNDS_AFTER_MERGES = 4, 2
# A unit with fewer spikes is not worth a template.
MIN_SPIKES_OF_TEMPLATE = 8
# The fractional parts of its multiples are spread evenly over [0, 1), however many are taken.
GOLDEN_FRACTION = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class LearnedUnits:
    """Units as they were learned.

    Attributes
    ----------
    spikes : DescribedSpikes
        The spikes they were learned from; their number does not grow with the recording.
    assignment : Assignment
        The units of these spikes.
    weight : ndarray of float64, shape (n_spikes,)
        How many spikes of the recording each spike stands for.
    means : UnitMeans
        Means of the units.
    loaded : DescribedSpikes or None
        The same spikes with their features in memory; None where they were forgotten.
    """

    spikes: DescribedSpikes
    assignment: Assignment
    weight: F64
    means: UnitMeans
    loaded: DescribedSpikes | None = None

    @property
    def with_template(self) -> I64:
        """The units that have enough spikes for a template, (n_templates,) int64."""
        return np.flatnonzero(self.assignment.counts(len(self.means.norms)) >= MIN_SPIKES_OF_TEMPLATE)


def learn_units(spikes: DescribedSpikes, fit: FitParams, params: RefineParams, share: Share = map) -> LearnedUnits:
    """Learn the units in the spikes of all templates.

    Each template starts as one unit. Splits, merges and assignments follow, `params.rounds` times.

    Parameters
    ----------
    spikes : DescribedSpikes
        Spikes from template matching.
    fit : FitParams
        Settings of the likelihood of spikes.
    params : RefineParams
        When units are split and merged, and how many spikes they are learned from.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    LearnedUnits
        The units.

    Examples
    --------
    One template on two contacts, with one PC, has matched the spikes of two neurons.

    >>> from spikesieve.model import SortedTime
    >>> rng = np.random.default_rng(0)
    >>> n, neuron = 200, np.arange(200) % 2
    >>> x = (np.eye(2)[neuron] * 20 + rng.standard_normal((n, 2)))[:, :, None].astype(np.float32)
    >>> one, pcs = np.ones(n, np.float32), np.full((1, 4), 0.5, np.float32)
    >>> spikes = DescribedSpikes(
    ...     np.sort(rng.integers(0, 300_000, n)), np.zeros(n, np.int32), x, one, one, one,
    ...     np.array([[0, 1]]), np.full((1, 2, 1), 10, np.float32), pcs, SortedTime(((0, 300_000),), 30_000.0), 10.0)
    >>> learned = learn_units(spikes, FitParams(), RefineParams())
    >>> learned.assignment.counts(2)
    array([99, 99])
    """
    rows, weight = _spikes_to_learn_from(spikes, params.max_spikes)
    used = spikes.take(rows)
    loaded, groups = load_features(used, group_by_contacts(used, np.arange(len(rows))))
    learn_from = WeightedSpikes(loaded, groups, weight)
    one = np.ones(len(rows), np.float32)
    assignment = Assignment(used.template.astype(np.int64), one, one, np.ones(len(rows), np.bool_))
    means = mean_scores(learn_from, assignment, len(used.template_contacts), share)
    for _ in range(params.rounds):
        assignment, n_units = split_units(loaded, groups, assignment, params, share)
        assignment, means = assign_spikes(learn_from, assignment, n_units, fit, ROUNDS_AFTER_SPLITS, share)
        assignment = merge_units(loaded, assignment, means, params)
        assignment, means = assign_spikes(learn_from, assignment, n_units, fit, ROUNDS_AFTER_MERGES, share)
    return LearnedUnits(used, assignment, weight, means, loaded)


def _spikes_to_learn_from(spikes: DescribedSpikes, max_spikes: int) -> tuple[I64, F64]:
    """The spikes to learn from, (n,) int64, and how many of the template's spikes each stands for, (n,) float64.

    They are whole. Of templates with too many, all within some seconds of the recording are taken. So the intervals
    between spikes stay as they are.
    """
    template, second = spikes.template, (spikes.sample / spikes.time.sampling_hz).astype(np.int64)
    whole = np.ones(len(template), np.bool_) if spikes.whole is None else spikes.whole
    counts, n_whole = np.bincount(template), np.bincount(template[whole], minlength=template.max(initial=-1) + 1)
    rows = np.flatnonzero(whole & (second * GOLDEN_FRACTION % 1.0 < (max_spikes / np.maximum(n_whole, 1))[template]))
    n_taken = np.bincount(template[rows], minlength=len(counts))
    return rows, (counts / np.maximum(n_taken, 1))[template[rows]]


def learned_templates(learned: LearnedUnits) -> tuple[LearnedTemplates, I64, I64]:
    """Turn the learned units into templates, to match the recording with.

    Parameters
    ----------
    learned : LearnedUnits
        The units.

    Returns
    -------
    templates : LearnedTemplates
        The units that have enough spikes for a template.
    parent : ndarray of int64, shape (n_templates,)
        The template that matched most spikes of each.
    unit : ndarray of int64, shape (n_spikes,)
        The new template of each spike that was learned from; -1 = none.
    """
    kept = learned.with_template
    unit = learned.assignment.accepted_unit
    n_spikes = np.round(learned.means.n_spikes).astype(np.int64)
    templates, parent = units_as_templates(learned.spikes, unit, learned.means, kept, n_spikes)
    return templates, parent, renumbered(unit, kept)


def means_after_merging(learned: LearnedUnits, merged_into: I64, share: Share = map) -> UnitMeans:
    """Compute the means again after units were merged.

    Parameters
    ----------
    learned : LearnedUnits
        Units before the merges.
    merged_into : ndarray of int64, shape (n_templates,)
        The template that each template of `learned_templates` was merged into.
    share : Share, optional
        Runs a function on many groups of spikes, like `map`.

    Returns
    -------
    UnitMeans
        As many units as before; those that were merged into others have no spikes and a mean of 0.
    """
    n_units = len(learned.means.norms)
    new_unit = np.arange(n_units)
    kept = learned.with_template
    new_unit[kept] = kept[merged_into]
    unit = learned.assignment.unit
    assignment = replace(learned.assignment, unit=np.where(unit >= 0, new_unit[unit], -1))
    groups = group_by_contacts(learned.spikes, np.arange(len(learned.weight)))
    return mean_scores(WeightedSpikes(learned.spikes, groups, learned.weight), assignment, n_units, share)
