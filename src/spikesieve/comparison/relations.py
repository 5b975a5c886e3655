"""Find units of two sortings that are the same, split or merged, and the spikes that only one sorting has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.comparison.agreement import Agreement, hungarian_match
from spikesieve.comparison.collisions import fires_within
from spikesieve.model import F64, I64, Bool
from spikesieve.model.external import SpikeTrains

INSIDE_SHARE = 0.5
"""A unit lies inside another unit when more than this share of its spikes does ..."""
PART_SHARE = 0.1
"""... and is a part of it when it has at least this share of that unit's spikes."""
RELATED_SHARE = 0.1
"""Two units are related when their matches are at least this share of the smaller unit's spikes."""


@dataclass(frozen=True)
class UnitRelation:
    """Relation of one unit to the units of the other sorting.

    Attributes
    ----------
    unit : int
        Unit number.
    n_spikes : int
        Number of spikes.
    relation : str
        "matched" (agreement of 0.5 or more, one to one), "split" (two or more units of the other sorting lie inside
        it), "merged" (it lies inside a unit of the other sorting together with others), "partial" (a unit of the
        other sorting has a tenth of its spikes, none of the above) or "alone" (no unit has a tenth of its spikes).
    partner : int or None
        Number of the matched unit, or else of the unit with the largest agreement.
    agreement : float
        Agreement with the partner.
    others : tuple of int
        Units that it was split into, or the unit that it was merged into.
    n_only : int
        Number of its spikes that the other sorting does not have.
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
    """Relations of all units of two sortings, seen from both sides.

    Attributes
    ----------
    a, b : tuple of UnitRelation
        One entry for each unit of the sorting.
    pairs : ndarray of int64, shape (n_matched, 2)
        Matched units, as indices into the units of a and of b.
    only_a : ndarray of bool, shape (n_spikes_a,)
        Spikes that b does not have.
    only_b : ndarray of bool, shape (n_spikes_b,)
        Spikes that a does not have.
    """

    a: tuple[UnitRelation, ...]
    b: tuple[UnitRelation, ...]
    pairs: I64
    only_a: Bool
    only_b: Bool


def relate_units(pairs: Agreement, window_samples: int) -> Relations:
    """Classify the relation of every unit to the units of the other sorting.

    Parameters
    ----------
    pairs : Agreement
        Match counts of the two sortings.
    window_samples : int
        Two spikes at most this far apart are the same spike.

    Returns
    -------
    Relations
        Relations of the units of both sortings.

    Notes
    -----
    A unit gets the first relation that fits, in the order matched, split, merged, partial, alone.

    A spike is in both sortings when a related unit of the other sorting fires within the window. Unrelated units do
    not count: they coincide by chance.

    Examples
    --------
    >>> from spikesieve.comparison.agreement import agreement
    >>> a = SpikeTrains.from_spikes(np.arange(0, 10_000, 1000), np.zeros(10, np.int64))
    >>> b = SpikeTrains.from_spikes(np.arange(0, 10_000, 1000), np.repeat([1, 2, 3], [4, 4, 2]))
    >>> found = relate_units(agreement(a, b, 30_000.0), 12)
    >>> found.a[0].relation, found.a[0].others
    ('split', (1, 2, 3))
    """
    matched = _matched_pairs(pairs)
    row, column = _related_pairs(pairs)
    only_a = ~_has_counterpart(pairs.a, pairs.b, row, column, window_samples)
    only_b = ~_has_counterpart(pairs.b, pairs.a, column, row, window_samples)
    a_to_b = _DirectedPairs(pairs.a, pairs.b, pairs.row, pairs.column, pairs.n_matches, pairs.pair_scores())
    order = np.lexsort((pairs.row, pairs.column))
    b_to_a = _DirectedPairs(
        pairs.b, pairs.a, pairs.column[order], pairs.row[order], pairs.n_matches[order], pairs.pair_scores()[order]
    )
    return Relations(
        a_to_b.relations(dict(matched.tolist()), only_a),
        b_to_a.relations(dict(matched[:, ::-1].tolist()), only_b),
        matched,
        only_a,
        only_b,
    )


def _matched_pairs(pairs: Agreement) -> I64:
    column_of_row = hungarian_match(pairs.scores())
    rows = np.flatnonzero(column_of_row >= 0)
    return np.stack([rows, column_of_row[rows]], axis=1).astype(np.int64)


def _related_pairs(pairs: Agreement) -> tuple[I64, I64]:
    smaller = np.minimum(pairs.a.n_spikes[pairs.row], pairs.b.n_spikes[pairs.column])
    related = pairs.n_matches >= RELATED_SHARE * smaller
    return pairs.row[related], pairs.column[related]


def _has_counterpart(own: SpikeTrains, other: SpikeTrains, row: I64, column: I64, window_samples: int) -> Bool:
    """Tell for each spike of `own` whether a related unit of `other` fires within the window."""
    has = np.zeros(len(own.sample), np.bool_)
    own_rows, other_rows = own.rows_by_unit(), other.rows_by_unit()
    for i, j in zip(row.tolist(), column.tolist(), strict=True):
        spikes = own_rows[i]
        has[spikes] |= fires_within(other.sample[other_rows[j]], own.sample[spikes], window_samples)
    return has


@dataclass(frozen=True, eq=False)
class _DirectedPairs:
    """Pairs of units seen from one sorting, sorted by its units."""

    own: SpikeTrains
    other: SpikeTrains
    row: I64
    column: I64
    n_matches: I64
    score: F64

    def relations(self, matched: dict[int, int], only: Bool) -> tuple[UnitRelation, ...]:
        n_own, n_other = self.own.n_spikes, self.other.n_spikes
        share_of_own, share_of_other = self.n_matches / n_own[self.row], self.n_matches / n_other[self.column]
        is_part = (share_of_other > INSIDE_SHARE) & (share_of_own >= PART_SHARE)
        is_whole = (share_of_own > INSIDE_SHARE) & (share_of_other >= PART_SHARE)
        n_parts = np.bincount(self.column[is_whole], minlength=len(n_other))
        n_only = np.bincount(self.own.unit[only], minlength=len(n_own))
        bounds = np.searchsorted(self.row, np.arange(len(n_own) + 1))
        rows = []
        for i in range(len(n_own)):
            at = np.arange(bounds[i], bounds[i + 1])
            parts = self.column[at[is_part[at]]]
            wholes = [j for j in self.column[at[is_whole[at]]] if n_parts[j] > 1]
            relation, others = _classify(i in matched, parts, wholes, bool((share_of_own[at] >= PART_SHARE).any()))
            partner, score = self._partner(at, matched.get(i))
            rows.append(
                UnitRelation(
                    int(self.own.units[i]),
                    int(n_own[i]),
                    relation,
                    int(self.other.units[partner]) if partner >= 0 else None,
                    score,
                    tuple(int(self.other.units[j]) for j in others),
                    int(n_only[i]),
                )
            )
        return tuple(rows)

    def _partner(self, at: I64, matched: int | None) -> tuple[int, float]:
        """Matched unit or else the one with the largest agreement (-1 for none), and the agreement."""
        best = int(self.column[at[self.score[at].argmax()]]) if len(at) else -1
        partner = best if matched is None else matched
        return partner, float(self.score[at[self.column[at] == partner]].sum())


def _classify(is_matched: bool, parts: I64, wholes: list[int], shares_spikes: bool) -> tuple[str, list[int]]:
    others = parts.tolist() if len(parts) > 1 else [int(j) for j in wholes]
    if is_matched:
        return "matched", others
    if len(parts) > 1:
        return "split", others
    if wholes:
        return "merged", others
    return ("partial" if shares_spikes else "alone"), []
