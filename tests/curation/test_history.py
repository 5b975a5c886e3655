"""Undo and redo move through what was done; going back does not lose anything; numbers are never used again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.curation.actions import Membership, Merge, SetLabel, Split
from spikesieve.curation.history import Deed, Entry, GoBack, History, Redo, Step, Undo, actions_in_force, replay
from spikesieve.errors import InputError
from spikesieve.model import Label

START = Membership.of_spikes(np.arange(12) % 4, range(4), 4)


def entry(history: History, deed: Deed) -> Entry:
    return Entry(len(history.entries) + 1, "", "", deed)


def deed(draw: st.DrawFn, history: History) -> Deed:
    """Any deed that is possible now."""
    units, new = history.units, history.next_unit
    kinds = ["label", "go back"] + ["undo"] * history.can_undo + ["redo"] * history.can_redo
    kinds += ["merge"] * (len(units.ids) > 1) + ["split"] * any(len(rows) > 1 for rows in units.rows.values())
    match draw(st.sampled_from(kinds)):
        case "undo":
            return Undo()
        case "redo":
            return Redo()
        case "go back":
            return GoBack(draw(st.integers(0, len(history.entries))))
        case "label":
            return Step("label", (SetLabel(draw(st.sampled_from(units.ids)), draw(st.sampled_from(Label))),))
        case "merge":
            both = draw(st.lists(st.sampled_from(units.ids), min_size=2, max_size=2, unique=True))
            return Step("merge", (Merge(tuple(both), new),))
        case _:
            unit = draw(st.sampled_from([unit for unit, rows in units.rows.items() if len(rows) > 1]))
            part = (np.arange(len(units.rows[unit])) > 0).astype(np.int64)
            return Step("split", (Split(unit, part, (new, new + 1)),))


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History.of(START)
    for _ in range(draw(st.integers(0, 15))):
        history = history.then(entry(history, deed(draw, history)))
    return history


def facts(units: Membership) -> tuple:
    return {unit: rows.tolist() for unit, rows in units.rows.items()}, dict(units.labels)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_replay_gives_the_same_and_no_spike_is_lost(history: History) -> None:
    again = replay(START, history.entries)
    assert facts(again.units) == facts(history.units)
    assert (again.place, again.next_unit) == (history.place, history.next_unit)
    assert sorted(row for rows in history.units.rows.values() for row in rows) == list(range(12))


@settings(max_examples=100, deadline=None)
@given(histories())
def test_a_number_always_means_the_same_spikes(history: History) -> None:
    seen: dict[int, list[int]] = {}
    for version in history.reached:
        for unit, rows in version.units.rows.items():
            assert seen.setdefault(unit, rows.tolist()) == rows.tolist()


@settings(max_examples=100, deadline=None)
@given(histories())
def test_undo_all_leads_to_the_beginning_and_redo_all_back(history: History) -> None:
    place, now = history.place, facts(history.units)
    for _ in range(place):
        history = history.then(entry(history, Undo()))
    assert facts(history.units) == facts(START)
    assert not history.can_undo
    for _ in range(place):
        history = history.then(entry(history, Redo()))
    assert facts(history.units) == now


@settings(max_examples=50, deadline=None)
@given(histories(), st.integers(0, 15))
def test_any_point_can_be_gone_back_to_and_undone(history: History, to: int) -> None:
    to = min(to, len(history.entries))
    before = facts(history.units)
    back = history.then(entry(history, GoBack(to)))
    assert facts(back.units) == facts(history.reached[to].units)
    assert facts(back.then(entry(back, Undo())).units) == before


@settings(max_examples=50, deadline=None)
@given(histories())
def test_the_actions_in_force_lead_to_the_units(history: History) -> None:
    made = History.of(START)
    made = made.then(entry(made, Step("all", tuple(actions_in_force(history)))))
    assert facts(made.units) == facts(history.units)


@pytest.mark.parametrize("wrong", [Undo(), Redo(), GoBack(5), Step("merge", (Merge((0, 9)),))])
def test_what_cannot_be_done_is_a_sentence(wrong: Deed) -> None:
    start = History.of(START)
    with pytest.raises(InputError, match=r"\."):
        start.then(entry(start, wrong))
