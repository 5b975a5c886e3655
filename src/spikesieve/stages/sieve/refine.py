"""From matched spikes to units: split what is two neurons, let units compete for every spike, join what is one.

All of it on the features that matching left (each spike without the others), whose noise has SD 1 in every score and is
independent: so the likelihood of a spike under a unit is that of its distance. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.model import F32, F64, I32, I64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.compete import (
    SEEN_ENERGY,
    Matched,
    Means,
    Membership,
    Piece,
    above_cuts,
    assign,
    compete,
    mean_scores,
    nobodys,
    pieces_of,
)
from spikesieve.stages.sieve.mixtures import two_sides
from spikesieve.stages.templates import LearnedTemplates, component_lags

# Principal components that a split is looked for in: those above the noise, but at least and at most so many.
LEAST_DIMS, MOST_DIMS = 2, 5
# Rounds of assignment and means after splits, and after joins.
AFTER_SPLITS, AFTER_JOINS = 4, 2
# A unit with fewer spikes is not worth a template.
FEWEST = 8
# How early or late a part of a unit may be found, and how different its size may be.
LATE_MS, LATE_SIZE = (0.1, 0.5), 1.4


@dataclass(frozen=True, eq=False)
class Learned:
    """Units as they were learned.

    spikes  those they were learned from: no more of a long recording than of a short one
    now     their memberships
    weight  (n_spikes,) float64, how many spikes of its source each stands for
    means   of the units
    """

    spikes: Matched
    now: Membership
    weight: F64
    means: Means


@dataclass(frozen=True, eq=False)
class Refined:
    """Units: unit, sample (n_spikes,) int64, unit -1 = none; means on 0..n_units-1; notes for the user."""

    unit: I64
    sample: I64
    means: LearnedTemplates
    notes: tuple[str, ...]


def learn(matched: Matched, fit: FitParams, params: RefineParams, share: Share = map) -> Learned:
    """The units in the spikes of all templates."""
    rows, weight = _learned_from(matched.source, matched.sample, matched.sampling_hz, params.max_spikes)
    some = matched.take(rows)
    pieces = pieces_of(some, np.arange(len(rows)))
    pieces = [replace(piece, in_memory=x) for piece, x in zip(pieces, share(partial(_x, some), pieces), strict=True)]
    one = np.ones(len(rows), np.float32)
    now = Membership(some.source.astype(np.int64), one, one, np.ones(len(rows), np.bool_))
    now, means = compete(some, pieces, now, weight, len(some.contacts), fit, 0, share)
    for _ in range(params.rounds):
        now, n_units = split(some, pieces, now, params, share)
        now, means = compete(some, pieces, now, weight, n_units, fit, AFTER_SPLITS, share)
        now = join(some, now, means, params)
        now, means = compete(some, pieces, now, weight, n_units, fit, AFTER_JOINS, share)
    return Learned(some, now, weight, means)


def as_parts(learned: Learned, became: I64, share: Share = map) -> Means:
    """The means where units turned out to be parts of others: became (n,) int64, of each of those of `templates_of`."""
    n_units = len(learned.means.norms)
    number = np.arange(n_units)
    some = some_spikes(learned)
    number[some] = some[became]
    now = replace(learned.now, unit=np.where(learned.now.unit >= 0, number[learned.now.unit], -1))
    pieces = pieces_of(learned.spikes, np.arange(len(learned.weight)))
    return mean_scores(learned.spikes, pieces, now, learned.weight, n_units, share)


def some_spikes(learned: Learned) -> I64:
    """The units with as many spikes as a template needs."""
    return np.flatnonzero(learned.now.counts(len(learned.means.norms)) >= FEWEST)


def _x(matched: Matched, piece: Piece) -> F32:
    return piece.x(matched)


def _learned_from(source: I32, sample: I64, sampling_hz: float, most: int) -> tuple[I64, F64]:
    """The spikes to learn from, (n,) int64, and how many spikes of its source each stands for, (n,) float64.

    Sources with too many spikes are used in some seconds of the recording, all of their spikes there: so that the
    intervals between spikes stay what they are.
    """
    second = (sample / sampling_hz).astype(np.int64)
    counts = np.bincount(source)
    rows = np.flatnonzero(second * 0.6180339887498949 % 1.0 < (most / np.maximum(counts, 1))[source])
    n_used = np.bincount(source[rows], minlength=len(counts))
    return rows, (counts / np.maximum(n_used, 1))[source[rows]]


def without_jitter(x: F64, mean: F64, lags: F32) -> F64:
    """x (n, n_near * n_pcs) without the direction in which a mean (n_near, n_pcs) changes when it comes a little later.

    A spike falls between two samples, so each unit is smeared along that direction, in steps that look like clusters.
    """
    middle = lags.shape[2] // 2
    change = (mean @ (lags[:, :, middle + 1] - lags[:, :, middle - 1])).ravel()
    size = np.linalg.norm(change)
    direction = change / size if size > 0 else change
    return np.asarray(x - np.outer(x @ direction, direction))


def main_components(x: F64) -> F64:
    """x (n, n_dims), noise of SD 1, on those principal components that stand out of noise (Marchenko-Pastur)."""
    centred = x - x.mean(axis=0)
    n, n_dims = x.shape
    variance, vectors = np.linalg.eigh(centred.T @ centred / n)
    edge = (1 + np.sqrt(n_dims / n)) ** 2
    keep = int(np.clip((variance > edge).sum(), LEAST_DIMS, MOST_DIMS))
    return np.asarray(centred @ vectors[:, ::-1][:, :keep])


def log_odds_one(a: I64, b: I64, sampling_hz: float) -> float:
    """Log odds by their cross-correlogram that two trains (samples in any order) are one neuron's."""
    return refractory.log_odds_one_train(refractory.counts_1ms(np.sort(a), np.sort(b), sampling_hz, False))


def split(
    matched: Matched, pieces: Sequence[Piece], now: Membership, params: RefineParams, share: Share = map
) -> tuple[Membership, int]:
    """Each unit in as many as it takes until none is two; the new memberships and how many units there are.

    Only the contacts that most of a unit's spikes are described on are looked at; its other spikes find their unit when
    the units compete.
    """
    unit = np.full_like(now.unit, -1)
    n_units = 0
    step = partial(_parts, matched=matched, lags=component_lags(matched.pcs), params=params)
    for parts in share(step, _main_pieces(pieces, now)):
        for rows in parts:
            unit[rows] = n_units
            n_units += 1
    return replace(now, unit=unit, mine=unit >= 0), n_units


def _main_pieces(pieces: Sequence[Piece], now: Membership) -> list[tuple[Piece, I64]]:
    """Of each unit the piece that holds most of its spikes, and which of the piece's spikes they are."""
    if not pieces:
        return []
    n_units = int(now.unit.max(initial=-1)) + 1
    of = [np.where(now.mine[p.rows], now.unit[p.rows], -1) for p in pieces]
    counts = np.stack([np.bincount(u[u >= 0], minlength=n_units) for u in of])
    best = counts.argmax(axis=0)
    return [(pieces[i], np.flatnonzero(of[i] == k)) for k, i in enumerate(best) if counts[i, k]]


def _parts(some: tuple[Piece, I64], matched: Matched, lags: F32, params: RefineParams) -> list[I64]:
    """Some spikes of a piece, one unit's, split again and again: the rows of each part."""
    piece, inside = some
    x, all_rows = piece.x(matched)[inside], piece.rows[inside]
    todo, done = [np.arange(len(x))], []
    while todo:
        rows = todo.pop()
        upper = _two_neurons(
            x[rows].astype(np.float64), matched.sample[all_rows[rows]], lags, matched.sampling_hz, params
        )
        if upper is None:
            done.append(all_rows[rows])
        else:
            todo += [rows[~upper], rows[upper]]
    return done


def _two_neurons(x: F64, sample: I64, lags: F32, sampling_hz: float, params: RefineParams) -> Bool | None:
    """Which spikes are the one neuron's, or None where shape or spike times say that there is but one."""
    if len(x) < 2 * params.min_spikes:
        return None
    n_pcs = lags.shape[0]
    sides = two_sides(main_components(without_jitter(x, x.mean(axis=0).reshape(-1, n_pcs), lags)))
    if sides is None or sides.gain < params.split_log_likelihood_gain or sides.separation < params.split_separation:
        return None
    upper = sides.upper
    if min(upper.sum(), (~upper).sum()) < params.min_spikes:
        return None
    one = log_odds_one(sample[upper], sample[~upper], sampling_hz) > params.refractory_log_odds
    return None if one else upper


def join(matched: Matched, now: Membership, means: Means, params: RefineParams) -> Membership:
    """Units whose means cannot be told apart become one, the closest first, unless their spike times say two."""
    distance = distances(means, component_lags(matched.pcs))
    of = {int(k): matched.sample[(now.unit == k) & now.mine] for k in np.flatnonzero(now.counts(len(means.norms)))}
    became = np.arange(len(means.norms))
    close = np.argwhere(np.triu(distance < params.merge_distance_sd, 1))
    for i, j in sorted(close.tolist(), key=lambda pair: distance[pair[0], pair[1]]):
        a, b = int(became[i]), int(became[j])
        if a == b or a not in of or b not in of:
            continue
        if log_odds_one(of[a], of[b], matched.sampling_hz) >= -params.refractory_log_odds:
            became[became == b] = a
            of[a] = np.concatenate([of[a], of.pop(b)])
    return replace(now, unit=np.where(now.unit >= 0, became[now.unit], -1))


def distances(means: Means, lags: F32) -> F64:
    """Distance of the means of every two units in noise SD, (n_units, n_units); infinite where they cannot be compared.

    On the contacts where both were seen, which must hold most of the energy of both; without what the noise of the
    means adds, and without the direction of a little delay.
    """
    n_units, _, n_pcs = means.scores.shape
    energy, seen = (means.scores**2).sum(axis=2), means.seen.astype(np.float64)
    common = energy @ seen.T
    whole = energy.sum(axis=1)
    comparable = (common >= SEEN_ENERGY * whole[:, None]) & (SEEN_ENERGY * whole <= common.T) & (whole > 0)
    found = np.full((n_units, n_units), np.inf)
    counts = np.maximum(means.n_spikes, 1.0)
    for i, j in np.argwhere(np.triu(comparable & comparable.T, 1)):
        both = means.seen[i] & means.seen[j]
        larger, smaller = (i, j) if counts[i] >= counts[j] else (j, i)
        apart = (means.scores[larger] - means.scores[smaller])[both]
        apart = without_jitter(apart.reshape(1, -1), means.scores[larger][both], lags)
        noise = n_pcs * both.sum() * (1 / counts[i] + 1 / counts[j])
        found[i, j] = found[j, i] = np.sqrt(max(0.0, float((apart**2).sum()) - noise))
    return found


def templates_of(learned: Learned) -> tuple[LearnedTemplates, I64, I64]:
    """All units that have spikes, as templates to match with again; the source of most spikes of each; spikes' units.

    The last are (n_spikes,) int64 of those that were learned from, -1 for spikes that are nobody's.
    """
    some = some_spikes(learned)
    unit = np.where(learned.now.mine, learned.now.unit, -1)
    n_spikes = np.round(learned.means.n_spikes).astype(np.int64)
    templates, source = _on_contacts(learned.spikes, unit, learned.means, some, n_spikes)
    return templates, source, _renumbered(unit, some)


def keep(matched: Matched, means: Means, fit: FitParams, params: RefineParams, share: Share = map) -> Refined:
    """All spikes to their units, and only the units that stand out of the noise, parts that came late put back.

    Spikes of units with too few spikes go to the next likeliest of those that stay: a few collisions of a neuron can
    make such a unit. Those of units that hardly stand out of the noise are noise.
    """
    n_units, n_all = len(means.norms), len(matched.sample)
    last = assign(matched, pieces_of(matched, np.arange(n_all)), means, nobodys(n_all), fit, share)
    unit = np.where(last.mine & above_cuts(matched, last, means, fit, share), last.unit, -1)
    enough = np.bincount(unit[unit >= 0], minlength=n_units) >= params.min_spikes
    strong = enough & (excesses(matched.excess, unit, n_units) >= params.min_median_excess_sd)
    weak = int((enough & ~strong).sum())

    homeless = np.flatnonzero((last.unit >= 0) & ~enough[last.unit])
    means = replace(means, scores=means.scores * strong[:, None, None])
    last = assign(matched, pieces_of(matched, homeless), means, last, fit, share)
    theirs = last.mine & strong[last.unit] & above_cuts(matched, last, means, fit, share)
    unit = np.where(theirs, last.unit, -1)
    counts = np.bincount(unit[unit >= 0], minlength=n_units)
    kept = np.flatnonzero(strong & (counts > 0))
    final, _ = _on_contacts(matched, unit, means, kept, counts)
    unit, sample = put_back(matched, _renumbered(unit, kept), final, params)
    left, n_spikes = np.unique(unit[unit >= 0], return_counts=True)
    final = replace(final.take(left), n_spikes=n_spikes)
    why = f"{weak} cluster(s) whose spikes hardly exceed what noise would score were left out."
    return Refined(_renumbered(unit, left), sample, final, (why,) * bool(weak))


def _renumbered(unit: I64, kept: I64) -> I64:
    """The units with kept[i] called i, all others -1."""
    number = np.full(max(unit.max(initial=-1), kept.max(initial=-1)) + 2, -1)
    number[kept] = np.arange(len(kept))
    return np.asarray(number[unit], dtype=np.int64)


def excesses(excess: F32, unit: I64, n_units: int) -> F64:
    """By how much half of each unit's spikes surely (97.5 %) exceed the least score that counts: (n_units,) float64.

    What is averaged from noise, or from spikes too small to be matched, scores little above the least that counts. Half
    of the spikes of a neuron of which at least half are found lie 0.67 SD above it. The standard error of a median is
    1.25 times that of a mean.
    """
    found = np.full(n_units, -np.inf)
    for k in np.unique(unit[unit >= 0]):
        mine = excess[unit == k]
        found[k] = np.median(mine) - 1.96 * 1.25 * mine.std() / np.sqrt(len(mine))
    return found


def put_back(matched: Matched, unit: I64, means: LearnedTemplates, params: RefineParams) -> tuple[I64, I64]:
    """Units that are another one's spikes found too early or too late join it: the units and samples of all spikes.

    A waveform with two phases can be matched by either. Such a part has the shape that is left of the whole's when that
    is seen as much too early or late through the same window, hardly the whole's size, and no spike times against it.
    """
    alike, lag, size = seen_late(means, matched)
    n_spikes, norms = means.n_spikes, means.norms
    sample, unit = matched.sample.copy(), unit.copy()
    near = np.maximum(norms[:, None], size) < LATE_SIZE * np.minimum(norms[:, None], size)
    may = near & (alike >= params.phase_fragment_similarity) & (n_spikes[:, None] < n_spikes)
    for k in np.argsort(n_spikes, kind="stable"):
        mates = np.flatnonzero(may[k])
        for j in mates[np.argsort(-alike[k, mates], kind="stable")]:
            moved = unit == k
            at = sample[moved] - lag[k, j]
            whole = sample[unit == j]
            if len(whole) and log_odds_one(at, whole, matched.sampling_hz) >= -params.refractory_log_odds:
                sample[moved], unit[moved] = at, j
                break
    return unit, sample


def seen_late(means: LearnedTemplates, matched: Matched) -> tuple[F64, I64, F64]:
    """How much each unit (row) resembles what is seen of each other one when it comes early or late by LATE_MS.

    Returns the largest correlation, the lag in samples by which the row's spikes then are too late, and the norm of
    what is seen: (n_units, n_units) each.
    """
    lags = component_lags(matched.pcs)
    middle = lags.shape[2] // 2
    n = len(means)
    dense = means.dense(int(matched.contacts.max(initial=-1)) + 1)
    flat = dense.reshape(n, dense.shape[1] * dense.shape[2]) / np.maximum(means.norms, 1e-9)[:, None]
    alike, lag, size = np.full((n, n), -1.0), np.zeros((n, n), np.int64), np.zeros((n, n))
    first, last = (round(ms * 1e-3 * matched.sampling_hz) for ms in LATE_MS)
    for s in (s for s in range(-last, last + 1) if abs(s) >= first):
        seen = (dense @ lags[:, :, middle + s]).reshape(flat.shape)
        norm = np.linalg.norm(seen, axis=1)
        here = flat @ (seen / np.maximum(norm, 1e-9)[:, None]).T
        better = here > alike
        alike[better], lag[better] = here[better], s
        size[better] = np.broadcast_to(norm, (n, n))[better]
    np.fill_diagonal(alike, -1.0)
    return alike, lag, size


def _on_contacts(matched: Matched, unit: I64, means: Means, some: I64, counts: I64) -> tuple[LearnedTemplates, I64]:
    """The means of some units on the contacts of the source of most of their spikes, and that source."""
    of_unit = np.full((len(means.norms), len(matched.contacts)), 0, np.int64)
    np.add.at(of_unit, (unit[unit >= 0], matched.source[unit >= 0]), 1)
    source = of_unit[some].argmax(axis=1) if len(some) else some
    contacts = matched.contacts[source]
    scores = means.scores[some[:, None], np.maximum(contacts, 0)]
    scores[contacts < 0] = 0.0
    return LearnedTemplates(contacts, scores.astype(np.float32), counts[some]), source
