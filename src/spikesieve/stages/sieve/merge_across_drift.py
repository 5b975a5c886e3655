"""Merge units that are one neuron, found as two where the tissue is at different displacements.

Real footprints change within micrometres, so one moving template does not find a neuron everywhere. Units are compared
at the displacements where both were observed, or where each is predicted, and not at rest. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from spikesieve.model import F32, F64, I64, SortedTime
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.moving_units import (
    ObservedUnits,
    concatenate_observed,
    concatenate_templates,
    difference_from_template,
    units_as_moving_templates,
)
from spikesieve.stages.sieve.partners import (
    Evidence,
    Pair,
    likelihood_ratio,
    neighbour_similarity,
    partner_probabilities,
)
from spikesieve.stages.sieve.same_neuron import jitter_direction, log_odds_one_neuron
from spikesieve.stages.sieve.unit_means import COMPARABLE_ENERGY
from spikesieve.stages.templates import component_lags
from spikesieve.stages.tissue import MovingTemplates, Observed, Tissue, expected_misfit

# Two neurons are observed at the same displacements. Two units that have less than this share of the rarer one's spikes
# at common displacements may be one neuron.
MAX_OVERLAP = 0.5
# Units of few spikes are compared by what was seen of them together where that is at least this share of the rarer one.
MIN_COMMON_SHARE = 0.5
# Units whose peak contacts are farther apart are not compared.
MAX_DISTANCE_UM = 60.0
# Units are merged that are more likely one neuron than not.
LIKELY = 0.5


@dataclass(frozen=True, eq=False)
class _SpikeTimeTest:
    """Spike times of each unit in samples, where it is seen, and whether they allow two units to be merged."""

    trains: list[I64]
    time: SortedTime
    params: RefineParams

    def allow(self, merged_into: I64, pair: Pair) -> bool:
        """Whether the spike times of what two units were merged into may be one neuron's."""
        first, second = (
            np.concatenate([self.trains[k] for k in np.flatnonzero(merged_into == merged_into[unit])]) for unit in pair
        )
        return log_odds_one_neuron(first, second, self.time) >= -self.params.refractory_log_odds

    def merge(self, merged_into: I64, pair: Pair) -> bool:
        """Merge, in place, what two units were merged into, unless it is one already or spike times say two."""
        a, b = sorted(int(merged_into[k]) for k in pair)
        if a == b or not self.allow(merged_into, (a, b)):
            return False
        merged_into[merged_into == b] = a
        return True


def merge_across_drift(
    units: ObservedUnits, spikes: DescribedSpikes, tissue: Tissue, params: RefineParams, share: Share = map
) -> tuple[I64, MovingTemplates]:
    """Merge units that are one neuron at different displacements.

    First, units are merged that cannot be told apart where both were observed. Then units that are rarely observed at
    the same displacements are merged where each looks as the other one is predicted to look. The most similar pair is
    merged first. After each merge the predictions are made again from all that was observed of the merged unit. Units
    that are still left without an equal are merged with their likeliest partner (`stages.sieve.partners`).

    Parameters
    ----------
    units : ObservedUnits
        The units, and what the contacts saw of each.
    spikes : DescribedSpikes
        Their spikes.
    tissue : Tissue
        Predicts footprints at other displacements.
    params : RefineParams
        When two units are merged.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    merged_into : ndarray of int64, shape (n_units,)
        The unit that each unit was merged into; its own number if it was not merged.
    templates : MovingTemplates
        The units that are left.
    """
    peak = units.found.templates.peak_contacts
    xy = tissue.probe.positions_um[peak]
    neighbours = cKDTree(xy).query_ball_point(xy, MAX_DISTANCE_UM) if len(xy) else []
    spike_times = _SpikeTimeTest(units.trains, spikes.time, params)
    merged_into = _merge_where_observed(units.observed, component_lags(spikes.pcs), neighbours, spike_times)
    similarity: dict[Pair, float] = {}
    predicted: dict[int, MovingTemplates] = {}
    changed = set(np.unique(merged_into).tolist())
    while changed:
        predicted |= _predict_again(units, merged_into, changed, tissue, share)
        pairs = _pairs(merged_into, neighbours)
        known = {pair: value for pair, value in similarity.items() if pair in pairs and changed.isdisjoint(pair)}
        similarity = known | _similarities(sorted(pairs - known.keys()), units.observed, merged_into, predicted)
        changed = _merge_most_similar(merged_into, similarity, spike_times)
        changed = changed or _merge_partners(merged_into, similarity, _Candidates(units, tissue), spike_times)
    none = np.empty(0, np.int64)
    left = [predicted[k] for k in np.unique(merged_into).tolist()]
    return merged_into, concatenate_templates(units.matched_by.take(none, none), *left)


def _predict_again(
    units: ObservedUnits, merged_into: I64, changed: set[int], tissue: Tissue, share: Share
) -> dict[int, MovingTemplates]:
    """The moving template of each changed unit, from what was observed of all its parts."""
    only_changed = np.where(np.isin(merged_into, list(changed)), merged_into, -1)
    found = units_as_moving_templates(units, only_changed, tissue, share)
    return {
        k: found.take(np.array([column]), found.rest.n_spikes[[column]]) for column, k in enumerate(sorted(changed))
    }


def _similarities(
    pairs: list[Pair], observed: list[Observed], merged_into: I64, predicted: dict[int, MovingTemplates]
) -> dict[Pair, float]:
    """Similarity of each pair where each unit is predicted."""
    of_unit = {
        k: concatenate_observed([observed[part] for part in np.flatnonzero(merged_into == k)])
        for k in {k for pair in pairs for k in pair}
    }
    return {(a, b): similarity_where_predicted(predicted[a], predicted[b], of_unit[a], of_unit[b]) for a, b in pairs}


def _merge_where_observed(
    observed: list[Observed], lags: F32, neighbours: Sequence[Sequence[int]], spike_times: _SpikeTimeTest
) -> I64:
    """Merge units that cannot be told apart where both were observed; what each unit was merged into.

    Units with few spikes at common displacements may differ more: there they are observed in passing.
    """
    merged_into, close = np.arange(len(observed)), []
    params = spike_times.params
    for i, j in _pairs(merged_into, neighbours):
        distance = distance_where_observed(observed[i], observed[j], lags, params.min_spikes)
        apart = overlap_of_displacements(observed[i], observed[j]) < MAX_OVERLAP
        if distance < (params.merge_distance_across_drift_sd if apart else params.merge_distance_sd):
            close.append((distance, i, j))
    for _, i, j in sorted(close):
        spike_times.merge(merged_into, (i, j))
    return merged_into


def _merge_most_similar(merged_into: I64, similarity: dict[Pair, float], spike_times: _SpikeTimeTest) -> set[int]:
    """Merge, in place, each unit with the most similar one that spike times allow; the units that changed."""
    done: set[int] = set()
    changed = set()
    for pair in sorted(similarity, key=lambda pair: (-similarity[pair], pair)):
        alike = similarity[pair] > spike_times.params.merge_similarity_across_drift
        if alike and done.isdisjoint(pair) and spike_times.merge(merged_into, pair):
            done |= set(pair)
            changed.add(pair[0])
    return changed


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Units, and how much a footprint can differ from a prediction."""

    units: ObservedUnits
    tissue: Tissue

    def evidence(self, merged_into: I64, pair: Pair, similarity: float) -> Evidence:
        """What speaks for two merged units being one neuron."""
        parts = [np.flatnonzero(merged_into == k) for k in pair]
        a, b = (concatenate_observed([self.units.observed[part] for part in of_unit]) for of_unit in parts)
        misfit = (expected_misfit(self.tissue, a, b) + expected_misfit(self.tissue, b, a)) / 2
        n = [float(self.units.found.templates.n_spikes[of_unit].sum()) for of_unit in parts]
        rates = [k / self._seconds_of(lead, seen) for k, lead, seen in zip(n, pair, (a, b), strict=True)]
        return Evidence(similarity, misfit, float(np.log(rates[0] / rates[1])), 1 / n[0] + 1 / n[1])

    def _seconds_of(self, unit: int, seen: Observed) -> float:
        """How long the tissue was where a unit was seen."""
        steps = self.units.matched_by.step_of(np.unique(seen.displacement_um))
        return float(self.units.seconds[steps, self.units.found.parent[unit]].sum())


def _merge_partners(
    merged_into: I64, similarity: dict[Pair, float], candidates: _Candidates, spike_times: _SpikeTimeTest
) -> set[int]:
    """Merge, in place, pairs that are likelier one neuron than not, if spike times allow it; the units that changed."""
    pairs = {pair: value for pair, value in similarity.items() if value > -1}
    alike = neighbour_similarity(pairs)
    ratios = {
        pair: likelihood_ratio(candidates.evidence(merged_into, pair, value), alike)
        for pair, value in pairs.items()
        if value > 0
    }
    while True:
        likely = [(p, pair) for pair, p in partner_probabilities(ratios, pairs).items() if p > LIKELY]
        refused = [pair for _, pair in likely if not spike_times.allow(merged_into, pair)]
        if not refused:
            break
        ratios = {pair: ratio for pair, ratio in ratios.items() if pair not in refused}
    return {pair[0] for _, pair in sorted(likely, reverse=True) if spike_times.merge(merged_into, pair)}


def _pairs(merged_into: I64, neighbours: Sequence[Sequence[int]]) -> set[Pair]:
    """Pairs of what neighbours were merged into, the lower number first."""
    both = ((int(merged_into[i]), int(merged_into[j])) for i, row in enumerate(neighbours) for j in row)
    return {(min(pair), max(pair)) for pair in both if pair[0] != pair[1]}


def similarity_where_predicted(
    template_a: MovingTemplates, template_b: MovingTemplates, a: Observed, b: Observed
) -> float:
    """Correlate what was observed of each unit with what the other one is predicted to look like there.

    Parameters
    ----------
    template_a, template_b : MovingTemplates
        One template each: the units at every displacement.
    a, b : Observed
        What was observed of the units.

    Returns
    -------
    float
        Mean correlation of both directions. -1 where nothing was observed of one of them, or where both are
        observed at the same displacements.
    """
    if not len(a.n_spikes) or not len(b.n_spikes) or overlap_of_displacements(a, b) >= MAX_OVERLAP:
        return -1.0
    return (_correlation_with_prediction(template_a, b) + _correlation_with_prediction(template_b, a)) / 2


def _correlation_with_prediction(template: MovingTemplates, observed: Observed) -> float:
    """Correlation over all displacements, weighted by spikes; energy that the noise of the means adds is subtracted."""
    predicted = template.scores[template.step_of(observed.displacement_um), 0]
    difference = difference_from_template(observed, template, 0)
    is_common = (difference.contacts >= 0)[:, :, None]
    product = (predicted * (difference.means + predicted) * is_common).sum(axis=(1, 2))
    n_scores = (observed.contacts >= 0).sum(axis=1) * observed.means.shape[2]
    energy = np.maximum((observed.means**2).sum(axis=(1, 2)) - n_scores / observed.n_spikes, 0.0)
    squared = (observed.n_spikes @ energy) * (observed.n_spikes @ (predicted**2).sum(axis=(1, 2)))
    return float(observed.n_spikes @ product / np.sqrt(max(squared, 1e-12)))


def overlap_of_displacements(a: Observed, b: Observed) -> float:
    """Compute the share of the rarer unit's spikes at displacements where the other unit has as many.

    Parameters
    ----------
    a, b : Observed
        What was observed of two units.

    Returns
    -------
    float
        0: never observed at the same displacement. 1: always observed together.

    Examples
    --------
    >>> contacts, means = np.zeros((2, 1), np.int64), np.zeros((2, 1, 1))
    >>> a = Observed(np.array([-4.0, 0.0]), contacts, means, np.array([90, 10]))
    >>> b = Observed(np.array([0.0, 4.0]), contacts, means, np.array([30, 30]))
    >>> round(overlap_of_displacements(a, b), 3)
    0.167
    """
    at = np.union1d(a.displacement_um, b.displacement_um)
    of_a, of_b = (np.bincount(np.searchsorted(at, x.displacement_um), x.n_spikes, len(at)) for x in (a, b))
    return float(np.minimum(of_a, of_b).sum() / max(1, min(of_a.sum(), of_b.sum())))


def distance_where_observed(a: Observed, b: Observed, lags: F32, min_spikes: int) -> float:
    """Compute the distance of two units at the displacements where both were observed.

    What the noise of the means adds is subtracted, and a small difference in time is ignored.

    Parameters
    ----------
    a, b : Observed
        What was observed of two units.
    lags : ndarray of float32, shape (n_pcs, n_pcs, n_lags)
        Overlaps of the shifted components, as `component_lags` returns them.
    min_spikes : int
        Smallest number of spikes at common displacements; half of a unit's spikes are enough.

    Returns
    -------
    float
        Distance in noise SD. Infinite where the units have fewer spikes at common displacements than they must, or
        where their common contacts do not hold most of the energy of both.

    Examples
    --------
    >>> at, contacts, n = np.array([2.0]), np.array([[0, 1]]), np.array([1000])
    >>> a = Observed(at, contacts, np.array([[[8.0], [3.0]]]), n)
    >>> b = Observed(at, contacts, np.array([[[8.0], [0.0]]]), n)
    >>> round(distance_where_observed(a, b, np.ones((1, 1, 3), np.float32), 20), 2)
    3.0
    >>> elsewhere = Observed(at + 2, contacts, b.means, n)
    >>> distance_where_observed(a, elsewhere, np.ones((1, 1, 3), np.float32), 20)
    inf
    """
    _, of_a, of_b = np.intersect1d(a.displacement_um, b.displacement_um, assume_unique=True, return_indices=True)
    n_a, n_b = a.n_spikes[of_a], b.n_spikes[of_b]
    # A few spikes that noise made alike are a unit of less than `min_spikes`, and would never be told from its neuron.
    enough = min(min_spikes, MIN_COMMON_SHARE * min(a.n_spikes.sum(), b.n_spikes.sum()))
    if not 0 < enough <= np.minimum(n_a, n_b).sum():
        return np.inf
    contacts, means_a, means_b = a.contacts[of_a], a.means[of_a], b.means[of_b]
    same = (contacts[:, :, None] == b.contacts[of_b][:, None, :]) & (contacts >= 0)[:, :, None]
    is_common = same.any(axis=2)
    x = means_a * is_common[:, :, None]
    y = np.take_along_axis(means_b, same.argmax(axis=2)[:, :, None], axis=1) * is_common[:, :, None]
    if any(
        (_energy(common) < COMPARABLE_ENERGY * _energy(whole)).any() for common, whole in ((x, means_a), (y, means_b))
    ):
        return np.inf
    apart, direction = x - y, jitter_direction(np.where((n_a >= n_b)[:, None, None], x, y), lags)
    along = (apart.reshape(direction.shape) * direction).sum(axis=1)
    noise = 1 / n_a + 1 / n_b
    squared = _energy(apart) - along**2 - noise * is_common.sum(axis=1) * apart.shape[2]
    return float(np.sqrt(max(0.0, float(np.average(squared, weights=1 / noise)))))


def _energy(scores: F64) -> F64:
    return np.asarray((scores**2).sum(axis=(1, 2)))
