"""What the page asks for, turned into a deed of the history. It is decided here, on all spikes, not on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from spikesieve.curation.actions import Action, Merge, Remove, SetLabel, SetText, Split
from spikesieve.curation.history import Deed, GoBack, History, Redo, Reject, Step, Undo
from spikesieve.errors import InputError
from spikesieve.model import I32, Bool, Label
from spikesieve.model.text import counted, named
from spikesieve.views.features import feature_coordinates
from spikesieve.views.result import Result
from spikesieve.views.scatter import Kind, coordinates, inside
from spikesieve.views.waveform_lines import crossing

Units = Annotated[list[int], Field(min_length=1, max_length=100_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lasso(_Asked):
    """A polygon in a plot, or a line over waveforms.

    Attributes
    ----------
    kind : {"amplitude", "depth", "position", "clusters", "feature", "waveform"}
        The plot.
    axes : (str, str) or None
        What is shown to the right and upwards, for "feature"; see `views.features.axis_values`.
    contact : int or None
        The contact over whose waveforms the line is drawn, for "waveform".
    corners : list of (float, float)
        In the units of its axes. Those of a line are joined, and its ends are not.
    """

    kind: Kind | Literal["feature", "waveform"]
    axes: tuple[str, str] | None = None
    contact: int | None = None
    corners: Annotated[list[tuple[float, float]], Field(min_length=2, max_length=10_000)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "feature" and self.axes is None:
            raise ValueError("A lasso around features needs their axes.")
        if self.kind == "waveform" and self.contact is None:
            raise ValueError("A line over waveforms needs their contact.")
        if self.kind != "waveform" and len(self.corners) < 3:
            raise ValueError("A lasso has three corners at least.")
        return self


class Asked(_Asked):
    """A decision of a curator, as the page sends it.

    Attributes
    ----------
    do : str
        What is to be done.
    seq : int
        Number of entries that the page knew of.
    request : str
        A name that no other request has.
    units : list of int
        The units it is about.
    label : str or None
        For "label": good, mua, noise; None takes a label back.
    name, text : str
        For "text": "note" or the name of an own label, and what it says.
    lasso : Lasso or None
        For "split", "discard" and "move": the spikes.
    target : int or None
        For "move": the unit that the spikes go to. For "go back": the number of the entry.
    """

    do: Literal["merge", "split", "discard", "move", "label", "text", "reject", "undo", "redo", "go back"]
    seq: int
    request: Annotated[str, Field(min_length=1, max_length=100)]
    units: list[int] = []
    label: Literal["good", "mua", "noise"] | None = None
    name: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z][\w -]*$")] = "note"
    text: Annotated[str, Field(max_length=10_000)] = ""
    lasso: Lasso | None = None
    target: int | None = None


def deed_of(asked: Asked, history: History, result: Result) -> Deed:
    """Decide what a request does.

    Parameters
    ----------
    asked : Asked
        The request.
    history : History
        What was done before.
    result : Result
        The result.

    Returns
    -------
    Deed
        A step whose new units have numbers that no unit ever had, or a move through the history.

    Raises
    ------
    InputError
        It cannot be done.
    """
    match asked.do:
        case "undo":
            return Undo()
        case "redo":
            return Redo()
        case "go back":
            return GoBack(asked.target or 0)
        case "reject":
            return Step("reject", (), (Reject(tuple(asked.units)),))
    return Step(asked.do, tuple(_actions(asked, history, result)))


def _actions(asked: Asked, history: History, result: Result) -> Sequence[Action]:
    units = tuple(dict.fromkeys(asked.units))
    missing = [unit for unit in units if unit not in history.units.rows]
    if missing or not units:
        raise InputError(f"There is no unit {missing[0]} any more." if missing else "No unit is selected.")
    if asked.do == "merge":
        return (Merge(units, history.next_unit),)
    if asked.do == "label":
        return tuple(SetLabel(unit, None if asked.label is None else Label(asked.label)) for unit in units)
    if asked.do == "text":
        return tuple(SetText(unit, asked.name, asked.text) for unit in units)
    return _parted(asked, units, history, result)


def chosen_spikes(lasso: Lasso, rows: I32, result: Result) -> Bool:
    """Find the spikes in a lasso.

    Parameters
    ----------
    lasso : Lasso
        The polygon or line.
    rows : ndarray of int32, shape (n,)
        Spikes of a unit.
    result : Result
        The result.

    Returns
    -------
    ndarray of bool, shape (n,)
        Those inside.
    """
    corners = np.array(lasso.corners, np.float64)
    if lasso.kind == "waveform":
        return crossing(result, rows, lasso.contact or 0, corners)
    if lasso.kind == "feature":
        return inside(*feature_coordinates(result, rows, lasso.axes or ("t", "t")), corners)
    return inside(*coordinates(result, rows, lasso.kind), corners)


def _parted(asked: Asked, units: tuple[int, ...], history: History, result: Result) -> Sequence[Action]:
    """Take the spikes in the lasso out of the units. They become a unit, or go to another one, or to none."""
    if asked.lasso is None:
        raise InputError("Draw a lasso around the spikes first.")
    lasso, rows = asked.lasso, history.units.rows
    chosen = {unit: chosen_spikes(lasso, rows[unit], result) for unit in units}
    n_inside = sum(int(mask.sum()) for mask in chosen.values())
    if not n_inside:
        raise InputError(f"No spike of {named('unit', units)} is in the lasso.")
    splits, taken, next_unit = _splits(chosen, history.next_unit)
    if asked.do == "discard":
        return (*splits, *(Remove(unit) for unit in taken))
    if asked.do == "move":
        if asked.target is None or asked.target not in rows or asked.target in units:
            raise InputError("Say which other unit the spikes go to.")
        return (*splits, Merge((asked.target, *taken), next_unit))
    if not splits:
        n_all = counted(n_inside, "spike")
        raise InputError(f"The lasso holds all {n_all}: there is nothing to split.")
    return (*splits, Merge(tuple(taken), next_unit)) if len(taken) > 1 else splits


def _splits(chosen: Mapping[int, Bool], next_unit: int) -> tuple[tuple[Split, ...], list[int], int]:
    """Splits of the units that are partly chosen, the units that hold all chosen spikes then, and the next number."""
    splits, taken = [], []
    for unit, mask in chosen.items():
        if mask.all():
            taken.append(unit)
        elif mask.any():
            splits.append(Split(unit, mask.astype(np.int64), (next_unit, next_unit + 1)))
            taken.append(next_unit + 1)
            next_unit += 2
    return tuple(splits), taken, next_unit
