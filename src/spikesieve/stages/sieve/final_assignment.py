"""Assign all spikes of the recording to the final units, and leave out units that do not stand out of the noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F32, F64, I64
from spikesieve.model.text import counted
from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.blanked_time import fewest_spikes
from spikesieve.stages.by_unit import rows_of_units
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.assignment import most_likely_units
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, group_by_contacts
from spikesieve.stages.sieve.phase_fragments import merge_phase_fragments
from spikesieve.stages.sieve.score_cutoffs import above_cutoffs
from spikesieve.stages.sieve.unit_means import UnitMeans, unassigned
from spikesieve.stages.sieve.unit_templates import renumbered, units_as_templates
from spikesieve.stages.templates import LearnedTemplates

# An estimate exceeds the truth by less than this many standard errors with a probability of 97.5 %.
NORMAL_97_5 = 1.96
# The standard error of a median is this times that of a mean, for Gaussian values: about sqrt(pi / 2).
MEDIAN_OVER_MEAN = 1.25


@dataclass(frozen=True, eq=False)
class RefinedUnits:
    """The final units.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_spikes,)
        The unit of each spike, 0 to n_units - 1; -1 = none.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples.
    means : LearnedTemplates
        Means of the units.
    notes : tuple of str
        Sentences for the user: what was left out and why.
    """

    unit: I64
    sample: I64
    means: LearnedTemplates
    notes: tuple[str, ...]


def final_assignment(
    spikes: DescribedSpikes, means: UnitMeans, fit: FitParams, params: RefineParams, share: Share = map
) -> RefinedUnits:
    """Assign all spikes to units and keep the units that stand out of the noise.

    Units with too few spikes go first, and their spikes are assigned again: a few collisions of a neuron can make such
    a unit. Units that do not stand out of the noise are left out together with their spikes. Then fragments that were
    matched at the wrong phase are merged.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    means : UnitMeans
        Means of the units.
    fit : FitParams
        Settings of the likelihood of spikes.
    params : RefineParams
        Which units are kept.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    RefinedUnits
        The final units.
    """
    n_units, n_all = len(means.norms), len(spikes.sample)
    all_groups = group_by_contacts(spikes, np.arange(n_all))
    found = most_likely_units(spikes, all_groups, means, unassigned(n_all), fit, share)
    unit = np.where(found.accepted & above_cutoffs(spikes.norm_ratio, found, means, fit, share), found.unit, -1)
    counts = np.bincount(unit[unit >= 0], minlength=n_units)
    fewest = fewest_spikes(params.min_spikes, spikes.seen_share_of_units(unit, n_units))
    enough, excess = counts >= fewest, sure_excess(spikes.excess, unit, n_units)
    if spikes.whole is not None:
        # Spikes that are partly hidden exceed the limit by less.
        excess = np.maximum(excess, sure_excess(spikes.excess, np.where(spikes.whole, unit, -1), n_units))
    strong = enough & (excess >= params.min_median_excess_sd)
    notes = (
        *_note_on_weak_units(np.where(enough & ~strong, counts, 0), excess, means, params),
        *_note_on_small_units(np.where(enough, 0, counts), means, params),
    )
    if not counts.any():
        notes = _note_on_unlikely_spikes(spikes)

    of_small_units = np.flatnonzero(np.append(~enough, False)[found.unit])
    means = replace(means, scores=means.scores * strong[:, None, None])
    found = most_likely_units(spikes, group_by_contacts(spikes, of_small_units), means, found, fit, share)
    accepted = (
        found.accepted
        & np.append(strong, False)[found.unit]
        & above_cutoffs(spikes.norm_ratio, found, means, fit, share)
    )
    unit = np.where(accepted, found.unit, -1)
    counts = np.bincount(unit[unit >= 0], minlength=n_units)
    kept = np.flatnonzero(strong & (counts > 0))
    templates, _ = units_as_templates(spikes, unit, means, kept, counts)
    unit, sample = merge_phase_fragments(spikes, renumbered(unit, kept), templates, params)
    left, n_spikes = np.unique(unit[unit >= 0], return_counts=True)
    templates = replace(templates.take(left), n_spikes=n_spikes)
    return RefinedUnits(renumbered(unit, left), sample, templates, notes)


def _note_on_weak_units(n_spikes: I64, excess: F64, means: UnitMeans, params: RefineParams) -> tuple[str, ...]:
    """Say how many clusters are left out, and which is the largest. `n_spikes` (n_units,) is 0 for the others."""
    if not n_spikes.any():
        return ()
    return (
        f"{counted(int(np.count_nonzero(n_spikes)), 'cluster')} left out for scores "
        f"too close to the detection limit to be told from noise. {_largest(n_spikes, means)} "
        f"Half of them exceed the limit by {excess[n_spikes.argmax()]:.2f} SD, and refine.min_median_excess_sd is "
        f"{params.min_median_excess_sd:g}.",
    )


def _note_on_small_units(n_spikes: I64, means: UnitMeans, params: RefineParams) -> tuple[str, ...]:
    """The same of clusters that have too few spikes."""
    if not n_spikes.any():
        return ()
    return (
        f"{counted(int(np.count_nonzero(n_spikes)), 'cluster')} left out for fewer spikes than "
        f"refine.min_spikes = {params.min_spikes}. {_largest(n_spikes, means)}",
    )


def _note_on_unlikely_spikes(spikes: DescribedSpikes) -> tuple[str, ...]:
    """The same where no spike is accepted: of the templates that matched them."""
    if len(spikes.sample) == 0:
        return ()
    n_spikes = np.bincount(spikes.template)
    largest = n_spikes.argmax()
    contact = spikes.template_contacts[largest, _strongest(spikes.template_scores[largest])]
    return (
        f"All clusters ({np.count_nonzero(n_spikes)}) are left out: none of their spikes is likelier than noise. "
        f"The largest has {counted(n_spikes[largest], 'spike')} around contact {contact}.",
    )


def _largest(n_spikes: I64, means: UnitMeans) -> str:
    """Say which unit has most spikes, and where it is."""
    largest = n_spikes.argmax()
    return f"The largest has {counted(n_spikes[largest], 'spike')} around contact {_strongest(means.scores[largest])}."


def _strongest(scores: F32 | F64) -> int:
    """Contact with most energy, from scores (n_contacts, n_pcs)."""
    return int((scores**2).sum(axis=1).argmax())


def sure_excess(excess: F32, unit: I64, n_units: int) -> F64:
    """Compute how much half of each unit's spikes exceed the smallest accepted score, with 97.5 % confidence.

    Averages of noise, and spikes too small to be matched, score little above the smallest accepted score. If at least
    half of a neuron's spikes are found, the median of those found lies at least 0.67 SD above it.

    Parameters
    ----------
    excess : ndarray of float32, shape (n_spikes,)
        Score of each spike above the smallest accepted score, in noise SD.
    unit : ndarray of int64, shape (n_spikes,)
        The unit of each spike; -1 = none.
    n_units : int
        Number of units.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        Lower confidence limit of the median excess in noise SD; -inf for units without spikes.

    Examples
    --------
    >>> sure_excess(np.array([1, 2, 3, 2], np.float32), np.array([0, 0, 0, 1]), 3).round(2)
    array([0.85, 2.  , -inf])
    """
    found = np.full(n_units, -np.inf)
    for k, rows in enumerate(rows_of_units(unit, n_units)):
        if not len(rows):
            continue
        of_unit = excess[rows]
        margin = NORMAL_97_5 * MEDIAN_OVER_MEAN * of_unit.std() / np.sqrt(len(of_unit))
        found[k] = np.median(of_unit) - margin
    return found
