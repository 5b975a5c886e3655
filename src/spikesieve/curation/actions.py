"""The actions of a curator, and what they do to the units of the spikes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model import I64, Label, Sorting
from spikesieve.model.text import counted

REMOVED = -1
"""Unit of a spike that belongs to no unit any more."""


@dataclass(frozen=True)
class Merge:
    """Make one unit of several. It keeps a label by hand that all of them have.

    Attributes
    ----------
    units : tuple of int
        The units, at least two.
    new_unit : int or None
        Number of the new unit; one of `units` or a free one. None: the next number that was never used.
    """

    units: tuple[int, ...]
    new_unit: int | None = None


@dataclass(frozen=True, eq=False)
class Split:
    """Make several units of one. All keep its label by hand.

    Attributes
    ----------
    unit : int
        The unit.
    part : ndarray of int64, shape (n_spikes,)
        Part of each spike of the unit in order of time, from 0. Every part has a spike.
    new_units : tuple of int or None
        Number of each part; free ones, and one of them may be `unit`. None: the next numbers that were never used.
    """

    unit: int
    part: I64
    new_units: tuple[int, ...] | None = None


@dataclass(frozen=True)
class SetLabel:
    """Label a unit by hand.

    Attributes
    ----------
    unit : int
        The unit.
    label : Label
        What it is taken for.
    """

    unit: int
    label: Label


@dataclass(frozen=True)
class Remove:
    """Leave out a unit and its spikes.

    Attributes
    ----------
    unit : int
        The unit.
    """

    unit: int


Action = Merge | Split | SetLabel | Remove


@dataclass(frozen=True, eq=False)
class Membership:
    """Which unit each spike belongs to.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_spikes,)
        Number of the unit of each spike, in the order of `Spikes`; -1 for a spike of a removed unit.
    ids : tuple of int
        Numbers of the units, ascending.
    next_unit : int
        Smallest number that was never used.
    labels : mapping of int to Label
        Labels that were given by hand.
    """

    unit: I64
    ids: tuple[int, ...]
    next_unit: int
    labels: Mapping[int, Label] = field(default_factory=dict)


def as_sorted(sorting: Sorting) -> Membership:
    """Return the membership before any action.

    Parameters
    ----------
    sorting : Sorting
        The sorting.

    Returns
    -------
    Membership
        Its units, without labels by hand.
    """
    ids = sorting.unit_ids
    unit = ids[sorting.spikes.unit] if len(ids) else np.empty(0, np.int64)
    return Membership(unit, tuple(ids.tolist()), int(ids.max(initial=-1)) + 1)


def after(membership: Membership, actions: Iterable[Action]) -> Membership:
    """Do actions one after the other.

    Parameters
    ----------
    membership : Membership
        Units before.
    actions : iterable of Action
        The actions.

    Returns
    -------
    Membership
        Units after all actions.

    Raises
    ------
    InputError
        An action names a unit that is not there, a number that is taken, or parts that do not fit the unit.

    Examples
    --------
    >>> before = Membership(np.array([0, 1, 0, 2]), (0, 1, 2), 3)
    >>> merged = after(before, [Merge((0, 1)), Remove(2)])
    >>> merged.unit.tolist(), merged.ids
    ([3, 3, 3, -1], (3,))
    """
    return reduce(_done, actions, membership)


def _done(membership: Membership, action: Action) -> Membership:
    match action:
        case Merge():
            return _merged(membership, action)
        case Split():
            return _split(membership, action)
        case SetLabel():
            _require_units(membership, (action.unit,))
            return replace(membership, labels={**membership.labels, action.unit: Label(action.label)})
        case Remove():
            _require_units(membership, (action.unit,))
            return _moved(membership, (action.unit,), membership.unit == action.unit, np.int64(REMOVED), ())


def _merged(membership: Membership, merge: Merge) -> Membership:
    units = tuple(dict.fromkeys(merge.units))
    _require_units(membership, units)
    if len(units) < 2:
        raise InputError(f"A merge needs two units or more. Got {list(merge.units)}.")
    new = _new_units(membership, units, 1, None if merge.new_unit is None else (merge.new_unit,))
    merged = _moved(membership, units, np.isin(membership.unit, units), np.int64(new[0]), new)
    labels = {membership.labels.get(unit) for unit in units}
    agreed = labels.pop() if len(labels) == 1 else None
    return merged if agreed is None else replace(merged, labels={**merged.labels, new[0]: agreed})


def _split(membership: Membership, split: Split) -> Membership:
    _require_units(membership, (split.unit,))
    own = membership.unit == split.unit
    n_spikes, part = int(own.sum()), np.asarray(split.part, np.int64)
    if len(part) != n_spikes:
        raise InputError(f"Unit {split.unit} has {counted(n_spikes, 'spike')}, and its split is of {len(part)}.")
    used = np.unique(part)
    if len(used) < 2 or not np.array_equal(used, np.arange(len(used))):
        raise InputError(
            f"The split of unit {split.unit} needs two parts or more, 0, 1 ..., each with spikes. Got {used.tolist()}."
        )
    new = _new_units(membership, (split.unit,), len(used), split.new_units)
    parts = _moved(membership, (split.unit,), own, np.array(new, np.int64)[part], new)
    label = membership.labels.get(split.unit)
    return parts if label is None else replace(parts, labels={**parts.labels, **dict.fromkeys(new, label)})


def _moved(
    membership: Membership, old: tuple[int, ...], rows: np.ndarray, unit: np.ndarray | np.int64, new: tuple[int, ...]
) -> Membership:
    """Move the spikes in some rows from the old units, which end, to new ones."""
    moved = membership.unit.copy()
    moved[rows] = unit
    ids = tuple(sorted({*membership.ids, *new} - (set(old) - set(new))))
    labels = {k: label for k, label in membership.labels.items() if k not in old}
    next_unit = max([membership.next_unit, *(unit + 1 for unit in new)])
    return Membership(moved, ids, next_unit, labels)


def _new_units(membership: Membership, old: tuple[int, ...], n: int, wanted: tuple[int, ...] | None) -> tuple[int, ...]:
    """Numbers of new units: the wanted ones, or the next that were never used."""
    if wanted is None:
        return tuple(range(membership.next_unit, membership.next_unit + n))
    taken = set(membership.ids) - set(old)
    if len(set(wanted)) != n or min(wanted) < 0 or taken & set(wanted):
        raise InputError(
            f"Units made of {list(old)} need {counted(n, 'number')} that no other unit has. Got {list(wanted)}."
        )
    return wanted


def _require_units(membership: Membership, units: tuple[int, ...]) -> None:
    missing = [unit for unit in units if unit not in membership.ids]
    if missing:
        raise InputError(
            f"There is no unit {missing[0]} to merge, split, label or remove. "
            f"There are {counted(len(membership.ids), 'unit')}: {_listed(membership.ids)}."
        )


def _listed(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids)) if len(ids) <= 10 else f"{ids[0]}, {ids[1]} ... {ids[-1]}"
