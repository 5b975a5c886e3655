"""Which units of two sortings are the same, which were split or merged, and which spikes only one of them has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import Agreement, partners
from spikesieve.model import F64, I64, Bool
from spikesieve.sorted_by_others import SpikeTrains

INSIDE = 0.5
"""A unit lies in another one when more than this share of its spikes does ..."""
PART = 0.1
"""... and is a part of it when it holds at least this share of that one's spikes."""
COUNTERPART = 0.1
"""Units whose matches are this share of the smaller one's spikes can hold each other's spikes."""


@dataclass(frozen=True)
class UnitRelation:
    """What became of one unit of a sorting in the other one.

    unit       its number
    n_spikes   its spikes
    relation   "matched" (agreement of 0.5 or better, one to one), "split" (two units of the other or more lie in it),
               "merged" (it lies in a unit of the other together with others), "partial" (some of its spikes are
               found, none of the above) or "alone" (no unit of the other has a tenth of its spikes)
    partner    number of the matched unit, or of the one with the largest agreement, or None
    agreement  with the partner
    others     the parts it was split into, or the unit it was merged into
    n_only     its spikes that no unit of the other has
    """

    unit: int
    n_spikes: int
    relation: str
    partner: int | None
    agreement: float
    others: tuple[int, ...]
    n_only: int


@dataclass(frozen=True, eq=False)
class Relations:
    """Both views of one comparison.

    a, b     one row a unit
    pairs    (n_matched, 2) int64, rows of a and b that are matched
    only_a   (n_spikes_a,) bool: spikes that b has not
    only_b   (n_spikes_b,) bool: spikes that a has not
    """

    a: tuple[UnitRelation, ...]
    b: tuple[UnitRelation, ...]
    pairs: I64
    only_a: Bool
    only_b: Bool


def relate(pairs: Agreement, window_samples: int) -> Relations:
    """What became of every unit of both sortings.

    window_samples  two spikes at most this far apart are the same

    A unit is "matched" before it is anything else. A spike counts as found when a unit of the other sorting that shares
    a tenth of its spikes with this one's unit fires within the window: any unit at all would do so by chance.
    """
    matched = _assignment(pairs)
    row, column = _related(pairs)
    only_a = ~_has_counterpart(pairs.a, pairs.b, row, column, window_samples)
    only_b = ~_has_counterpart(pairs.b, pairs.a, column, row, window_samples)
    forward = _Half(pairs.a, pairs.b, pairs.row, pairs.column, pairs.n_matches, pairs.pair_scores())
    order = np.lexsort((pairs.row, pairs.column))
    backward = _Half(
        pairs.b, pairs.a, pairs.column[order], pairs.row[order], pairs.n_matches[order], pairs.pair_scores()[order]
    )
    return Relations(
        forward.relations(dict(matched.tolist()), only_a),
        backward.relations(dict(matched[:, ::-1].tolist()), only_b),
        matched,
        only_a,
        only_b,
    )


def _assignment(pairs: Agreement) -> I64:
    partner = partners(pairs.scores())
    rows = np.flatnonzero(partner >= 0)
    return np.stack([rows, partner[rows]], axis=1).astype(np.int64)


def _related(pairs: Agreement) -> tuple[I64, I64]:
    smaller = np.minimum(pairs.a.n_spikes[pairs.row], pairs.b.n_spikes[pairs.column])
    near = pairs.n_matches >= COUNTERPART * smaller
    return pairs.row[near], pairs.column[near]


def _has_counterpart(mine: SpikeTrains, other: SpikeTrains, row: I64, column: I64, window_samples: int) -> Bool:
    """(n_spikes of mine,) bool: a related unit of the other one fires within the window."""
    found = np.zeros(len(mine.sample), np.bool_)
    where = _spikes_by_unit(mine)
    theirs = _spikes_by_unit(other)
    for i, j in zip(row.tolist(), column.tolist(), strict=True):
        spikes = where[i]
        sample, train = mine.sample[spikes], other.sample[theirs[j]]
        first = np.searchsorted(train, sample - window_samples)
        hit = first < len(train)
        hit[hit] = train[first[hit]] <= sample[hit] + window_samples
        found[spikes] |= hit
    return found


def _spikes_by_unit(trains: SpikeTrains) -> list[I64]:
    """Rows of the spikes of each unit."""
    order = np.argsort(trains.unit, kind="stable").astype(np.int64)
    return np.split(order, np.cumsum(trains.n_spikes)[:-1]) if len(trains.units) else []


@dataclass(frozen=True, eq=False)
class _Half:
    """The pairs seen from one side, ordered by its units."""

    mine: SpikeTrains
    other: SpikeTrains
    row: I64
    column: I64
    n_matches: I64
    score: F64

    def relations(self, matched: dict[int, int], only: Bool) -> tuple[UnitRelation, ...]:
        n_mine, n_other = self.mine.n_spikes, self.other.n_spikes
        of_mine, of_other = self.n_matches / n_mine[self.row], self.n_matches / n_other[self.column]
        part = (of_other > INSIDE) & (of_mine >= PART)
        whole = (of_mine > INSIDE) & (of_other >= PART)
        n_inside = np.bincount(self.column[whole], minlength=len(n_other))
        n_only = np.bincount(self.mine.unit[only], minlength=len(n_mine))
        bounds = np.searchsorted(self.row, np.arange(len(n_mine) + 1))
        rows = []
        for i in range(len(n_mine)):
            at = np.arange(bounds[i], bounds[i + 1])
            parts = self.column[at[part[at]]]
            wholes = [j for j in self.column[at[whole[at]]] if n_inside[j] > 1]
            relation, others = _named(i in matched, parts, wholes, bool((of_mine[at] >= PART).any()))
            best = at[self.score[at].argmax()] if len(at) else -1
            partner = matched.get(i, int(self.column[best]) if best >= 0 else -1)
            score = float(self.score[at[self.column[at] == partner]].sum())
            rows.append(
                UnitRelation(
                    int(self.mine.units[i]),
                    int(n_mine[i]),
                    relation,
                    int(self.other.units[partner]) if partner >= 0 else None,
                    score,
                    tuple(int(self.other.units[j]) for j in others),
                    int(n_only[i]),
                )
            )
        return tuple(rows)


def _named(is_matched: bool, parts: I64, wholes: list[int], shares: bool) -> tuple[str, list[int]]:
    others = parts.tolist() if len(parts) > 1 else [int(j) for j in wholes]
    if is_matched:
        return "matched", others
    if len(parts) > 1:
        return "split", others
    if wholes:
        return "merged", others
    return ("partial" if shares else "alone"), []
