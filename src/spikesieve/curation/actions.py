"""The actions of a curator, and what they do to the units of the spikes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from spikesieve.curation.spike_index import SpikeIndex, index_of_spikes
from spikesieve.errors import InputError
from spikesieve.model import I32, I64, Label, Sorting
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
    label : Label or None
        What it is taken for; None takes a label by hand back.
    """

    unit: int
    label: Label | None


@dataclass(frozen=True)
class SetText:
    """Write something about a unit: a note, or a label of the curator's own.

    Attributes
    ----------
    unit : int
        The unit.
    name : str
        What the text is: "note", or the name of the label.
    text : str
        The text; an empty one takes it back.
    """

    unit: int
    name: str
    text: str


@dataclass(frozen=True)
class Remove:
    """Leave out a unit and its spikes.

    Attributes
    ----------
    unit : int
        The unit.
    """

    unit: int


Action = Merge | Split | SetLabel | SetText | Remove


@dataclass(frozen=True, eq=False)
class Membership:
    """Which spikes each unit has.

    A unit is the rows of its spikes, and an action makes new units from those of old ones. So it costs what the units
    have that it names, however many spikes there are.

    Attributes
    ----------
    rows : mapping of int to ndarray of int32, shape (n,)
        For the number of each unit the rows of its spikes in `Spikes`, ascending.
    n_spikes : int
        Number of all spikes, those of removed units among them.
    next_unit : int
        Smallest number that was never used.
    labels : mapping of int to Label
        Labels that were given by hand.
    texts : mapping of (int, str) to str
        Notes and own labels: the text of a unit and a name.
    """

    rows: Mapping[int, I32]
    n_spikes: int
    next_unit: int
    labels: Mapping[int, Label] = field(default_factory=dict)
    texts: Mapping[tuple[int, str], str] = field(default_factory=dict)

    @classmethod
    def of_spikes(
        cls, unit: NDArray[np.integer], ids: Iterable[int], next_unit: int, labels: Mapping[int, Label] | None = None
    ) -> Membership:
        """Make the membership from the unit of each spike.

        Parameters
        ----------
        unit : ndarray of int, shape (n_spikes,)
            Number of the unit of each spike; -1 for a spike of no unit.
        ids : iterable of int
            Numbers of the units; one may be without spikes.
        next_unit : int
            Smallest number that was never used.
        labels : mapping of int to Label, optional
            Labels that were given by hand.

        Returns
        -------
        Membership
            The units.

        Examples
        --------
        >>> Membership.of_spikes(np.array([7, 2, 7]), (2, 7), 8).rows[7]
        array([0, 2], dtype=int32)
        """
        return cls.of_index(index_of_spikes(unit, ids), next_unit, labels)

    @classmethod
    def of_index(cls, index: SpikeIndex, next_unit: int, labels: Mapping[int, Label] | None = None) -> Membership:
        """Make the membership from the spikes of each unit.

        Parameters
        ----------
        index : SpikeIndex
            The spikes of each unit.
        next_unit : int
            Smallest number that was never used.
        labels : mapping of int to Label, optional
            Labels that were given by hand.

        Returns
        -------
        Membership
            The units.
        """
        return cls(index.rows_of_units(), index.n_spikes, next_unit, dict(labels or {}))

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Numbers of the units, ascending."""
        return tuple(sorted(self.rows))

    @cached_property
    def unit(self) -> I64:
        """Number of the unit of each spike, in the order of `Spikes`; -1 for a spike of no unit."""
        unit = np.full(self.n_spikes, REMOVED, np.int64)
        for number, rows in self.rows.items():
            unit[rows] = number
        return unit


def as_sorted(sorting: Sorting, index: SpikeIndex | None = None) -> Membership:
    """Return the membership before any action.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    index : SpikeIndex or None, optional
        The spikes of each row of the unit table that has spikes, where that is known.

    Returns
    -------
    Membership
        Its units, without labels by hand.
    """
    ids = sorting.unit_ids
    rows = (index or index_of_spikes(sorting.spikes.unit, range(len(ids)))).rows_of_units()
    none = np.empty(0, np.int32)
    of_units = {unit: rows.get(row, none) for row, unit in enumerate(ids.tolist())}
    return Membership(of_units, len(sorting.spikes), int(ids.max(initial=-1)) + 1)


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
    >>> before = Membership.of_spikes(np.array([0, 1, 0, 2]), (0, 1, 2), 3)
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
            return _labelled(membership, action)
        case SetText():
            return _written(membership, action)
        case Remove():
            _require_units(membership, (action.unit,))
            return _replaced(membership, (action.unit,), {})


def _merged(membership: Membership, merge: Merge) -> Membership:
    units = tuple(dict.fromkeys(merge.units))
    _require_units(membership, units)
    if len(units) < 2:
        raise InputError(f"A merge needs two units or more. Got {list(merge.units)}.")
    (new,) = _new_units(membership, units, 1, None if merge.new_unit is None else (merge.new_unit,))
    rows = np.sort(np.concatenate([membership.rows[unit] for unit in units]), kind="stable")
    merged = _replaced(membership, units, {new: rows})
    labels = {membership.labels.get(unit) for unit in units}
    agreed = labels.pop() if len(labels) == 1 else None
    # The texts of all parts say something of the whole; equal ones say it once.
    texts: dict[str, list[str]] = {}
    for (unit, name), text in membership.texts.items():
        if unit in units and text not in texts.setdefault(name, []):
            texts[name].append(text)
    joined = {(new, name): "; ".join(parts) for name, parts in texts.items()}
    return _described(merged, {} if agreed is None else {new: agreed}, joined)


def _split(membership: Membership, split: Split) -> Membership:
    _require_units(membership, (split.unit,))
    rows, part = membership.rows[split.unit], np.asarray(split.part, np.int64)
    if len(part) != len(rows):
        raise InputError(f"Unit {split.unit} has {counted(len(rows), 'spike')}, and its split is of {len(part)}.")
    is_plain = len(part) and part.min() >= 0 and part.max() < len(part)
    used = np.flatnonzero(np.bincount(part)) if is_plain else np.unique(part)
    if len(used) < 2 or not np.array_equal(used, np.arange(len(used))):
        raise InputError(
            f"The split of unit {split.unit} needs two parts or more, 0, 1 ..., each with spikes. Got {used.tolist()}."
        )
    new = _new_units(membership, (split.unit,), len(used), split.new_units)
    parts = _replaced(membership, (split.unit,), {unit: rows[part == k] for k, unit in enumerate(new)})
    label = membership.labels.get(split.unit)
    texts = {(k, name): text for (u, name), text in membership.texts.items() if u == split.unit for k in new}
    return _described(parts, {} if label is None else dict.fromkeys(new, label), texts)


def _labelled(membership: Membership, action: SetLabel) -> Membership:
    _require_units(membership, (action.unit,))
    others = {unit: label for unit, label in membership.labels.items() if unit != action.unit}
    return replace(membership, labels=others if action.label is None else {**others, action.unit: Label(action.label)})


def _written(membership: Membership, action: SetText) -> Membership:
    _require_units(membership, (action.unit,))
    key = (action.unit, action.name)
    others = {k: text for k, text in membership.texts.items() if k != key}
    return replace(membership, texts={**others, key: action.text} if action.text else others)


def _replaced(membership: Membership, old: tuple[int, ...], new: Mapping[int, I32]) -> Membership:
    """Units in which the old ones have ended and new ones have begun."""
    rows = {unit: rows for unit, rows in membership.rows.items() if unit not in old}
    labels = {unit: label for unit, label in membership.labels.items() if unit not in old}
    texts = {key: text for key, text in membership.texts.items() if key[0] not in old}
    next_unit = max([membership.next_unit, *(unit + 1 for unit in new)])
    return Membership({**rows, **new}, membership.n_spikes, next_unit, labels, texts)


def _described(membership: Membership, labels: Mapping[int, Label], texts: Mapping[tuple[int, str], str]) -> Membership:
    return replace(membership, labels={**membership.labels, **labels}, texts={**membership.texts, **texts})


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
