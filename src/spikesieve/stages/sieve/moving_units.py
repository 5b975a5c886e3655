"""Turn units that were learned from the spikes of moving templates into moving templates.

Each unit is described as the contacts saw its spikes at each displacement of the tissue. See docs/tissue.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.duplicates import without_duplicates
from spikesieve.stages.features import add_features
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.templates import LearnedTemplates, advanced, aligned, concatenate
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict

# Displacements with fewer spikes of a unit are left out; of units of few spikes, those with less than this share.
MIN_SPIKES_OF_BIN, MIN_SHARE_OF_BIN = 8, 0.05
# Where a unit fires at less than this times its usual rate, it is not seen, and the spikes are other neurons'.
MIN_RATE_RATIO = 0.2


@dataclass(frozen=True, eq=False)
class FoundUnits:
    """Units in the spikes of moving templates.

    Attributes
    ----------
    templates : LearnedTemplates
        The units at rest (displacement 0).
    parent : ndarray of int64, shape (n_units,)
        The moving template that matched most spikes of each unit.
    unit : ndarray of int64, shape (n_spikes,)
        The unit of each spike; -1 = none.
    amplitude : ndarray of float32, shape (n_spikes,)
        Size of each spike as a multiple of the unit's mean.
    """

    templates: LearnedTemplates
    parent: I64
    unit: I64
    amplitude: F32


@dataclass(frozen=True, eq=False)
class ObservedUnits:
    """Units, and what the contacts saw of each at each displacement.

    Attributes
    ----------
    found : FoundUnits
        The units.
    observed : list of Observed
        Mean features of each unit in bins of displacement.
    matched_by : MovingTemplates
        The templates that matched the spikes.
    seconds : ndarray of float64, shape (n_steps, n_templates)
        How long the tissue was near each bin of displacement, at the depth of each template, in s; 0 between bins.
    trains : list of ndarray of int64
        Samples of the spikes of each unit in these bins.
    """

    found: FoundUnits
    observed: list[Observed]
    matched_by: MovingTemplates
    seconds: F64
    trains: list[I64]


@dataclass(frozen=True, eq=False)
class MatchedSteps:
    """At which displacement each spike was matched.

    Attributes
    ----------
    templates : MovingTemplates
        The templates that matched the spikes.
    step : ndarray of int64, shape (n_spikes,)
        Step of displacement of each spike's template, as a row of `templates.scores`.
    seconds : ndarray of float64, shape (n_steps, n_templates)
        How long each template was at each step, in s.
    bin_steps : int
        Width of a bin of displacement in steps.
    """

    templates: MovingTemplates
    step: I64
    seconds: F64
    bin_steps: int

    @property
    def bin_centre(self) -> I64:
        """The step in the middle of each spike's bin, (n_spikes,) int64."""
        return self._centre_of(self.step)

    @property
    def seconds_of_bins(self) -> F64:
        """The seconds of all steps of a bin at its middle, 0 at its other steps: (n_steps, n_templates) float64."""
        total = np.zeros_like(self.seconds)
        np.add.at(total, self._centre_of(np.arange(len(total))), self.seconds)
        return total

    def _centre_of(self, step: I64) -> I64:
        middle = step // self.bin_steps * self.bin_steps + self.bin_steps // 2
        return np.minimum(middle, len(self.templates.steps_um) - 1)


def observe_units(
    spikes: DescribedSpikes, units: FoundUnits, matched_at: MatchedSteps, share: Share = map
) -> ObservedUnits:
    """Average the spikes of each unit in bins of displacement, as the contacts saw them.

    Only spikes that the unit's parent matched are used. Bins in which a unit has few spikes, or fires at a fraction of
    its usual rate, are left out.

    Parameters
    ----------
    spikes : DescribedSpikes
        All spikes.
    units : FoundUnits
        Their units.
    matched_at : MatchedSteps
        Where the tissue was at each spike.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    ObservedUnits
        The units, and the means of each in every bin that has enough of its spikes.
    """
    bin_centre = matched_at.bin_centre
    with_unit = np.flatnonzero(units.unit >= 0)
    order = with_unit[np.argsort(units.unit[with_unit], kind="stable")]
    edges = np.searchsorted(units.unit[order], np.arange(len(units.parent) + 1))
    rows = [
        order[a:b][spikes.template[order[a:b]] == parent]
        for (a, b), parent in zip(pairwise(edges), units.parent, strict=True)
    ]
    seconds = matched_at.seconds_of_bins
    observe = partial(
        _observe_unit, spikes=spikes, units=units, matched_at=matched_at, bin_centre=bin_centre, seconds=seconds
    )
    observed = list(share(observe, list(zip(rows, units.parent, strict=True))))
    trains = []
    for (a, b), one in zip(pairwise(edges), observed, strict=True):
        is_seen = np.isin(bin_centre[order[a:b]], matched_at.templates.step_of(one.displacement_um))
        trains.append(spikes.sample[order[a:b][is_seen]])
    return ObservedUnits(units, observed, matched_at.templates, seconds, trains)


def _observe_unit(
    one_unit: tuple[I64, np.int64],
    spikes: DescribedSpikes,
    units: FoundUnits,
    matched_at: MatchedSteps,
    bin_centre: I64,
    seconds: F64,
) -> Observed:
    """What the contacts saw of one unit; `one_unit` is its spikes that its parent matched, and the parent."""
    rows, parent = one_unit
    templates, step = matched_at.templates, matched_at.step
    same_contacts = (templates.contacts[step[rows], parent] == templates.contacts[bin_centre[rows], parent]).all(axis=1)
    rows = rows[same_contacts]
    at, bin_of_spike, n_spikes = np.unique(bin_centre[rows], return_inverse=True, return_counts=True)
    sums = np.zeros((len(at), *spikes.features.shape[1:]))
    add_features(spikes.features_of(rows), bin_of_spike.ravel(), sums)
    amplitude_sums = np.bincount(bin_of_spike, weights=units.amplitude[rows], minlength=len(at))
    # The features are the residual plus the template at rest. Here the template as it was matched is wanted.
    residual = sums / np.maximum(amplitude_sums, 1e-9)[:, None, None] - templates.rest.scores[parent]
    means = templates.scores[at, parent] + residual
    observed = Observed(templates.steps_um[at], templates.contacts[at, parent], means, n_spikes)
    rate_hz = n_spikes / np.maximum(seconds[at, parent], 1e-9)
    usual_hz = n_spikes @ rate_hz / max(1, n_spikes.sum())
    least = min(MIN_SPIKES_OF_BIN, MIN_SHARE_OF_BIN * n_spikes.sum())
    return _bins(observed, (n_spikes >= least) & (rate_hz >= MIN_RATE_RATIO * usual_hz))


def _bins(observed: Observed, kept: Bool) -> Observed:
    return Observed(
        observed.displacement_um[kept], observed.contacts[kept], observed.means[kept], observed.n_spikes[kept]
    )


def units_as_moving_templates(
    units: ObservedUnits, merged_into: I64, tissue: Tissue, share: Share = map
) -> MovingTemplates:
    """Turn units that were learned from the spikes of moving templates into moving templates.

    A unit moves as its parent does. The difference between the two is a footprint of its own. It is predicted at every
    displacement from what was observed of the unit and of those that were merged into it.

    Parameters
    ----------
    units : ObservedUnits
        The units, and what the contacts saw of each.
    merged_into : ndarray of int64, shape (n_units,)
        The unit that each unit was merged into, its own number if none; -1 leaves the unit out.
    tissue : Tissue
        Predicts footprints at other displacements.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    MovingTemplates
        The units that are left, in order of their numbers.
    """
    before, parent, kept = units.matched_by, units.found.parent, merged_into >= 0
    leads = np.flatnonzero(merged_into == np.arange(len(parent)))
    total = np.bincount(merged_into[kept], units.found.templates.n_spikes[kept], len(parent))
    n_spikes = total.astype(np.int64)[leads]
    scores, contacts = before.scores[:, parent[leads]].copy(), before.contacts[:, parent[leads]]
    if len(before.steps_um) == 1:
        scores[0] = units.found.templates.scores[leads]
    else:
        parts = [([units.observed[m] for m in np.flatnonzero(merged_into == k)], int(parent[k])) for k in leads]
        difference = share(partial(_difference_at_all_steps, before=before, tissue=tissue), parts)
        for column, more in enumerate(difference):
            scores[:, column] += more
    still = int(np.abs(before.steps_um).argmin())
    rest = LearnedTemplates(contacts[still], scores[still], n_spikes)
    return MovingTemplates(rest, before.steps_um, contacts, scores)


def _difference_at_all_steps(parts: tuple[list[Observed], int], before: MovingTemplates, tissue: Tissue) -> F32:
    """The difference of a unit to its parent at every step, (n_steps, n_near, n_pcs), from what was observed of it."""
    observed, parent = parts
    of_unit = concatenate_observed([difference_from_template(one, before, parent) for one in observed])
    if len(of_unit.n_spikes) == 0:
        return np.zeros_like(before.scores[:, parent])
    return predict(tissue, of_unit, before.contacts[:, parent], before.steps_um)


def concatenate_templates(first: MovingTemplates, *others: MovingTemplates) -> MovingTemplates:
    """Put moving templates one after the other.

    Parameters
    ----------
    first, *others : MovingTemplates
        Templates with the same steps of displacement.

    Returns
    -------
    MovingTemplates
        All templates, in this order.

    Examples
    --------
    >>> contacts, scores = np.zeros((3, 2, 1), np.int64), np.ones((3, 2, 1, 1), np.float32)
    >>> two = MovingTemplates(
    ...     LearnedTemplates(contacts[1], scores[1], np.array([50, 40])), np.arange(-1.0, 2.0), contacts, scores)
    >>> concatenate_templates(two, two).rest.n_spikes
    array([50, 40, 50, 40])
    """
    parts = (first, *others)
    rest = concatenate([part.rest for part in parts], first.rest.contacts.shape[1], first.rest.scores.shape[2])
    contacts = np.concatenate([part.contacts for part in parts], axis=1)
    return MovingTemplates(rest, first.steps_um, contacts, np.concatenate([part.scores for part in parts], axis=1))


def without_moving_duplicates(
    moving: MovingTemplates,
    n_contacts: int,
    shapes: Shapes,
    params: TemplatesParams,
    may_be_one: Callable[[int, int], bool] = lambda *_: True,
) -> MovingTemplates:
    """Align the templates in time, and merge those that are duplicates at rest.

    Parameters
    ----------
    moving : MovingTemplates
        All templates.
    n_contacts : int
        Contacts of the probe.
    shapes : Shapes
        Temporal components and the sample at which a waveform has its peak.
    params : TemplatesParams
        When two templates are duplicates.
    may_be_one : callable, optional
        Whether two duplicates, of which the numbers are given, may be one neuron. Default: all may.

    Returns
    -------
    MovingTemplates
        One template of each family of duplicates. It has the spikes of all of them.
    """
    contacts, scores = moving.contacts, moving.scores.copy()
    rest, shifts = aligned(moving.rest, shapes)
    for k, shift in enumerate(shifts):
        scores[:, k] = advanced(scores[:, k], int(shift), shapes.pcs)
    families = without_duplicates(rest, n_contacts, shapes.pcs, params, may_be_one)
    kept = np.array(
        [np.flatnonzero(families.template_of_cluster == k)[0] for k in range(len(families.templates))], np.int64
    )
    return MovingTemplates(families.templates, moving.steps_um, contacts[:, kept], scores[:, kept])


def concatenate_observed(parts: Sequence[Observed]) -> Observed:
    """Put what was observed of several units one after the other.

    Parameters
    ----------
    parts : sequence of Observed
        At least one.

    Returns
    -------
    Observed
        The bins of all parts.
    """
    return Observed(
        np.concatenate([p.displacement_um for p in parts]),
        np.concatenate([p.contacts for p in parts]),
        np.concatenate([p.means for p in parts]),
        np.concatenate([p.n_spikes for p in parts]),
    )


def difference_from_template(observed: Observed, templates: MovingTemplates, template: int) -> Observed:
    """Subtract a template from what was observed, on the contacts of the template.

    Parameters
    ----------
    observed : Observed
        What was observed of a unit.
    templates : MovingTemplates
        All templates.
    template : int
        The template to subtract.

    Returns
    -------
    Observed
        The differences; contact -1 and 0 where the unit was not observed.
    """
    step = templates.step_of(observed.displacement_um)
    contacts, scores = templates.contacts[step, template], templates.scores[step, template]
    same = (contacts[:, :, None] == observed.contacts[:, None, :]) & (contacts >= 0)[:, :, None]
    is_observed, column = same.any(axis=2), same.argmax(axis=2)
    means = np.take_along_axis(observed.means, column[:, :, None], axis=1) - scores
    contacts = np.where(is_observed, contacts, -1)
    return replace(observed, contacts=contacts, means=np.where(is_observed[:, :, None], means, 0.0))
