"""From clusters to units: refractory merges, double detections and duplicate units removed, every unit judged.

The criteria are Kilosort4's (R and Q of correlograms), really used; see docs/curate.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.model import F32, I64, Bool
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity


@dataclass(frozen=True, eq=False)
class Trains:
    """Spikes by unit while units change.

    sample       (n,) int64
    unit         (n,) int64, -1 = none
    sampling_hz  sampling rate in Hz
    duration_s   sorted seconds
    """

    sample: I64
    unit: I64
    sampling_hz: float
    duration_s: float

    def by_unit(self) -> dict[int, I64]:
        """The sorted samples of every unit that has spikes."""
        rows = np.flatnonzero(self.unit >= 0)
        order = rows[np.lexsort((self.sample[rows], self.unit[rows]))]
        units, first = np.unique(self.unit[order], return_index=True)
        edges = [*first.tolist(), len(order)]
        return {int(k): self.sample[order[a:b]] for k, (a, b) in zip(units, pairwise(edges), strict=True)}


def compare_trains(a: I64, b: I64, sampling_hz: float, duration_s: float, params: CurateParams) -> Verdict:
    """Whether two trains (samples, in any order) are one neuron's by their cross-correlogram."""
    counts = refractory.counts_1ms(np.sort(a), np.sort(b), sampling_hz, False)
    pair = refractory.refractoriness(counts, float(len(a)) * len(b), duration_s)
    if pair.holds(params.ccg_threshold, params.ccg_probability):
        return Verdict.ONE
    return Verdict.TWO if refractory.log_odds_one_train(counts) < -3.0 else Verdict.UNDECIDED


def is_good(train: I64, sampling_hz: float, duration_s: float, params: CurateParams) -> bool:
    """Whether a sorted train is refractory to itself."""
    own = refractory.of_train(train, sampling_hz, duration_s)
    return own.holds(params.acg_threshold, params.acg_probability)


def curate(
    trains: Trains, means: LearnedTemplates, n_contacts: int, shapes: Shapes, params: CurateParams
) -> tuple[Trains, LearnedTemplates, tuple[str, ...]]:
    """Merge what is one neuron, drop what is none; units renumbered by their best contact.

    means  one row a unit
    Returns the trains (unit -1 = not kept), the units' means, and what was removed and why.
    """
    joined, _ = merged(trains, means, n_contacts, shapes.pcs, params)
    sample, unit = joined.sample, joined.unit
    counts = np.bincount(unit[unit >= 0], minlength=len(means))
    small = (counts > 0) & (counts < params.min_spikes)
    keep = (unit >= 0) & ~np.append(small, False)[unit]
    closest = round(params.duplicate_spike_ms * 1e-3 * trains.sampling_hz)
    double = keep & ~without_double_detections(sample, unit, closest)
    keep &= ~double
    echoes = echo_units(replace(joined, unit=np.where(keep, unit, -1)), means, n_contacts, shapes.pcs, params)
    keep &= ~np.isin(unit, echoes)
    counts = np.bincount(unit[keep], minlength=len(means))
    final = np.flatnonzero(counts)
    final = final[np.argsort(means.peak_contacts[final], kind="stable")]
    number = np.full(len(means) + 1, -1, np.int64)
    number[final] = np.arange(len(final))
    notes = _removal_notes(int(small.sum()), len(echoes), int(np.count_nonzero(double)), params)
    kept_means = LearnedTemplates(means.contacts[final], means.scores[final], counts[final])
    return replace(joined, unit=np.where(keep, number[unit], -1)), kept_means, notes


def _removal_notes(n_small: int, n_echoes: int, n_double: int, params: CurateParams) -> tuple[str, ...]:
    notes = []
    if n_small:
        notes.append(f"{n_small} cluster(s) of fewer than {params.min_spikes} spikes were left out.")
    if n_echoes:
        notes.append(f"{n_echoes} unit(s) that fired only together with a larger neighbour were left out as its echo.")
    if n_double:
        notes.append(
            f"{n_double} spike(s) within {params.duplicate_spike_ms:g} ms of one of the same unit were left out."
        )
    return tuple(notes)


def merged(
    trains: Trains, means: LearnedTemplates, n_contacts: int, pcs: F32, params: CurateParams
) -> tuple[Trains, I64]:
    """Merge similar units that are refractory to each other, the largest unit first (Kilosort4's merging_function).

    A unit that is refractory itself absorbs, best first, the similar unit whose cross-correlogram with it is
    refractory; the absorbed spikes move by the lag between the templates. Then it is tried again. Units of nearly the
    same shape and size are merged even when they have too few spikes for a correlogram, unless it speaks against it.
    Returns the new trains and, for every old unit, the unit it became (n_units,) int64.
    """
    alike, lag = similarity(overlaps(means, n_contacts, pcs), len(means))
    candidate, same = _may_merge(alike, means.norms, params)
    sample, unit = trains.sample.copy(), trains.unit.copy()
    became = np.arange(len(means))
    of = trains.by_unit()
    for seed in np.argsort(-means.n_spikes, kind="stable").tolist():
        while became[seed] == seed:
            own = of.get(seed, np.empty(0, np.int64))
            good = is_good(own, trains.sampling_hz, trains.duration_s, params)
            free = (became == np.arange(len(became))) & candidate[seed] & (same[seed] | good)
            free[seed] = False
            ranked = [k for k in np.argsort(-alike[seed], kind="stable").tolist() if free[k] and k in of]
            parts = (k for k in ranked if _belongs(own, of[k] - lag[seed, k], same[seed, k], good, trains, params))
            other = next(parts, None)
            if other is None:
                break
            moved = unit == other
            sample[moved] -= lag[seed, other]
            unit[moved] = seed
            became[became == other] = seed
            of[seed] = np.sort(np.concatenate([own, of.pop(other) - lag[seed, other]]))
    return replace(trains, sample=sample, unit=unit), became


def _may_merge(alike: F32, norms: F32, params: CurateParams) -> tuple[Bool, Bool]:
    """Pairs whose templates allow a merge, and pairs so alike that only their spike times can forbid it."""
    size = norms.astype(np.float64)
    ratio = np.minimum(size[:, None], size) / np.maximum(np.maximum(size[:, None], size), 1e-12)
    candidate = (alike >= params.merge_similarity) & (ratio >= params.merge_norm_ratio)
    difference = 2 * (1 - ratio) / (1 + ratio)
    return candidate, (alike >= params.near_identical_similarity) & (difference < params.near_identical_norm_difference)


def _belongs(own: I64, other: I64, same: bool, good: bool, trains: Trains, params: CurateParams) -> bool:
    """Whether `other` is a part of `own`: refractory to it, or so alike that nothing speaks against it."""
    verdict = compare_trains(own, other, trains.sampling_hz, trains.duration_s, params)
    return (good and verdict is Verdict.ONE) or (same and verdict is not Verdict.TWO)


def echo_units(trains: Trains, means: LearnedTemplates, n_contacts: int, pcs: F32, params: CurateParams) -> I64:
    """Units that mop up what a larger neighbour leaves: most of their spikes lie within 0.4 ms of its spikes.

    Only units with a contact in common are compared; (n,) int64, the unit with the smaller template of each pair.
    """
    pairs = overlaps(means, n_contacts, pcs)
    of = trains.by_unit()
    norms, reach = means.norms, round(0.4e-3 * trains.sampling_hz)
    echoes: set[int] = set()
    for k, train in of.items():
        near = pairs.neighbours[pairs.offsets[k] : pairs.offsets[k + 1]].tolist()
        larger = [j for j in near if j != k and j in of and j not in echoes and norms[j] >= norms[k]]
        if any(_share_near(train, of[j], reach) > params.max_coincident_share for j in larger):
            echoes.add(k)
    return np.array(sorted(echoes), np.int64)


def _share_near(a: I64, b: I64, reach: int) -> float:
    """Share of the samples a that have one of b within reach (both sorted)."""
    first = np.searchsorted(b, a - reach)
    last = np.searchsorted(b, a + reach, side="right")
    return float((last > first).mean())


def without_double_detections(sample: I64, unit: I64, closest_samples: int) -> Bool:
    """Keep the first of spikes of one unit that follow each other within closest_samples: (n,) bool.

    sample, unit  (n,) int64, in any order
    """
    keep = np.ones(len(sample), np.bool_)
    if closest_samples <= 0:
        return keep
    order = np.lexsort((sample, unit))
    last_unit, last_sample = int(unit.min(initial=0)) - 1, 0
    for i in order:
        if unit[i] == last_unit and sample[i] - last_sample <= closest_samples:
            keep[i] = False
        else:
            last_unit, last_sample = unit[i], sample[i]
    return keep
