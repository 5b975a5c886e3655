"""Units that are parts of one neuron, each found where the tissue is at some displacements, are told from neighbours.

Footprints differ from what a few displacements lead one to expect, so that one moving template does not find a neuron
everywhere. Units are compared where both were seen, or where each is expected, not at rest. See docs/tissue.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from spikesieve.model import F32, I64
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.compete import SEEN_ENERGY, Matched
from spikesieve.stages.sieve.follow import SeenUnits, followed_again, seen_beyond, seen_of_all, together
from spikesieve.stages.sieve.refine import log_odds_one, without_jitter
from spikesieve.stages.templates import component_lags
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue

# Two neurons are seen at the same displacements; parts of one that share less of their spikes' displacements are one's.
SEEN_APART = 0.5
# Units whose peaks are farther apart are not one.
NEAR_UM = 60.0


def joined(
    units: SeenUnits, matched: Matched, tissue: Tissue, params: RefineParams, share: Share = map
) -> tuple[I64, MovingTemplates]:
    """The unit that each unit is a part of, (n_units,) int64, and those that are left as templates that move.

    One are units that cannot be told apart where both were seen; then those that hardly meet and look as the other one
    is expected to look, the likeliest first: what was seen of several parts says more of how the others must look.
    """
    seen, before, peak = units.seen, units.before, units.found.templates.peak_contacts
    xy = tissue.probe.positions_um[peak]
    near = cKDTree(xy).query_ball_point(xy, NEAR_UM) if len(xy) else []
    trains = [matched.sample[units.found.unit == k] for k in range(len(seen))]
    became = _alike_where_seen(seen, matched, trains, near, params)
    likeness: dict[tuple[int, int], float] = {}
    looks: dict[int, MovingTemplates] = {}
    changed = set(np.unique(became).tolist())
    while changed:
        found = followed_again(units, np.where(np.isin(became, list(changed)), became, -1), tissue, share)
        for column, k in enumerate(sorted(changed)):
            looks[k] = found.take(np.array([column]), found.rest.n_spikes[[column]])
        pairs = _pairs(became, near)
        known = {pair: one for pair, one in likeness.items() if pair in pairs and changed.isdisjoint(pair)}
        todo = sorted(pairs - known.keys())
        whole = {k: seen_of_all([seen[m] for m in np.flatnonzero(became == k)]) for k in {k for p in todo for k in p}}
        likeness = known | {(a, b): likeness_where_expected(looks[a], looks[b], whole[a], whole[b]) for a, b in todo}
        changed = _join_likeliest(became, likeness, trains, matched.sampling_hz, params)
    none = np.empty(0, np.int64)
    return became, together(before.take(none, none), *(looks[k] for k in np.unique(became).tolist()))


def _alike_where_seen(
    seen: list[Observed], matched: Matched, trains: list[I64], near: Sequence[Sequence[int]], params: RefineParams
) -> I64:
    """The unit that each unit is a part of, (n_units,) int64: those that cannot be told apart where both were seen.

    A unit that is there only where another one is not may differ more from it: there they are seen in passing.
    """
    became, lags, close = np.arange(len(seen)), component_lags(matched.pcs), []
    for i, j in _pairs(became, near):
        distance = distance_where_seen(seen[i], seen[j], lags, params.min_spikes)
        apart = seen_together(seen[i], seen[j]) < SEEN_APART
        if distance < (params.merge_distance_across_drift_sd if apart else params.merge_distance_sd):
            close.append((distance, i, j))
    for _, i, j in sorted(close):
        _join(became, (i, j), trains, matched.sampling_hz, params)
    return became


def _join_likeliest(
    became: I64, likeness: dict[tuple[int, int], float], trains: list[I64], sampling_hz: float, params: RefineParams
) -> set[int]:
    """Joins each unit to the one most like it that times allow, if that is like it enough; those that changed."""
    done: set[int] = set()
    changed = set()
    for pair in sorted(likeness, key=lambda pair: (-likeness[pair], pair)):
        alike = likeness[pair] > params.merge_similarity_across_drift
        if alike and done.isdisjoint(pair) and _join(became, pair, trains, sampling_hz, params):
            done |= set(pair)
            changed.add(pair[0])
    return changed


def _join(became: I64, pair: tuple[int, int], trains: list[I64], sampling_hz: float, params: RefineParams) -> bool:
    """Joins what two units became, unless that is one already, or the times of their spikes speak against it."""
    a, b = sorted(int(became[k]) for k in pair)
    of_a, of_b = (np.concatenate([trains[k] for k in np.flatnonzero(became == lead)]) for lead in (a, b))
    if a == b or log_odds_one(of_a, of_b, sampling_hz) < -params.refractory_log_odds:
        return False
    became[became == b] = a
    return True


def _pairs(became: I64, near: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Pairs of what neighbours became, the lower first."""
    both = ((int(became[i]), int(became[j])) for i, row in enumerate(near) for j in row)
    return {(min(pair), max(pair)) for pair in both if pair[0] != pair[1]}


def likeness_where_expected(look_a: MovingTemplates, look_b: MovingTemplates, a: Observed, b: Observed) -> float:
    """Correlation of what was seen of one unit with what the other one is expected to look like there.

    The mean of both directions; -1 where nothing was seen of one, or where both are seen at the same displacements.
    look_a, look_b  one template each
    """
    if not len(a.n_spikes) or not len(b.n_spikes) or seen_together(a, b) >= SEEN_APART:
        return -1.0
    return (_as_expected(look_a, b) + _as_expected(look_b, a)) / 2


def _as_expected(look: MovingTemplates, seen: Observed) -> float:
    """Correlation over all displacements, each by its spikes; without the energy that the noise of the means adds."""
    expected = look.scores[look.step_of(seen.displacement_um), 0]
    beyond = seen_beyond(seen, look, 0)
    there = (beyond.contacts >= 0)[:, :, None]
    both = (expected * (beyond.means + expected) * there).sum(axis=(1, 2))
    used = (seen.contacts >= 0).sum(axis=1) * seen.means.shape[2]
    energy = np.maximum((seen.means**2).sum(axis=(1, 2)) - used / seen.n_spikes, 0.0)
    whole = (seen.n_spikes @ energy) * (seen.n_spikes @ (expected**2).sum(axis=(1, 2)))
    return float(seen.n_spikes @ both / np.sqrt(max(whole, 1e-12)))


def seen_together(a: Observed, b: Observed) -> float:
    """The share of the rarer one's spikes at displacements where the other has as many: 0 apart, 1 together."""
    at = np.union1d(a.displacement_um, b.displacement_um)
    of_a, of_b = (np.bincount(np.searchsorted(at, x.displacement_um), x.n_spikes, len(at)) for x in (a, b))
    return float(np.minimum(of_a, of_b).sum() / max(1, min(of_a.sum(), of_b.sum())))


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
