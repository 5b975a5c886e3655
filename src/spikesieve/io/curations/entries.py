"""Entries of a curation's history as JSON. The parts of a split are arrays in files of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spikesieve.curation.actions import Action, Merge, Remove, SetLabel, SetText, Split
from spikesieve.curation.history import Deed, Entry, GoBack, Redo, Reject, Step, Undo
from spikesieve.model import I64, Label

# Keeps the parts of a split and returns what is written in their place.
KeepParts: TypeAlias = Callable[[I64], dict[str, Any]]
# Finds them again.
FindParts: TypeAlias = Callable[[Mapping[str, Any]], I64]


class _Line(BaseModel):
    """An entry as it is written."""

    model_config = ConfigDict(extra="forbid")
    n: int
    t: str
    who: str
    by: Literal["person", "rule", "import"] = "person"
    request: str = ""
    do: str
    to: int = 0
    actions: list[dict[str, Any]] = Field(default_factory=list)
    rejected: list[list[int]] = Field(default_factory=list)


_PLAIN: dict[str, Deed] = {"undo": Undo(), "redo": Redo()}


def entry_facts(entry: Entry, keep: KeepParts) -> dict[str, Any]:
    """Write an entry as JSON.

    Parameters
    ----------
    entry : Entry
        The entry.
    keep : callable
        Keeps the part of each spike of a split, and returns facts that lead to it.

    Returns
    -------
    dict
        For `json.dumps`.
    """
    head = {"n": entry.number, "t": entry.when, "who": entry.who, "by": entry.by, "request": entry.request}
    match entry.deed:
        case Undo():
            return {**head, "do": "undo"}
        case Redo():
            return {**head, "do": "redo"}
        case GoBack(to):
            return {**head, "do": "go back", "to": to}
        case Step(name, actions, rejected):
            facts = {**head, "do": name, "actions": [action_facts(action, keep) for action in actions]}
            return {**facts, "rejected": [list(one.units) for one in rejected]} if rejected else facts


def entry_of(facts: Mapping[str, Any], find: FindParts) -> Entry:
    """Read an entry.

    Parameters
    ----------
    facts : mapping
        From `entry_facts`.
    find : callable
        Finds the part of each spike of a split from the facts that lead to it.

    Returns
    -------
    Entry
        The entry.

    Raises
    ------
    ValueError
        The facts are of no entry.
    """
    line = _Line.model_validate(facts)
    deed: Deed
    if line.do in _PLAIN:
        deed = _PLAIN[line.do]
    elif line.do == "go back":
        deed = GoBack(line.to)
    else:
        rejected = tuple(Reject(tuple(units)) for units in line.rejected)
        deed = Step(line.do, tuple(action_of(one, find) for one in line.actions), rejected)
    return Entry(line.n, line.t, line.who, deed, line.request, line.by)


def action_facts(action: Action, keep: KeepParts) -> dict[str, Any]:
    """Write an action as JSON.

    Parameters
    ----------
    action : Action
        The action.
    keep : callable
        Keeps the parts of a split.

    Returns
    -------
    dict
        For `json.dumps`.
    """
    match action:
        case Merge(units, new):
            return {"do": "merge", "units": list(units), "new": new}
        case Split(unit, part, new_units):
            n_each = np.bincount(part).tolist()
            return {"do": "split", "unit": unit, "new": new_units, "n": n_each, "parts": keep(part)}
        case SetLabel(unit, label):
            return {"do": "label", "unit": unit, "label": None if label is None else str(label)}
        case SetText(unit, name, text):
            return {"do": "text", "unit": unit, "name": name, "text": text}
        case Remove(unit):
            return {"do": "remove", "unit": unit}


def action_of(facts: Mapping[str, Any], find: FindParts) -> Action:
    """Read an action.

    Parameters
    ----------
    facts : mapping
        From `action_facts`.
    find : callable
        Finds the parts of a split.

    Returns
    -------
    Action
        The action.

    Raises
    ------
    ValueError
        The facts are of no action.
    """
    try:
        match facts["do"]:
            case "merge":
                return Merge(tuple(map(int, facts["units"])), None if facts["new"] is None else int(facts["new"]))
            case "split":
                new = facts["new"]
                return Split(int(facts["unit"]), find(facts["parts"]), None if new is None else tuple(map(int, new)))
            case "label":
                label = facts["label"]
                return SetLabel(int(facts["unit"]), None if label is None else Label(label))
            case "text":
                return SetText(int(facts["unit"]), str(facts["name"]), str(facts["text"]))
            case "remove":
                return Remove(int(facts["unit"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{dict(facts)} is no action: {error!r}") from error
    raise ValueError(f"{facts['do']!r} is no action")
