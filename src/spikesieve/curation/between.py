"""The shortest way from one membership to another, in actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spikesieve.curation.actions import REMOVED, Action, Membership, Merge, Remove, SetLabel, Split


@dataclass(frozen=True)
class Difference:
    """Actions that lead from one membership to another, in the order in which they are done.

    Attributes
    ----------
    splits : tuple of Split
        Each unit that does not stay together.
    removed : tuple of Remove
        Units and parts that are left out.
    merges : tuple of Merge
        Units and parts that come together.
    labels : tuple of SetLabel
        Labels by hand.
    """

    splits: tuple[Split, ...]
    removed: tuple[Remove, ...]
    merges: tuple[Merge, ...]
    labels: tuple[SetLabel, ...]

    def __iter__(self) -> Iterator[Action]:
        yield from self.splits
        yield from self.removed
        yield from self.merges
        yield from self.labels


def difference(before: Membership, target: Membership) -> Difference:
    """Find the actions that lead from one membership to another.

    Parameters
    ----------
    before, target : Membership
        Two memberships of the same spikes.

    Returns
    -------
    Difference
        Done on `before`, it gives the units of `target`. A unit that has the spikes of a unit before keeps that
        unit's number; units without spikes that were merged are left out.

    Examples
    --------
    >>> before = Membership.of_spikes(np.array([0, 1, 1]), (0, 1), 2)
    >>> difference(before, Membership.of_spikes(np.array([3, 3, 4]), (3, 4), 5)).merges
    (Merge(units=(0, 5), new_unit=3),)
    """
    new_of = _new_of(before, target)
    n_old = Counter(new for parts in new_of.values() for new in parts)
    number = max(before.next_unit, target.next_unit)
    splits: list[Split] = []
    atoms: dict[int, list[int]] = {new: [] for new in (*target.ids, REMOVED)}
    for old in before.ids:
        parts = new_of[old] or [old if old in target.ids else REMOVED]
        numbers = [old]
        if len(parts) > 1:
            alone = [n_old[new] == 1 and new not in (*before.ids, REMOVED) for new in parts]
            numbers = [new if alone[k] else number + k for k, new in enumerate(parts)]
            number += len(parts)
            splits.append(Split(old, np.searchsorted(parts, target.unit[before.rows[old]]), tuple(numbers)))
        for new, atom in zip(parts, numbers, strict=True):
            atoms[new].append(atom)
    numbers_now = _numbers(atoms, before, number)
    return Difference(
        tuple(splits),
        tuple(Remove(atom) for atom in atoms[REMOVED]),
        tuple(
            Merge(tuple(parts), numbers_now[new]) for new, parts in atoms.items() if new in numbers_now and parts[1:]
        ),
        tuple(
            SetLabel(numbers_now[new], label)
            for new, label in target.labels.items()
            if new in numbers_now and before.labels.get(numbers_now[new]) != label
        ),
    )


def _new_of(before: Membership, target: Membership) -> dict[int, list[int]]:
    """For each unit before, and for the spikes of none, the units that its spikes are in."""
    new_of: dict[int, list[int]] = {REMOVED: []}
    n_found = dict.fromkeys((*target.ids, REMOVED), 0)
    for old, rows in before.rows.items():
        if old in target.rows and np.array_equal(rows, target.rows[old]):
            new, n_each = ([old], [len(rows)]) if len(rows) else ([], [])
        else:
            new, n_each = (found.tolist() for found in np.unique(target.unit[rows], return_counts=True))
        new_of[old] = new
        for unit, n in zip(new, n_each, strict=True):
            n_found[unit] += n
    new_of[REMOVED] = [unit for unit, rows in target.rows.items() if n_found[unit] < len(rows)]
    return new_of


def _numbers(atoms: dict[int, list[int]], before: Membership, number: int) -> dict[int, int]:
    """Number of each unit made of these parts. One that another unit had before is not given again."""
    numbers = {}
    for new, parts in atoms.items():
        if new == REMOVED or not parts:
            continue
        fits = new in parts or new not in before.ids
        numbers[new] = parts[0] if len(parts) == 1 else new if fits else number
        number += 1
    return numbers
