"""The history of a curation: what was done, undone and done again, and the units at any point of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from spikesieve.curation.actions import Action, Membership, after
from spikesieve.errors import InputError


@dataclass(frozen=True)
class Undo:
    """Take back what was done last."""


@dataclass(frozen=True)
class Redo:
    """Do again what was taken back last."""


@dataclass(frozen=True)
class GoBack:
    """Return to the units as they were after an entry. `Undo` leads to the units as they were before.

    Attributes
    ----------
    to : int
        Number of the entry; 0 is the beginning.
    """

    to: int


@dataclass(frozen=True)
class Reject:
    """Remember that units are different neurons, or that one is whole, so that it is not suggested again.

    Attributes
    ----------
    units : tuple of int
        The units.
    """

    units: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """What one decision of a curator does: actions that are undone together.

    Attributes
    ----------
    name : str
        The decision: merge, split, label ...
    actions : tuple of Action
        Done one after the other; new units have their numbers.
    rejected : tuple of Reject
        Merges that are not to be suggested again.
    """

    name: str
    actions: tuple[Action, ...] = ()
    rejected: tuple[Reject, ...] = ()


Deed = Step | Undo | Redo | GoBack


@dataclass(frozen=True)
class Entry:
    """One entry of a history.

    Attributes
    ----------
    number : int
        1, 2, 3 ...
    when : str
        Date and time with the time zone.
    who : str
        Name of the curator.
    deed : Deed
        What was done.
    request : str
        What the page called its request, by which a repeated one is recognised.
    by : {"person", "rule", "import"}
        Who decided it.
    """

    number: int
    when: str
    who: str
    deed: Deed
    request: str = ""
    by: Literal["person", "rule", "import"] = "person"


@dataclass(frozen=True, eq=False)
class Version:
    """The units at one point of a history.

    Attributes
    ----------
    units : Membership
        The units.
    rejected : frozenset of frozenset of int
        Pairs and groups of units whose merge was rejected.
    entry : int
        Number of the entry that led here; 0 for the beginning.
    before : Version or None
        What it was made from.
    """

    units: Membership
    rejected: frozenset[frozenset[int]] = frozenset()
    entry: int = 0
    before: Version | None = field(default=None, repr=False)

    def steps(self) -> tuple[int, ...]:
        """List the entries that are in force.

        Returns
        -------
        tuple of int
            Their numbers, the first one first.
        """
        found: list[int] = []
        version: Version | None = self
        while version is not None and version.before is not None:
            found.append(version.entry)
            version = version.before
        return tuple(reversed(found))


@dataclass(frozen=True, eq=False)
class History:
    """All entries, and the version that is in force.

    Every entry but `Undo` and `Redo` adds a version behind the one in force; those two move along the versions.

    Attributes
    ----------
    entries : tuple of Entry
        All entries in order of time.
    versions : tuple of Version
        What can be reached by undo and redo, in this order.
    place : int
        Which of them is in force.
    reached : tuple of Version
        The version in force after each entry, the beginning first.
    next_unit : int
        Smallest number that no unit ever had, in any version.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.curation.actions import Merge
    >>> start = History.of(Membership.of_spikes(np.array([0, 1, 2]), (0, 1, 2), 3))
    >>> merged = start.then(Entry(1, "", "", Step("merge", (Merge((0, 1), 3),))))
    >>> merged.units.ids, merged.then(Entry(2, "", "", Undo())).units.ids
    ((2, 3), (0, 1, 2))
    """

    entries: tuple[Entry, ...]
    versions: tuple[Version, ...]
    place: int
    reached: tuple[Version, ...]
    next_unit: int

    @classmethod
    def of(cls, units: Membership) -> History:
        """Begin a history.

        Parameters
        ----------
        units : Membership
            The units before any action.

        Returns
        -------
        History
            Without entries.
        """
        start = Version(units)
        return cls((), (start,), 0, (start,), units.next_unit)

    @property
    def now(self) -> Version:
        """The version in force."""
        return self.versions[self.place]

    @property
    def units(self) -> Membership:
        """The units now."""
        return self.now.units

    @property
    def can_undo(self) -> bool:
        """Whether something is left to take back."""
        return self.place > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back that can be done again."""
        return self.place < len(self.versions) - 1

    def then(self, entry: Entry) -> History:
        """Add an entry.

        Parameters
        ----------
        entry : Entry
            The next one.

        Returns
        -------
        History
            With it.

        Raises
        ------
        InputError
            It cannot be done: it names units that are not there, or there is nothing to undo.
        """
        if entry.number != len(self.entries) + 1:
            raise InputError(f"Entry {entry.number} does not follow entry {len(self.entries)}.")
        versions, place = self._moved(entry)
        used = versions[place].units.next_unit
        return History(
            (*self.entries, entry), versions, place, (*self.reached, versions[place]), max(self.next_unit, used)
        )

    def _moved(self, entry: Entry) -> tuple[tuple[Version, ...], int]:
        match entry.deed:
            case Undo():
                if not self.can_undo:
                    raise InputError("There is nothing to undo.")
                return self.versions, self.place - 1
            case Redo():
                if not self.can_redo:
                    raise InputError("There is nothing to do again.")
                return self.versions, self.place + 1
            case GoBack(to):
                if not 0 <= to <= len(self.entries):
                    raise InputError(f"There is no entry {to} to go back to. There are {len(self.entries)}.")
                new = self.reached[to]
            case Step() as step:
                units = after(self.units, step.actions)
                rejected = self.now.rejected | {frozenset(one.units) for one in step.rejected}
                new = Version(units, rejected, entry.number, self.now)
        return (*self.versions[: self.place + 1], new), self.place + 1


def replay(units: Membership, entries: Iterable[Entry]) -> History:
    """Do all entries of a history again.

    Parameters
    ----------
    units : Membership
        The units before any action.
    entries : iterable of Entry
        The entries in order of time.

    Returns
    -------
    History
        The same as it was after the last one.

    Raises
    ------
    InputError
        An entry does not fit the units.
    """
    history = History.of(units)
    for entry in entries:
        history = history.then(entry)
    return history


def actions_in_force(history: History) -> Iterator[Action]:
    """List the actions that lead from the beginning to the units now.

    Parameters
    ----------
    history : History
        The history.

    Yields
    ------
    Action
        In the order in which they were done.
    """
    for number in history.now.steps():
        deed = history.entries[number - 1].deed
        if isinstance(deed, Step):
            yield from deed.actions
