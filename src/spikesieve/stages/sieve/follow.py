"""Units learned from the spikes of moving templates become moving templates: seen where their spikes were matched.

See docs/tissue.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.model import F32, I64, Bool
from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.features import add_features
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.compete import Matched
from spikesieve.stages.templates import LearnedTemplates, advanced, aligned, concatenate, without_duplicates
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict

# Fewer spikes than this at a displacement are not looked at.
FEWEST_SEEN = 8


@dataclass(frozen=True, eq=False)
class FoundUnits:
    """Units in the spikes of moving templates.

    templates  at rest
    parent     (n_units,) int64, the template that found most spikes of each unit
    unit       (n_spikes,) int64 of each spike, -1 = none;  amplitude (n_spikes,) float32 relative to the unit
    """

    templates: LearnedTemplates
    parent: I64
    unit: I64
    amplitude: F32


@dataclass(frozen=True, eq=False)
class SeenUnits:
    """Units, and what the contacts saw of each at each displacement.

    before  the templates that found their spikes
    """

    found: FoundUnits
    seen: list[Observed]
    before: MovingTemplates


def seen_on_probe(
    matched: Matched, units: FoundUnits, step: I64, before: MovingTemplates, width: int, share: Share = map
) -> SeenUnits:
    """What the contacts saw of each unit's spikes, in bins of `width` steps of displacement.

    step  (n,) int64, of `before`, at which each spike was matched
    Only the spikes that the unit's parent found are used.
    """
    centre = np.minimum(step // width * width + width // 2, len(before.steps_um) - 1)
    whole = np.flatnonzero(units.unit >= 0)
    order = whole[np.argsort(units.unit[whole], kind="stable")]
    edges = np.searchsorted(units.unit[order], np.arange(len(units.parent) + 1))
    rows = [
        order[a:b][matched.source[order[a:b]] == p] for (a, b), p in zip(pairwise(edges), units.parent, strict=True)
    ]
    one = partial(_seen, matched=matched, units=units, step=step, centre=centre, before=before)
    return SeenUnits(units, list(share(one, list(zip(rows, units.parent, strict=True)))), before)


def _seen(
    one: tuple[I64, np.int64], matched: Matched, units: FoundUnits, step: I64, centre: I64, before: MovingTemplates
) -> Observed:
    """What the contacts saw of one unit: of its spikes that its parent found, and that parent."""
    rows, p = one
    same = (before.contacts[step[rows], p] == before.contacts[centre[rows], p]).all(axis=1)
    rows = rows[same]
    at, which, n_spikes = np.unique(centre[rows], return_inverse=True, return_counts=True)
    sums = np.zeros((len(at), *matched.features.shape[1:]))
    add_features(matched.features_of(rows), which.ravel(), sums)
    size = np.bincount(which, weights=units.amplitude[rows], minlength=len(at))
    # Spikes are kept as what their template did not explain and the template at rest.
    unexplained = sums / np.maximum(size, 1e-9)[:, None, None] - before.rest.scores[p]
    enough = n_spikes >= FEWEST_SEEN
    seen = Observed(before.steps_um[at], before.contacts[at, p], before.scores[at, p] + unexplained, n_spikes)
    return _rows_of(seen, enough)


def _rows_of(seen: Observed, rows: Bool) -> Observed:
    return Observed(seen.displacement_um[rows], seen.contacts[rows], seen.means[rows], seen.n_spikes[rows])


def followed_again(units: SeenUnits, became: I64, tissue: Tissue, share: Share = map) -> MovingTemplates:
    """Units that were learned from the spikes of moving templates, as templates that move.

    A unit moves as its parent, and the difference between the two as a footprint that was seen wherever the spikes of
    the unit and of those that became it were matched.

    became  (n_units,) int64, the unit that each unit is a part of, -1 = left out
    """
    before, parent, some = units.before, units.found.parent, became >= 0
    leads = np.flatnonzero(became == np.arange(len(parent)))
    n_spikes = np.bincount(became[some], units.found.templates.n_spikes[some], len(parent)).astype(np.int64)[leads]
    scores, contacts = before.scores[:, parent[leads]].copy(), before.contacts[:, parent[leads]]
    if len(before.steps_um) == 1:
        scores[0] = units.found.templates.scores[leads]
    else:
        sets = [([units.seen[m] for m in np.flatnonzero(became == k)], int(parent[k])) for k in leads]
        for column, more in enumerate(share(partial(_beside_parent, before=before, tissue=tissue), sets)):
            scores[:, column] += more
    still = int(np.abs(before.steps_um).argmin())
    rest = LearnedTemplates(contacts[still], scores[still], n_spikes)
    return MovingTemplates(rest, before.steps_um, contacts, scores)


def _beside_parent(one: tuple[list[Observed], int], before: MovingTemplates, tissue: Tissue) -> F32:
    """What a unit has beyond its parent at every step, from what was seen of it: (n_steps, n_near, n_pcs) float32."""
    seen, parent = one
    whole = seen_of_all([seen_beyond(some, before, parent) for some in seen])
    if len(whole.n_spikes) == 0:
        return np.zeros_like(before.scores[:, parent])
    return predict(tissue, whole, before.contacts[:, parent], before.steps_um)


def together(first: MovingTemplates, *others: MovingTemplates) -> MovingTemplates:
    """The templates of all, whose steps are the same."""
    whole = (first, *others)
    rest = concatenate([one.rest for one in whole], first.rest.contacts.shape[1], first.rest.scores.shape[2])
    contacts = np.concatenate([one.contacts for one in whole], axis=1)
    return MovingTemplates(rest, first.steps_um, contacts, np.concatenate([one.scores for one in whole], axis=1))


def distinct(moving: MovingTemplates, n_contacts: int, shapes: Shapes, params: TemplatesParams) -> MovingTemplates:
    """The templates aligned, and those that are alike at rest joined."""
    contacts, scores = moving.contacts, moving.scores.copy()
    rest, shifts = aligned(moving.rest, shapes)
    for k, shift in enumerate(shifts):
        scores[:, k] = advanced(scores[:, k], int(shift), shapes.pcs)
    families = without_duplicates(rest, n_contacts, shapes.pcs, params)
    one = np.array(
        [np.flatnonzero(families.template_of_cluster == k)[0] for k in range(len(families.templates))], np.int64
    )
    return MovingTemplates(families.templates, moving.steps_um, contacts[:, one], scores[:, one])


def seen_of_all(parts: Sequence[Observed]) -> Observed:
    """What was seen of several units, one after the other."""
    return Observed(
        np.concatenate([p.displacement_um for p in parts]),
        np.concatenate([p.contacts for p in parts]),
        np.concatenate([p.means for p in parts]),
        np.concatenate([p.n_spikes for p in parts]),
    )


def seen_beyond(seen: Observed, before: MovingTemplates, parent: int) -> Observed:
    """What was seen, on the contacts of the template `parent` and without it; -1 for contacts not looked at."""
    step = before.step_of(seen.displacement_um)
    contacts, scores = before.contacts[step, parent], before.scores[step, parent]
    same = (contacts[:, :, None] == seen.contacts[:, None, :]) & (contacts >= 0)[:, :, None]
    there, column = same.any(axis=2), same.argmax(axis=2)
    means = np.take_along_axis(seen.means, column[:, :, None], axis=1) - scores
    return replace(seen, contacts=np.where(there, contacts, -1), means=np.where(there[:, :, None], means, 0.0))
