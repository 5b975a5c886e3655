"""Echoes: units, or parts of units, that are what matching left of the spikes of a larger unit. See docs/curate.md."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikesieve.metrics.echoes import echo, largest_share
from spikesieve.model import I64, Label, SortedTime, Unit
from spikesieve.stages.share import Share
from spikesieve.stages.templates import LearnedTemplates

# A spike of an echo at lag 0 lies at most this far from a spike of the larger unit.
COINCIDENCE_MS = 0.4
# A unit with a larger share of echoes is not good.
MAX_SHARE_OF_GOOD = 0.2


@dataclass(frozen=True)
class EchoOf:
    """What a unit has of the spikes of a larger one.

    Attributes
    ----------
    unit : int
        The larger unit.
    share : float
        Share of the spikes that stand at one lag of it, beyond chance.
    lag_ms : float
        The lag; positive if they come after its spikes.
    """

    unit: int
    share: float
    lag_ms: float


def echo_units(trains: Mapping[int, I64], means: LearnedTemplates, time: SortedTime, maxcoincident_share: float) -> I64:
    """Find units that only collect what the matching leaves of a larger neighbour.

    Most spikes of an echo lie within 0.4 ms of a spike of a unit with a larger template and contacts in common, or at
    one lag of such spikes, at most 3 ms before or after them.

    Parameters
    ----------
    trains : mapping of int to ndarray of int64
        Spike times of each unit that has spikes, ascending, in samples.
    means : LearnedTemplates
        Mean waveform of each unit.
    time : SortedTime
        The time that was sorted.
    maxcoincident_share : float
        Share of such spikes from which on a unit is an echo.

    Returns
    -------
    ndarray of int64, shape (n_echoes,)
        Units that are echoes, ascending.

    Examples
    --------
    The second unit is what is left of the first one 1 ms later.

    >>> large = np.sort(np.random.default_rng(0).integers(0, 3_000_000, 500))
    >>> means = LearnedTemplates(np.zeros((2, 1), np.int64), np.array([[[9.0]], [[4.0]]]), np.array([500, 500]))
    >>> echo_units({0: large, 1: large + 30}, means, SortedTime(((0, 3_000_000),), 30_000.0), 0.5)
    array([1])
    """
    echoes: set[int] = set()
    for k, larger in _larger_neighbours(trains, means).items():
        for j in larger:
            if j in echoes:
                continue
            pair = trains[k], trains[j], time
            if largest_share(*pair) <= maxcoincident_share:
                continue
            if max(coincident_share(*pair), echo(*pair).share) > maxcoincident_share:
                echoes.add(k)
                break
    return np.array(sorted(echoes), np.int64)


def partial_echoes(
    trains: Mapping[int, I64],
    means: LearnedTemplates,
    time: SortedTime,
    of: Collection[int] | None = None,
    share: Share = map,
) -> dict[int, EchoOf]:
    """Find units of which a part of the spikes stands at one lag of a larger neighbour, beyond chance.

    Parameters
    ----------
    trains : mapping of int to ndarray of int64
        Spike times of each unit that has spikes, ascending, in samples.
    means : LearnedTemplates
        Mean waveform of each unit.
    time : SortedTime
        The time that was sorted.
    of : collection of int, optional
        The units that are asked about. Default: all.
    share : Share, optional
        Runs a function on many items, like `map`.

    Returns
    -------
    dict of int to EchoOf
        The neighbour that explains the largest share of each such unit.
    """
    asked = [pair for pair in _larger_neighbours(trains, means).items() if of is None or pair[0] in of]
    found = zip(asked, share(partial(_largest_echo, trains=trains, time=time), asked), strict=True)
    return {k: echo_of for (k, _), echo_of in found if echo_of.share > 0}


def _largest_echo(asked: tuple[int, list[int]], trains: Mapping[int, I64], time: SortedTime) -> EchoOf:
    """What a unit has of the one among some larger ones that explains the largest share."""
    k, larger = asked
    each = [(*echo(trains[k], trains[j], time), j) for j in larger]
    share, lag_samples, j = max(each, default=(0.0, 0, -1))
    return EchoOf(j, share, lag_samples * 1e3 / time.sampling_hz)


def name_echoes(units: Sequence[Unit], found: Mapping[int, EchoOf]) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """Write echoes into the unit table. A unit with too many of them is not good.

    Parameters
    ----------
    units : sequence of Unit
        The unit table.
    found : mapping of int to EchoOf
        From `partial_echoes`, by row of the table.

    Returns
    -------
    units : tuple of Unit
        The same rows with the columns of echoes.
    notes : tuple of str
        A sentence on each unit that has many.
    """
    rows, notes = list(units), []
    for k, of in found.items():
        larger = units[of.unit].unit
        rows[k] = replace(rows[k], echo_share=of.share, echo_unit=larger, echo_lag_ms=of.lag_ms)
        if of.share <= MAX_SHARE_OF_GOOD:
            continue
        when = f"{abs(of.lag_ms):.1f} ms {'after' if of.lag_ms >= 0 else 'before'} spikes of unit {larger}"
        notes.append(
            f"Unit {units[k].unit}: {of.share:.0%} of its spikes come {when}. They may be the same spikes, found again."
        )
        if rows[k].label is Label.GOOD:
            rows[k] = replace(rows[k], label=Label.MUA, why=f"{of.share:.0%} of its spikes come {when}")
    return tuple(rows), tuple(notes)


def _larger_neighbours(trains: Mapping[int, I64], means: LearnedTemplates) -> dict[int, list[int]]:
    """The units with a larger template and contacts in common, of each unit with spikes, the largest units first."""
    order = [int(k) for k in np.argsort(-means.norms, kind="stable") if int(k) in trains]
    contacts = [set(row[row >= 0].tolist()) for row in means.contacts]
    return {k: [j for j in order[:i] if contacts[j] & contacts[k]] for i, k in enumerate(order)}


def coincident_share(a: I64, b: I64, time: SortedTime) -> float:
    """Compute the share of spikes that come together with those of another train.

    Parameters
    ----------
    a, b : ndarray of int64, shape (n_a,) and (n_b,)
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    float
        Share of the spikes of `a` with a spike of `b` within 0.4 ms.

    Examples
    --------
    >>> coincident_share(np.array([100, 900]), np.array([110]), SortedTime(((0, 1000),), 30_000.0))
    0.5
    """
    reach_samples = round(COINCIDENCE_MS * 1e-3 * time.sampling_hz)
    a, b = time.apart(a), time.apart(b)
    first = np.searchsorted(b, a - reach_samples)
    last = np.searchsorted(b, a + reach_samples, side="right")
    return float((last > first).mean())
