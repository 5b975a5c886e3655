"""Where two curators of one sorting agree, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikesieve.curation.actions import REMOVED, Membership
from spikesieve.errors import InputError
from spikesieve.model.text import counted

LARGE_PART = 0.1
"""Share of a unit's spikes from which on another unit is named as a part of it."""
SAME = "the same spikes"


@dataclass(frozen=True)
class UnitAgreement:
    """What two curators made of the spikes of a unit.

    Attributes
    ----------
    a, b : int or None
        The unit of the first curator, and that of the second one which shares most spikes with it.
    n_a, n_b, n_common : int
        Their spikes, and how many they share.
    label_a, label_b : str
        Labels by hand; empty where there is none.
    what : str
        How the two differ, in words.
    """

    a: int | None
    b: int | None
    n_a: int
    n_b: int
    n_common: int
    label_a: str
    label_b: str
    what: str

    @property
    def has_same_spikes(self) -> bool:
        """Whether both have the same spikes."""
        return self.what == SAME

    @property
    def agrees(self) -> bool:
        """Whether both have the same spikes and no different labels by hand."""
        return self.has_same_spikes and self.label_a == self.label_b


@dataclass(frozen=True)
class _Shares:
    """How many spikes the units of two curators share."""

    common: Mapping[tuple[int, int], int]
    sizes: tuple[Mapping[int, int], Mapping[int, int]]

    def parts(self, side: int, unit: int) -> dict[int, int]:
        """Units of the other side with a large part of a unit's spikes, or most of whose spikes are in it."""
        found = {}
        for pair, n in self.common.items():
            other = pair[1 - side]
            if pair[side] == unit and (
                n >= LARGE_PART * self.sizes[side][unit] or (other != REMOVED and n > self.sizes[1 - side][other] / 2)
            ):
                found[other] = n
        return dict(sorted(found.items(), key=lambda part: -part[1]))


def compare_curations(a: Membership, b: Membership) -> tuple[UnitAgreement, ...]:
    """Compare what two curators made of the same spikes.

    Parameters
    ----------
    a, b : Membership
        The units of each.

    Returns
    -------
    tuple of UnitAgreement
        A row for each unit of the first curator, then for each unit of the second one that the first discarded.

    Raises
    ------
    InputError
        They are not of the same spikes.

    Examples
    --------
    >>> first = Membership.of_spikes(np.array([0, 0, 1, 2]), (0, 1, 2), 3)
    >>> second = Membership.of_spikes(np.array([0, 0, 3, 3]), (0, 3), 4)
    >>> [one.what for one in compare_curations(first, second)]
    ['the same spikes', 'together with 2 in the second', 'together with 1 in the second']
    """
    if a.n_spikes != b.n_spikes:
        raise InputError(
            f"The two curations are of {a.n_spikes:,} and {b.n_spikes:,} spikes: they are not of one result."
        )
    pairs, counts = np.unique(np.stack([a.unit, b.unit]), axis=1, return_counts=True)
    common = {(int(i), int(j)): int(n) for (i, j), n in zip(pairs.T, counts, strict=True)}
    shares = _Shares(common, tuple({unit: len(rows) for unit, rows in side.rows.items()} for side in (a, b)))  # type: ignore[arg-type]
    rows = [_of_first(unit, shares, a, b) for unit in a.ids]
    rows += [_discarded_by_first(unit, shares, b) for unit in b.ids if list(shares.parts(1, unit)) == [REMOVED]]
    return tuple(rows)


def _of_first(unit: int, shares: _Shares, a: Membership, b: Membership) -> UnitAgreement:
    n = len(a.rows[unit])
    parts = shares.parts(0, unit)
    best = next((other for other in parts if other != REMOVED), None)
    if best is None:
        what = "discarded by the second" if parts else "without spikes"
        return UnitAgreement(unit, None, n, 0, 0, _label(a, unit), "", what)
    n_b, n_common = len(b.rows[best]), shares.common[unit, best]
    together = [other for other in shares.parts(1, best) if other not in (unit, REMOVED)]
    others = [other for other in parts if other != REMOVED]
    if n == n_b == n_common:
        what = SAME
    elif len(others) > 1:
        what = f"parted in the second: {_listed(others)}"
    elif together:
        what = f"together with {_listed(together)} in the second"
    elif REMOVED in parts:
        what = f"{parts[REMOVED]:,} spikes discarded by the second"
    else:
        what = f"{n_common / (n + n_b - n_common):.0%} of the spikes in common"
    return UnitAgreement(unit, best, n, n_b, n_common, _label(a, unit), _label(b, best), what)


def _discarded_by_first(unit: int, shares: _Shares, b: Membership) -> UnitAgreement:
    return UnitAgreement(None, unit, 0, len(b.rows[unit]), 0, "", _label(b, unit), "discarded by the first")


def _label(units: Membership, unit: int) -> str:
    return str(units.labels[unit]) if unit in units.labels else ""


def _listed(units: list[int]) -> str:
    return ", ".join(map(str, sorted(units)))


def agreement_sentence(rows: tuple[UnitAgreement, ...]) -> str:
    """Say how far two curators agree.

    Parameters
    ----------
    rows : tuple of UnitAgreement
        From `compare_curations`.

    Returns
    -------
    str
        A sentence or two.
    """
    same = [one for one in rows if one.has_same_spikes]
    both = [one for one in same if one.label_a and one.label_b]
    alike = sum(one.label_a == one.label_b for one in both)
    one_only = sum(bool(one.label_a) != bool(one.label_b) for one in same)
    said = f"{len(same)} of {counted(len(rows), 'unit')} have the same spikes for both."
    if both:
        said += f" Both labelled {len(both)} of these, {alike} of them alike."
    return said + (f" {one_only} have a label by one of them only." if one_only else "")
