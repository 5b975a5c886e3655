"""What is worth a look: units that are likely wrong, with the evidence in a sentence, the surest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from spikesieve.metrics.alternation import alternation
from spikesieve.metrics.refractory import correlogram_1ms, log_odds_one_train
from spikesieve.model import F64, I32, I64, Bool, Label, Unit
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.curate import compare_trains, is_refractory
from spikesieve.views.result import Result
from spikesieve.views.scatter import Kind, coordinates

SURE = 3.0
"""Log odds at which the spike times say one neuron or two."""
FOREIGN = 0.1
"""Share of foreign spikes above which a unit is no good one, and half of it below which it may be."""
CUTS = np.array([0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9])
"""Quantiles at which a unit is parted in two, to see whether its parts are two neurons; even parts first."""
FEWEST_SPIKES = 50
"""Spikes that each part needs."""

AXES: tuple[tuple[Kind, int, str], ...] = (("amplitude", 1, "amplitude"), ("depth", 1, "depth"), ("position", 0, "x"))
"""Along what a unit is parted: the scatter, its axis, and its name."""


@dataclass(frozen=True)
class Lasso:
    """Spikes that a suggested split takes out.

    Attributes
    ----------
    kind : {"amplitude", "depth", "position"}
        The scatter in which it is drawn.
    corners : tuple of (float, float)
        In the units of its axes.
    """

    kind: Kind
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Suggestion:
    """Something that is worth a look.

    Attributes
    ----------
    kind : {"merge", "split", "label"}
        What may have to be done.
    units : tuple of int
        The units.
    chance : float
        How likely it is that something has to be done, from 0 to 1.
    evidence : str
        Why, as a sentence.
    lasso : Lasso or None
        The spikes of a split.
    """

    kind: Literal["merge", "split", "label"]
    units: tuple[int, ...]
    chance: float
    evidence: str
    lasso: Lasso | None = None


def merge_suggestion(result: Result, a: Unit, b: Unit, rows: tuple[I32, I32], similarity: float) -> Suggestion | None:
    """Say whether two units may be one neuron.

    Parameters
    ----------
    result : Result
        The result.
    a, b : Unit
        Their rows of the unit table.
    rows : (ndarray of int32, ndarray of int32)
        Their spikes.
    similarity : float
        Of their mean waveforms.

    Returns
    -------
    Suggestion or None
        None if their waveforms or spike times say that they are two, or nothing says that they are one.
    """
    params, sizes = result.params.curate, sorted([a.amplitude_uv, b.amplitude_uv])
    ratio = sizes[0] / max(sizes[1], 1e-9)
    if similarity < params.merge_similarity or ratio < params.merge_norm_ratio or min(map(len, rows)) == 0:
        return None
    first, second = (result.sample[own] for own in rows)
    verdict = compare_trains(first, second, result.time, params)
    if verdict is Verdict.TWO:
        return None
    odds = log_odds_one_train(correlogram_1ms(first, second, result.time, False))
    alike = f"waveforms {similarity:.0%} alike, {a.amplitude_uv:.0f} and {b.amplitude_uv:.0f} {result.waveform_unit}"
    units = a.unit, b.unit
    if odds > SURE:
        said = f"Together they keep a refractory period; {alike}."
        return Suggestion("merge", units, float(expit(odds)) * similarity, said)
    if alternation(first, second, result.time).is_one_train:
        return Suggestion("merge", units, 0.9 * similarity, f"One begins where the other ends; {alike}.")
    if _are_near_identical(similarity, ratio, params):
        return Suggestion("merge", units, 0.5 * similarity, f"Their spikes are too few to tell; {alike}.")
    return None


def _are_near_identical(similarity: float, ratio: float, params: CurateParams) -> bool:
    return similarity >= params.near_identical_similarity and 1 - ratio < params.near_identical_norm_difference


def unit_suggestion(result: Result, row: Unit, rows: I32) -> Suggestion | None:
    """Say whether a unit may be two neurons, or have a wrong label.

    Parameters
    ----------
    result : Result
        The result.
    row : Unit
        Its row of the unit table.
    rows : ndarray of int32, shape (n,)
        Its spikes.

    Returns
    -------
    Suggestion or None
        None if nothing speaks against it.
    """
    if row.label == Label.NOISE:
        return None
    return _split(result, row, rows) or _label(row)


def _split(result: Result, row: Unit, rows: I32) -> Suggestion | None:
    """Part a unit along amplitude, depth and width: are there two neurons, each of which is refractory?"""
    if len(rows) < 2 * FEWEST_SPIKES or is_refractory(result.sample[rows], result.time, result.params.curate):
        return None
    for kind, axis, what in AXES:
        values = coordinates(result, rows, kind)[axis]
        cut = _best_cut(result, values, rows) if np.isfinite(values).all() else None
        if cut is not None:
            n_above = int((values > cut).sum())
            said = (
                f"Parted at {what} {cut:.0f}, its parts of {len(rows) - n_above:,} and {n_above:,} spikes are "
                "refractory, and together they are not."
            )
            return Suggestion("split", (row.unit,), 0.8, said, _lasso_above(result, kind, rows, cut))
    return None


def _best_cut(result: Result, values: F64, rows: I32) -> float | None:
    """Where to part a unit so that the parts are two neurons; None if nowhere."""
    for cut in np.quantile(values, CUTS):
        above: Bool = values > cut
        parts: tuple[I64, I64] = result.sample[rows[~above]], result.sample[rows[above]]
        if min(map(len, parts)) >= FEWEST_SPIKES and _are_two_neurons(result, *parts):
            return float(cut)
    return None


def _are_two_neurons(result: Result, a: I64, b: I64) -> bool:
    params = result.params.curate
    if compare_trains(a, b, result.time, params) is not Verdict.TWO:
        return False
    return all(is_refractory(part, result.time, params) for part in (a, b))


def _lasso_above(result: Result, kind: Kind, rows: I32, cut: float) -> Lasso:
    """A rectangle around all spikes beyond a cut."""
    x, y = coordinates(result, rows, kind)
    (left, right), (bottom, top) = ((float(v.min()) - 1, float(v.max()) + 1) for v in (x, y))
    if kind == "position":
        left = cut
    else:
        bottom = cut
    return Lasso(kind, ((left, bottom), (right, bottom), (right, top), (left, top)))


def _label(row: Unit) -> Suggestion | None:
    low, high, share = row.contamination_low, row.contamination_high, row.contamination
    if low is None or high is None or share is None:
        return None
    sd = max((high - low) / (2 * norm.ppf(0.975)), 1e-9)
    interval = f"{share:.0%} of its spikes are foreign (95 %: {low:.0%} to {high:.0%})"
    if row.label == Label.GOOD and share > FOREIGN and low > FOREIGN / 2:
        chance = 0.6 * float(norm.sf((FOREIGN - share) / sd))
        return Suggestion("label", (row.unit,), chance, f"It is good, but {interval}.")
    if row.label == Label.MUA and high < FOREIGN:
        return Suggestion("label", (row.unit,), 0.5, f"It is mua, but only {interval}. {row.why}.")
    if row.label == Label.GOOD and (row.echo_share or 0.0) > FOREIGN:
        said = f"It is good, but {row.echo_share:.0%} of its spikes stand at one lag of spikes of unit {row.echo_unit}."
        return Suggestion("label", (row.unit,), 0.5, said)
    return None
