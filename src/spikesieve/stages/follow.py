"""Units learned from the spikes of moving templates become moving templates: seen where their spikes were matched.

Footprints differ from what a few displacements lead one to expect, so that a neuron may be two units, each found where
the tissue is at one end. They are compared where both were seen, not at rest. See docs/tissue.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.model import F32, I64, Bool
from spikesieve.stages.compete import SEEN_ENERGY, Matched
from spikesieve.stages.features import add_features
from spikesieve.stages.refine import RefineParams, log_odds_one, without_jitter
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.share import Share
from spikesieve.stages.templates import (
    LearnedTemplates,
    TemplatesParams,
    advanced,
    aligned,
    component_lags,
    concatenate,
    without_duplicates,
)
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, predict

# Fewer spikes than this at a displacement are not looked at.
FEWEST_SEEN = 8
# Two neurons are seen at the same displacements; parts of one that share less of their spikes' displacements are one's.
SEEN_APART = 0.5


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


def seen_on_probe(
    matched: Matched, units: FoundUnits, step: I64, before: MovingTemplates, width: int, share: Share = map
) -> list[Observed]:
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
    return list(share(one, list(zip(rows, units.parent, strict=True))))


def _seen(
    one: tuple[I64, np.int64], matched: Matched, units: FoundUnits, step: I64, centre: I64, before: MovingTemplates
) -> Observed:
    """What the contacts saw of one unit: of its spikes that its parent found, and that parent."""
    rows, p = one
    same = (before.contacts[step[rows], p] == before.contacts[centre[rows], p]).all(axis=1)
    rows = rows[same]
    at, which, n_spikes = np.unique(centre[rows], return_inverse=True, return_counts=True)
    sums = np.zeros((len(at), *matched.features.shape[1:]))
    add_features(matched.features[rows], which.ravel(), sums)
    size = np.bincount(which, weights=units.amplitude[rows], minlength=len(at))
    # Spikes are kept as what their template did not explain and the template at rest.
    unexplained = sums / np.maximum(size, 1e-9)[:, None, None] - before.rest.scores[p]
    enough = n_spikes >= FEWEST_SEEN
    seen = Observed(before.steps_um[at], before.contacts[at, p], before.scores[at, p] + unexplained, n_spikes)
    return _rows_of(seen, enough)


def _rows_of(seen: Observed, rows: Bool) -> Observed:
    return Observed(seen.displacement_um[rows], seen.contacts[rows], seen.means[rows], seen.n_spikes[rows])


def joined(
    seen: list[Observed],
    alone: MovingTemplates,
    matched: Matched,
    units: FoundUnits,
    near: Sequence[Sequence[int]],
    params: RefineParams,
) -> I64:
    """The unit that each unit is a part of, (n_units,) int64: those that cannot be told apart where both were seen.

    A unit that is there only where another one is not may differ more from it: there they are seen in passing. If they
    never meet, they are one where each looks as the other one is expected to look there.

    alone  every unit for itself as a template that moves
    near   units that may be the same as a unit
    """
    became = np.arange(len(seen))
    lags = component_lags(matched.pcs)
    close = []
    for i in range(len(seen)):
        for j in (j for j in near[i] if j > i):
            distance = distance_where_seen(seen[i], seen[j], lags, params.min_spikes)
            apart = seen_together(seen[i], seen[j]) < SEEN_APART
            if apart and likeness_where_expected(alone, seen, i, j) > params.same_similarity_apart:
                distance = 0.0
            if distance < (params.same_distance_apart if apart else params.same_distance):
                close.append((distance, i, j))
    samples = {k: matched.sample[units.unit == k] for _, i, j in close for k in (i, j)}
    for _, i, j in sorted(close):
        a, b = sorted((int(became[i]), int(became[j])))
        if a != b and log_odds_one(samples[a], samples[b], matched.sampling_hz) >= -params.train_log_odds:
            became[became == b] = a
            samples[a] = np.concatenate([samples[a], samples[b]])
    return became


def likeness_where_expected(alone: MovingTemplates, seen: list[Observed], i: int, j: int) -> float:
    """Correlation of what was seen of one unit with what the other one is expected to look like there.

    The mean of both directions; -1 where nothing was seen of one.
    """
    if not len(seen[i].n_spikes) or not len(seen[j].n_spikes):
        return -1.0
    return (_as_expected(alone, i, seen[j]) + _as_expected(alone, j, seen[i])) / 2


def _as_expected(alone: MovingTemplates, k: int, seen: Observed) -> float:
    """Correlation over all displacements, each by its spikes; without the energy that the noise of the means adds."""
    expected = alone.scores[alone.step_of(seen.displacement_um), k]
    beyond = _apart(seen, alone, k)
    there = (beyond.contacts >= 0)[:, :, None]
    both = (expected * (beyond.means + expected) * there).sum(axis=(1, 2))
    used = (seen.contacts >= 0).sum(axis=1) * seen.means.shape[2]
    energy = np.maximum((seen.means**2).sum(axis=(1, 2)) - used / seen.n_spikes, 0.0)
    whole = (seen.n_spikes @ energy) * (seen.n_spikes @ (expected**2).sum(axis=(1, 2)))
    return float(seen.n_spikes @ both / np.sqrt(max(whole, 1e-12)))


def seen_together(a: Observed, b: Observed) -> float:
    """The share of the rarer one's spikes at displacements where the other has as many: 0 apart, 1 together."""
    _, in_a, in_b = np.intersect1d(a.displacement_um, b.displacement_um, return_indices=True)
    fewer = np.minimum(a.n_spikes[in_a], b.n_spikes[in_b]).sum()
    return float(fewer / max(1, min(a.n_spikes.sum(), b.n_spikes.sum())))


def distance_where_seen(a: Observed, b: Observed, lags: F32, fewest: int) -> float:
    """Distance in noise SD of two units at the displacements where both were seen, without what noise adds.

    Infinite where they were not both seen `fewest` times, or on contacts with most of the energy of both.
    """
    _, of_a, of_b = np.intersect1d(a.displacement_um, b.displacement_um, return_indices=True)
    total, weights, least = 0.0, 0.0, 0
    for i, j in zip(of_a, of_b, strict=True):
        _, in_a, in_b = np.intersect1d(a.contacts[i], b.contacts[j], return_indices=True)
        used = a.contacts[i][in_a] >= 0
        x, y = a.means[i][in_a[used]], b.means[j][in_b[used]]
        if (x**2).sum() < SEEN_ENERGY * (a.means[i] ** 2).sum() or (y**2).sum() < SEEN_ENERGY * (b.means[j] ** 2).sum():
            return np.inf
        larger = x if a.n_spikes[i] >= b.n_spikes[j] else y
        apart = without_jitter((x - y).reshape(1, -1), larger, lags)
        noise = apart.size * (1 / a.n_spikes[i] + 1 / b.n_spikes[j])
        weight = 1 / (1 / a.n_spikes[i] + 1 / b.n_spikes[j])
        total, weights = total + weight * (float((apart**2).sum()) - noise), weights + weight
        least += min(a.n_spikes[i], b.n_spikes[j])
    return float(np.sqrt(max(0.0, total / weights))) if least >= fewest else np.inf


def followed_again(
    before: MovingTemplates, units: FoundUnits, seen: list[Observed], became: I64, tissue: Tissue, share: Share = map
) -> MovingTemplates:
    """Units that were learned from the spikes of moving templates, as templates that move.

    A unit moves as its parent, and the difference between the two as a footprint that was seen wherever the spikes of
    the unit and of those that became it were matched.

    became  (n_units,) int64, the unit that each unit is a part of
    """
    parent = units.parent
    leads = np.flatnonzero(became == np.arange(len(parent)))
    n_spikes = np.bincount(became, weights=units.templates.n_spikes, minlength=len(parent)).astype(np.int64)[leads]
    scores, contacts = before.scores[:, parent[leads]].copy(), before.contacts[:, parent[leads]]
    if len(before.steps_um) == 1:
        scores[0] = units.templates.scores[leads]
    else:
        sets = [([seen[m] for m in np.flatnonzero(became == k)], int(parent[k])) for k in leads]
        for column, more in enumerate(share(partial(_beside_parent, before=before, tissue=tissue), sets)):
            scores[:, column] += more
    still = int(np.abs(before.steps_um).argmin())
    rest = LearnedTemplates(contacts[still], scores[still], n_spikes)
    return MovingTemplates(rest, before.steps_um, contacts, scores)


def _beside_parent(one: tuple[list[Observed], int], before: MovingTemplates, tissue: Tissue) -> F32:
    """What a unit has beyond its parent at every step, from what was seen of it: (n_steps, n_near, n_pcs) float32."""
    seen, parent = one
    whole = _together([_apart(some, before, parent) for some in seen])
    if len(whole.n_spikes) == 0:
        return np.zeros_like(before.scores[:, parent])
    return predict(tissue, whole, before.contacts[:, parent], before.steps_um)


def together(a: MovingTemplates, b: MovingTemplates) -> MovingTemplates:
    """The templates of both, whose steps are the same."""
    rest = concatenate([a.rest, b.rest], a.rest.contacts.shape[1], a.rest.scores.shape[2])
    contacts = np.concatenate([a.contacts, b.contacts], axis=1)
    return MovingTemplates(rest, a.steps_um, contacts, np.concatenate([a.scores, b.scores], axis=1))


def distinct(moving: MovingTemplates, n_contacts: int, shapes: Shapes, params: TemplatesParams) -> MovingTemplates:
    """The templates aligned, and those that are alike at rest joined."""
    contacts, scores = moving.contacts, moving.scores.copy()
    rest, shifts = aligned(moving.rest, shapes)
    for k, shift in enumerate(shifts):
        scores[:, k] = advanced(scores[:, k], int(shift), shapes.pcs)
    families = without_duplicates(rest, n_contacts, shapes.pcs, params)
    one = np.array([np.flatnonzero(families.member == k)[0] for k in range(len(families.templates))], np.int64)
    return MovingTemplates(families.templates, moving.steps_um, contacts[:, one], scores[:, one])


def _together(parts: list[Observed]) -> Observed:
    return Observed(
        np.concatenate([p.displacement_um for p in parts]),
        np.concatenate([p.contacts for p in parts]),
        np.concatenate([p.means for p in parts]),
        np.concatenate([p.n_spikes for p in parts]),
    )


def _apart(seen: Observed, before: MovingTemplates, parent: int) -> Observed:
    """What was seen, on the contacts of the template `parent` and without it; -1 for contacts not looked at."""
    step = before.step_of(seen.displacement_um)
    contacts, scores = before.contacts[step, parent], before.scores[step, parent]
    same = (contacts[:, :, None] == seen.contacts[:, None, :]) & (contacts >= 0)[:, :, None]
    there, column = same.any(axis=2), same.argmax(axis=2)
    means = np.take_along_axis(seen.means, column[:, :, None], axis=1) - scores
    return replace(seen, contacts=np.where(there, contacts, -1), means=np.where(there[:, :, None], means, 0.0))
