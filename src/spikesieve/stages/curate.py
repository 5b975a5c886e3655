"""Curation: merge units that are one neuron, leave out echoes, double detections and small clusters.

The criteria are Kilosort4's R and Q of correlograms; see docs/curate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import pairwise

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.metrics.alternation import are_parts_of_one
from spikesieve.model import F32, F64, I64, Bool, SortedTime
from spikesieve.model.text import counted, one_or_more
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.blanked_time import fewest_spikes
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.echoes import echo_units
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, similarity

# Two trains are two neurons if the log odds of one train are below the first. Above the second they are one, even if
# their spikes look like those of two neurons.
MAX_LOG_ODDS_OF_TWO, MIN_LOG_ODDS_OF_ONE = -3.0, 3.0


@dataclass(frozen=True, eq=False)
class UnitSpikes:
    """Spikes with the unit that each belongs to at the moment.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples.
    unit : ndarray of int64, shape (n_spikes,)
        Unit of each spike; -1 if it has none.
    time : SortedTime
        The time that was sorted.
    turned : ndarray of bool, shape (n_spikes,), or None
        Spikes of a half that was joined to the other half of its neuron because they take turns; None: there are none.
    seen_share : ndarray of float64, shape (n_units,), or None
        Share of the time in which spikes of each unit are seen; None: all of it.

    Examples
    --------
    >>> UnitSpikes(np.array([9, 4, 7]), np.array([0, 0, -1]), SortedTime(((0, 10),), 30_000.0)).spike_trains()
    {0: array([4, 9])}
    """

    sample: I64
    unit: I64
    time: SortedTime
    turned: Bool | None = None
    seen_share: F64 | None = None

    def spike_trains(self) -> dict[int, I64]:
        """Sort the spikes into spike trains.

        Returns
        -------
        dict of int to ndarray of int64
            Ascending samples of every unit that has spikes.
        """
        rows = np.flatnonzero(self.unit >= 0)
        order = rows[np.lexsort((self.sample[rows], self.unit[rows]))]
        units, first = np.unique(self.unit[order], return_index=True)
        edges = [*first.tolist(), len(order)]
        return {int(k): self.sample[order[a:b]] for k, (a, b) in zip(units, pairwise(edges), strict=True)}


@dataclass(frozen=True, eq=False)
class CompareSides:
    """The refractory test of two sides of a join, for `cluster.cluster_group`. It can be pickled.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times of the group in samples.
    time : SortedTime
        The time that was sorted.
    params : CurateParams
        Criteria of the test.
    """

    sample: I64
    time: SortedTime
    params: CurateParams

    def __call__(self, a: I64, b: I64) -> Verdict:
        """Compare two sides.

        Parameters
        ----------
        a, b : ndarray of int64
            Indices of the spikes on each side.

        Returns
        -------
        Verdict
            See `compare_trains`.
        """
        return compare_trains(self.sample[a], self.sample[b], self.time, self.params)


def compare_trains(a: I64, b: I64, time: SortedTime, params: CurateParams) -> Verdict:
    """Decide from their cross-correlogram whether two spike trains come from one neuron.

    Parameters
    ----------
    a, b : ndarray of int64
        Spike times of each train in samples, in any order.
    time : SortedTime
        The time that was sorted.
    params : CurateParams
        Largest R and Q of a refractory cross-correlogram.

    Returns
    -------
    Verdict
        ONE if the cross-correlogram is refractory, TWO if coincidences speak against one train, otherwise UNDECIDED:
        also if the trains never fire together because one stops when the other starts.
    """
    counts = refractory.correlogram_1ms(np.sort(a), np.sort(b), time, False)
    pair = refractory.refractoriness(counts, refractory.chance_at_zero(counts))
    if pair.meets(params.ccg_threshold, params.ccg_probability):
        return Verdict.ONE
    return Verdict.TWO if refractory.log_odds_one_train(counts) < MAX_LOG_ODDS_OF_TWO else Verdict.UNDECIDED


def is_refractory(train: I64, time: SortedTime, params: CurateParams) -> bool:
    """Decide from its autocorrelogram whether a spike train is refractory.

    Parameters
    ----------
    train : ndarray of int64
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.
    params : CurateParams
        Largest R and Q of a refractory autocorrelogram.

    Returns
    -------
    bool
        Whether R and Q are small enough.

    Examples
    --------
    A neuron that fires once every 12 to 20 ms, for 20 s:

    >>> rng = np.random.default_rng(0)
    >>> train = np.cumsum(rng.integers(360, 600, 1250))
    >>> is_refractory(train, SortedTime(((0, 600_000),), 30_000.0), CurateParams())
    True
    """
    acg = refractory.refractoriness_of_train(train, time)
    return acg.meets(params.acg_threshold, params.acg_probability)


def curate(
    spikes: UnitSpikes,
    means: LearnedTemplates,
    n_contacts: int,
    shapes: Shapes,
    params: CurateParams,
    may_be_one: Callable[[int, int], bool] = lambda *_: True,
) -> tuple[UnitSpikes, LearnedTemplates, tuple[str, ...]]:
    """Merge units of one neuron, leave out what is no unit, and number the units along the probe.

    Parameters
    ----------
    spikes : UnitSpikes
        All spikes and their units.
    means : LearnedTemplates
        Mean waveform of each unit.
    n_contacts : int
        Number of contacts of the probe.
    shapes : Shapes
        Temporal components of the waveforms.
    params : CurateParams
        Criteria of every step.
    may_be_one : callable, optional
        Whether two units may be one neuron, as far as their spikes tell. Default: all may.

    Returns
    -------
    spikes : UnitSpikes
        All spikes; unit -1 marks those that were left out.
    means : LearnedTemplates
        Mean waveform of each final unit, ordered by peak contact.
    notes : tuple of str
        What was left out, and why.
    """
    merged, _ = merge_units(spikes, means, n_contacts, shapes.pcs, params, may_be_one)
    sample, unit = merged.sample, merged.unit
    counts = np.bincount(unit[unit >= 0], minlength=len(means))
    share = np.ones(len(means)) if spikes.seen_share is None else spikes.seen_share
    small = (counts > 0) & (counts < fewest_spikes(params.min_spikes, share))
    keep = (unit >= 0) & ~np.append(small, False)[unit]
    closest_samples = round(params.duplicate_spike_ms * 1e-3 * spikes.time.sampling_hz)
    double = keep & ~first_detections(spikes.time.apart(sample), unit, closest_samples)
    keep &= ~double
    left = replace(merged, unit=np.where(keep, unit, -1)).spike_trains()
    echoes = echo_units(left, means, spikes.time, params.max_coincident_share)
    keep &= ~np.isin(unit, echoes)
    counts = np.bincount(unit[keep], minlength=len(means))
    final = np.flatnonzero(counts)
    final = final[np.argsort(means.peak_contacts[final], kind="stable")]
    number = np.full(len(means) + 1, -1, np.int64)
    number[final] = np.arange(len(final))
    notes = _removal_notes(int(small.sum()), len(echoes), int(np.count_nonzero(double)), params)
    final_means = LearnedTemplates(means.contacts[final], means.scores[final], counts[final])
    return replace(merged, unit=np.where(keep, number[unit], -1)), final_means, notes


def _removal_notes(n_small: int, n_echoes: int, n_double: int, params: CurateParams) -> tuple[str, ...]:
    notes = []
    if n_small:
        notes.append(
            f"{counted(n_small, 'cluster')} of fewer than {params.min_spikes} spikes "
            f"{one_or_more(n_small, 'was', 'were')} left out."
        )
    if n_echoes:
        notes.append(
            f"{counted(n_echoes, 'unit')} that fired only together with a larger neighbour "
            f"{one_or_more(n_echoes, 'was', 'were')} left out as its echo."
        )
    if n_double:
        notes.append(
            f"{counted(n_double, 'spike')} within {params.duplicate_spike_ms:g} ms of one of the same unit "
            f"{one_or_more(n_double, 'was', 'were')} left out."
        )
    return tuple(notes)


def merge_units(
    spikes: UnitSpikes,
    means: LearnedTemplates,
    n_contacts: int,
    pcs: F32,
    params: CurateParams,
    may_be_one: Callable[[int, int], bool] = lambda *_: True,
) -> tuple[UnitSpikes, I64]:
    """Merge similar units that are refractory to each other, the unit with most spikes first.

    A refractory unit absorbs the most similar unit whose cross-correlogram with it is refractory, or with which it
    takes turns; the absorbed spikes move by the lag between the templates. The grown unit is then tried again. Units of
    nearly the same shape and size are merged unless their spike times say that they are two: they may have too few
    spikes for a correlogram. Few spikes leave a correlogram empty by chance, so units whose spikes fall into two groups
    are merged only where it is empty beyond doubt.

    Parameters
    ----------
    spikes : UnitSpikes
        All spikes and their units.
    means : LearnedTemplates
        Mean waveform of each unit.
    n_contacts : int
        Number of contacts of the probe.
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Temporal components of the waveforms.
    params : CurateParams
        Criteria of a merge.
    may_be_one : callable, optional
        Whether two units may be one neuron, as far as their spikes tell. Default: all may.

    Returns
    -------
    spikes : UnitSpikes
        The spikes with their new units and times.
    became : ndarray of int64, shape (n_units,)
        The unit that each old unit is now a part of.

    Notes
    -----
    This is Kilosort4's merging_function.
    """
    alike, lag = similarity(overlaps(means, n_contacts, pcs), len(means))
    candidate, same = _merge_candidates(alike, means.norms, params)
    for a, b in np.argwhere(np.triu(same, 1)).tolist():
        same[a, b] = same[b, a] = may_be_one(a, b)
    sample, unit = spikes.sample.copy(), spikes.unit.copy()
    became, turned = np.arange(len(means)), np.zeros(len(sample), np.bool_)
    trains = spikes.spike_trains()
    for seed in np.argsort(-means.n_spikes, kind="stable").tolist():
        while became[seed] == seed:
            train = trains.get(seed, np.empty(0, np.int64))
            good = is_refractory(train, spikes.time, params)
            left = became == np.arange(len(became))
            left[seed] = False
            free = left & candidate[seed] & (same[seed] | good)
            ranked = [k for k in np.argsort(-alike[seed], kind="stable").tolist() if free[k] and k in trains]
            near = {k: np.flatnonzero(left & (candidate[seed] | candidate[k])).tolist() for k in ranked}
            more = {k: [trains[j] for j in near[k] if j in trains and j != k] for k in ranked}
            looks = {k: _Looks(bool(same[seed, k]), partial(may_be_one, seed, k)) for k in ranked}
            verdicts = (
                (k, _belongs(train, trains[k] - lag[seed, k], looks[k], more[k], spikes, params)) for k in ranked
            )
            found = next(((k, how) for k, how in verdicts if how is not None), None)
            if found is None:
                break
            absorbed, how = found
            moved, other = unit == absorbed, trains.pop(absorbed) - lag[seed, absorbed]
            turned[moved] |= how is Join.TURNS
            sample[moved] -= lag[seed, absorbed]
            unit[moved] = seed
            became[became == absorbed] = seed
            trains[seed] = np.sort(np.concatenate([train, other]))
    return replace(spikes, sample=sample, unit=unit, turned=turned), became


def _merge_candidates(alike: F32, norms: F32, params: CurateParams) -> tuple[Bool, Bool]:
    """Find pairs whose templates allow a merge, and pairs so similar that only their spike times can forbid it."""
    norm = norms.astype(np.float64)
    ratio = np.minimum(norm[:, None], norm) / np.maximum(np.maximum(norm[:, None], norm), 1e-12)
    candidate = (alike >= params.merge_similarity) & (ratio >= params.merge_norm_ratio)
    difference = 2 * (1 - ratio) / (1 + ratio)
    return candidate, (alike >= params.near_identical_similarity) & (difference < params.near_identical_norm_difference)


class Join(Enum):
    """Why two units become one."""

    TRAINS = "the spike trains speak for one neuron, or the templates do and nothing speaks against it"
    TURNS = "parts of a train take turns"


@dataclass(frozen=True)
class _Looks:
    """What the waveforms of two units say: whether templates are nearly the same, and spikes may be of one neuron."""

    same: bool
    may_be_one: Callable[[], bool]


def _belongs(
    train: I64, other: I64, looks: _Looks, more: Sequence[I64], spikes: UnitSpikes, params: CurateParams
) -> Join | None:
    """Decide whether `other` belongs to `train`: refractory to it or, unless refuted, the same or in turns with it."""
    verdict = compare_trains(train, other, spikes.time, params)
    if verdict is Verdict.ONE and not looks.same and not _surely_one(train, other, spikes.time):
        verdict = Verdict.ONE if looks.may_be_one() else Verdict.UNDECIDED
    if verdict is Verdict.ONE or (verdict is Verdict.UNDECIDED and looks.same):
        return Join.TRAINS
    if verdict is Verdict.UNDECIDED and are_parts_of_one(train, other, more, spikes.time):
        return Join.TURNS
    return None


def _surely_one(a: I64, b: I64, time: SortedTime) -> bool:
    """Whether more pairs within 2.5 ms are missing than chance explains."""
    counts = refractory.correlogram_1ms(np.sort(a), np.sort(b), time, False)
    return refractory.log_odds_one_train(counts) > MIN_LOG_ODDS_OF_ONE


def first_detections(sample: I64, unit: I64, closest_samples: int) -> Bool:
    """Find the spikes that are no double detection of an earlier spike of their unit.

    Parameters
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples, in any order.
    unit : ndarray of int64, shape (n_spikes,)
        Unit of each spike.
    closest_samples : int
        A spike that follows the last kept one of its unit by at most this many samples is a double detection.

    Returns
    -------
    ndarray of bool, shape (n_spikes,)
        False for double detections.

    Examples
    --------
    >>> first_detections(np.array([100, 103, 106, 103]), np.array([0, 0, 0, 1]), 5)
    array([ True, False,  True,  True])
    """
    keep = np.ones(len(sample), np.bool_)
    if closest_samples <= 0:
        return keep
    order = np.lexsort((sample, unit))
    sample, unit = sample[order], unit[order]
    close = np.flatnonzero((np.diff(unit) == 0) & (np.diff(sample) <= closest_samples)) + 1
    last_kept = last_close = -1
    for i in close.tolist():
        # A spike that is not close to the one before is kept.
        last_kept = last_kept if i - 1 == last_close else i - 1
        last_close = i
        if sample[i] - sample[last_kept] <= closest_samples:
            keep[order[i]] = False
        else:
            last_kept = i
    return keep
