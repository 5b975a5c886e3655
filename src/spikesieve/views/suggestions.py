"""What is worth a look: units that are likely wrong, with the evidence in a sentence, the surest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import scipy

from spikesieve.metrics.alternation import alternation
from spikesieve.metrics.refractory import correlogram_1ms, log_odds_one_train
from spikesieve.model import F64, I32, Label, Unit
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.refine import RefineParams
from spikesieve.stages.cluster import Verdict
from spikesieve.stages.curate import compare_trains
from spikesieve.views.result import Result
from spikesieve.views.scatter import Kind
from spikesieve.views.two_clusters import two_clusters
from spikesieve.views.waveforms import mean_waveform, similarity

SURE = 3.0
"""Log odds at which the spike times say one neuron or two."""
FOREIGN = 0.1
"""Share of foreign spikes above which a unit is no good one, and half of it below which it may be."""
FEWEST_SPIKES = 50
"""Spikes that each part of a split needs."""
CANNOT_TELL = 0.5
"""How likely a suggestion is of which the spike times say nothing."""


@dataclass(frozen=True)
class Lasso:
    """Spikes that a suggested split takes out.

    Attributes
    ----------
    kind : {"amplitude", "depth", "position", "clusters"}
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


def merge_suggestion(result: Result, a: Unit, b: Unit, rows: tuple[I32, I32], likeness: float) -> Suggestion | None:
    """Say whether two units may be one neuron.

    Parameters
    ----------
    result : Result
        The result.
    a, b : Unit
        Their rows of the unit table.
    rows : (ndarray of int32, ndarray of int32)
        Their spikes.
    likeness : float
        Of their mean waveforms.

    Returns
    -------
    Suggestion or None
        None if their waveforms or spike times say that they are two, or nothing says that they are one.
    """
    params, sizes = result.params.curate, sorted([a.amplitude_uv, b.amplitude_uv])
    ratio = sizes[0] / max(sizes[1], 1e-9)
    if likeness < params.merge_similarity or ratio < params.merge_norm_ratio or min(map(len, rows)) == 0:
        return None
    first, second = (result.sample[own] for own in rows)
    verdict = compare_trains(first, second, result.time, params)
    if verdict is Verdict.TWO:
        return None
    odds = log_odds_one_train(correlogram_1ms(first, second, result.time, False))
    alike = f"waveforms {likeness:.0%} alike, {a.amplitude_uv:.0f} and {b.amplitude_uv:.0f} {result.waveform_unit}"
    units = a.unit, b.unit
    if odds > SURE:
        said = f"Together they keep a refractory period; {alike}."
        return Suggestion("merge", units, float(scipy.special.expit(odds)) * likeness, said)
    if alternation(first, second, result.time).is_one_train:
        return Suggestion("merge", units, 0.9 * likeness, f"One begins where the other ends; {alike}.")
    if _are_near_identical(likeness, ratio, params):
        return Suggestion("merge", units, CANNOT_TELL * likeness, f"Their spikes are too few to tell; {alike}.")
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
    """Two clouds of spikes, if they are two neurons by their spike times, or by their waveforms where those are few."""
    found, refine = two_clusters(result, rows), RefineParams()
    if found is None or found.gain < refine.split_log_likelihood_gain or found.separation < refine.split_separation:
        return None
    place = found.axis.place(result, rows)
    parts = rows[place <= 0], rows[place > 0]
    if min(map(len, parts)) < FEWEST_SPIKES:
        return None
    why = _two_neurons(result, parts)
    if why is None:
        return None
    overlap = float(scipy.special.ndtr(-found.separation / 2))
    said = f"Two clouds of {len(parts[0]):,} and {len(parts[1]):,} spikes, {found.separation:.1f} SD apart: {why[1]}."
    return Suggestion("split", (row.unit,), why[0] * (1 - 2 * overlap), said, _lasso_above(result, rows, place))


def _two_neurons(result: Result, parts: tuple[I32, I32]) -> tuple[float, str] | None:
    """How likely two parts of a unit are two neurons, and why; None if nothing says so.

    Shape alone says it only where it is so unlike that the parts would not be merged.
    """
    first, second = (result.sample[part] for part in parts)
    params = result.params.curate
    verdict = compare_trains(first, second, result.time, params)
    if verdict is Verdict.ONE or alternation(first, second, result.time).is_one_train:
        return None
    odds = log_odds_one_train(correlogram_1ms(first, second, result.time, False))
    if verdict is Verdict.TWO:
        return float(
            scipy.special.expit(-odds)
        ), "each fires as if the other one did not, without a refractory period together"
    shapes = [mean_waveform(result, part) for part in parts]
    alike, sizes = similarity(*shapes), sorted(shape.amplitude_uv for shape in shapes)
    # Parts that would be suggested to be merged again stay together.
    if _are_near_identical(alike, sizes[0] / max(sizes[1], 1e-9), params):
        return None
    if odds < 0:
        return float(
            scipy.special.expit(-odds)
        ), "they are few, but some fire within the refractory period of the others"
    if alike >= params.merge_similarity and sizes[0] >= params.merge_norm_ratio * sizes[1]:
        return None
    said = f"waveforms only {alike:.0%} alike, {sizes[0]:.0f} and {sizes[1]:.0f} {result.waveform_unit}"
    return CANNOT_TELL, f"{said}; the spikes are too few to tell"


def _lasso_above(result: Result, rows: I32, place: F64) -> Lasso:
    """A rectangle around all spikes of the smaller cloud."""
    time_s = result.sample[rows] / result.time.sampling_hz
    left, right, top = float(time_s.min()) - 1, float(time_s.max()) + 1, float(place.max()) + 1
    return Lasso("clusters", ((left, 0.0), (right, 0.0), (right, top), (left, top)))


def _label(row: Unit) -> Suggestion | None:
    low, high, share = row.contamination_low, row.contamination_high, row.contamination
    if low is None or high is None or share is None:
        return None
    sd = max((high - low) / (2 * scipy.special.ndtri(0.975)), 1e-9)
    interval = f"{share:.0%} of its spikes are foreign (95 %: {low:.0%} to {high:.0%})"
    if row.label == Label.GOOD and share > FOREIGN and low > FOREIGN / 2:
        chance = 0.6 * float(scipy.special.ndtr((share - FOREIGN) / sd))
        return Suggestion("label", (row.unit,), chance, f"It is good, but {interval}.")
    if row.label == Label.MUA and high < FOREIGN:
        return Suggestion("label", (row.unit,), 0.5, f"It is mua, but only {interval}. {row.why}.")
    if row.label == Label.GOOD and (row.echo_share or 0.0) > FOREIGN:
        said = f"It is good, but {row.echo_share:.0%} of its spikes stand at one lag of spikes of unit {row.echo_unit}."
        return Suggestion("label", (row.unit,), 0.5, said)
    return None
