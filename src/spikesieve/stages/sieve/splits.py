"""Split units whose spikes come from two neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.model import F32, F64, I64, Bool, SortedTime
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes, SpikeGroup
from spikesieve.stages.sieve.mixtures import MIN_POINTS, fit_two_gaussians
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron, without_jitter
from spikesieve.stages.sieve.unit_means import Assignment
from spikesieve.stages.templates import component_lags

# Splits are looked for in the principal components that stand out of the noise, but at least and at most this many.
MIN_DIMS, MAX_DIMS = 2, 5


@dataclass(frozen=True, eq=False)
class SplitTest:
    """Criteria for spikes that come from two neurons.

    Attributes
    ----------
    lags : ndarray of float32, shape (n_pcs, n_pcs, n_lags)
        Overlaps of the shifted components, as `component_lags` returns them.
    time : SortedTime
        The time that was sorted.
    params : RefineParams
        When a unit is split.
    """

    lags: F32
    time: SortedTime
    params: RefineParams


def split_units(
    spikes: DescribedSpikes,
    groups: Sequence[SpikeGroup],
    assignment: Assignment,
    params: RefineParams,
    share: Share = map,
) -> tuple[Assignment, int]:
    """Split each unit in two, and its parts again, until no part looks like two neurons.

    A part is split where two Gaussians explain it better than one and the spike times do not say that it is one neuron.

    Parameters
    ----------
    spikes : DescribedSpikes
        Spikes of all units.
    groups : sequence of SpikeGroup
        The same spikes by the contacts on which they are described.
    assignment : Assignment
        Their units.
    params : RefineParams
        When a unit is split.
    share : Share, optional
        Runs a function on many units, like `map`.

    Returns
    -------
    assignment : Assignment
        Only the spikes that are described on the same contacts as most of their unit's are looked at and accepted.
        The others have no unit until spikes are assigned again.
    n_units : int
        Number of units.
    """
    unit = np.full_like(assignment.unit, -1)
    n_units = 0
    test = SplitTest(component_lags(spikes.pcs), spikes.time, params)
    split = partial(_split_unit, spikes=spikes, test=test)
    for parts in share(split, _main_groups(groups, assignment)):
        for rows in parts:
            unit[rows] = n_units
            n_units += 1
    return replace(assignment, unit=unit, accepted=unit >= 0), n_units


def _main_groups(groups: Sequence[SpikeGroup], assignment: Assignment) -> list[tuple[SpikeGroup, I64]]:
    """The group that holds most spikes of each unit, and which of the group's spikes these are."""
    if not groups:
        return []
    n_units = int(assignment.unit.max(initial=-1)) + 1
    accepted_unit = assignment.accepted_unit
    units = [accepted_unit[group.rows] for group in groups]
    counts = np.stack([np.bincount(u[u >= 0], minlength=n_units) for u in units])
    best = counts.argmax(axis=0)
    return [(groups[i], np.flatnonzero(units[i] == k)) for k, i in enumerate(best) if counts[i, k]]


def _split_unit(one_unit: tuple[SpikeGroup, I64], spikes: DescribedSpikes, test: SplitTest) -> list[I64]:
    """The spikes of each part of a unit, as rows of `spikes`."""
    group, inside = one_unit
    x, all_rows = group.flat_features(spikes)[inside], group.rows[inside]
    todo, done = [np.arange(len(x))], []
    while todo:
        rows = todo.pop()
        part = x[rows].astype(np.float64)
        mean = part.mean(axis=0).reshape(-1, test.lags.shape[0])
        upper = second_neuron(without_jitter(part, mean, test.lags), spikes.sample[all_rows[rows]], test)
        if upper is None:
            done.append(all_rows[rows])
        else:
            todo += [rows[~upper], rows[upper]]
    return done


def second_neuron(points: F64, sample: I64, test: SplitTest) -> Bool | None:
    """Find the spikes of a second neuron among those of a unit.

    Parameters
    ----------
    points : ndarray of float64, shape (n, n_dims)
        Scores of the spikes, without what varies in one neuron.
    sample : ndarray of int64, shape (n,)
        Spike times in samples.
    test : SplitTest
        When spikes are those of two neurons.

    Returns
    -------
    ndarray of bool, shape (n,), or None
        Which spikes are the second neuron's; None where shape or spike times say that there is only one.

    Examples
    --------
    >>> from spikesieve.stages.templates import component_lags
    >>> time = SortedTime(((0, 90_000),), 30_000.0)
    >>> test = SplitTest(component_lags(np.ones((1, 4), np.float32)), time, RefineParams())
    >>> rng = np.random.default_rng(0)
    >>> points, sample = rng.standard_normal((100, 3)), np.sort(rng.integers(0, 90_000, 100))
    >>> points[:40, 0] += 9
    >>> of_second = second_neuron(points, sample, test)
    >>> bool(of_second[0] != of_second[40]), len(set(of_second[:40])), len(set(of_second[40:]))
    (True, 1, 1)
    >>> second_neuron(points[40:], sample[40:], test) is None
    True
    """
    if len(points) < 2 * MIN_POINTS:
        return None
    params = test.params
    found = fit_two_gaussians(main_components(points))
    if found is None or found.gain < params.split_log_likelihood_gain or found.separation < params.split_separation:
        return None
    upper = found.upper
    if min(upper.sum(), (~upper).sum()) < MIN_POINTS:
        return None
    one_neuron = log_odds_one_neuron(sample[upper], sample[~upper], test.time) > params.refractory_log_odds
    return None if one_neuron else upper


def main_components(features: F64) -> F64:
    """Project spikes on the principal components that stand out of noise.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_dims)
        Spikes with noise of SD 1.

    Returns
    -------
    ndarray of float64, shape (n, n_kept)
        Projections of the spikes less their mean on the axes that `main_axes` returns.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 12))
    >>> x[:, :3] *= 4
    >>> main_components(x).shape
    (500, 3)
    """
    centred = features - features.mean(axis=0)
    return np.asarray(centred @ main_axes(centred))


def main_axes(centred: F64) -> F64:
    """Find the principal axes of spikes that stand out of noise.

    Parameters
    ----------
    centred : ndarray of float64, shape (n, n_dims)
        Spikes with noise of SD 1, less their mean.

    Returns
    -------
    ndarray of float64, shape (n_dims, n_kept)
        Unit vectors, that of the largest variance first. 2 to 5 are kept.

    References
    ----------
    Marchenko, V. A. and Pastur, L. A. (1967): the largest variance of n spikes of pure noise in n_dims dimensions is
    near (1 + sqrt(n_dims / n))^2.
    """
    n, n_dims = centred.shape
    variance, vectors = np.linalg.eigh(centred.T @ centred / n)
    edge = (1 + np.sqrt(n_dims / n)) ** 2
    n_kept = int(np.clip((variance > edge).sum(), MIN_DIMS, MAX_DIMS))
    return np.asarray(vectors[:, ::-1][:, :n_kept])
