"""Merges, splits, labels and removals move spikes between units, and lose none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.curation.actions import REMOVED, Action, Membership, Merge, Remove, SetLabel, Split, after
from spikesieve.curation.between import difference
from spikesieve.errors import InputError
from spikesieve.model import Label

FOUR = Membership.of_spikes(np.array([0, 1, 0, 2, 3, 1, 0]), (0, 1, 2, 3), 4)


def action(draw: st.DrawFn, now: Membership) -> Action:
    """Any action that fits the units of now."""
    unit = draw(st.sampled_from(now.ids))
    n = int((now.unit == unit).sum())
    kinds = ["label", "remove"] + ["merge"] * (len(now.ids) > 1) + ["split"] * (n > 1)
    match draw(st.sampled_from(kinds)):
        case "label":
            return SetLabel(unit, draw(st.sampled_from(Label)))
        case "remove":
            return Remove(unit)
        case "merge":
            units = draw(st.lists(st.sampled_from(now.ids), min_size=2, max_size=3, unique=True))
            return Merge(tuple(units), draw(st.sampled_from([None, units[0]])))
        case _:
            part = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n).filter(lambda p: len(set(p)) > 1))
            return Split(unit, np.unique(part, return_inverse=True)[1])


@st.composite
def histories(draw: st.DrawFn) -> tuple[Membership, list[Action], Membership]:
    """Units of some spikes, what a curator does to them, and the units after it."""
    n_units = draw(st.integers(1, 5))
    unit = np.array(draw(st.lists(st.integers(0, n_units - 1), max_size=12)), np.int64)
    before = now = Membership.of_spikes(unit, tuple(range(n_units)), n_units)
    actions: list[Action] = []
    for _ in range(draw(st.integers(0, 6))):
        if not now.ids:
            break
        actions.append(action(draw, now))
        now = after(now, actions[-1:])
    return before, actions, now


@settings(max_examples=200, deadline=None)
@given(histories())
def test_counts_always_add_up(history: tuple[Membership, list[Action], Membership]) -> None:
    before, actions, now = history
    assert len(now.unit) == len(before.unit)
    assert set(now.unit.tolist()) <= {REMOVED, *now.ids}
    assert set(now.labels) <= set(now.ids)
    assert now.next_unit > max(now.ids, default=-1)
    if not any(isinstance(one, Remove) for one in actions):
        assert (now.unit != REMOVED).all()


@settings(max_examples=200, deadline=None)
@given(histories())
def test_the_difference_leads_to_the_same_units(history: tuple[Membership, list[Action], Membership]) -> None:
    before, _, now = history
    found = after(before, difference(before, now))
    pairs = {*zip(found.unit.tolist(), now.unit.tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert ((found.unit == REMOVED) == (now.unit == REMOVED)).all()
    for mine, theirs in pairs - {(REMOVED, REMOVED)}:
        assert found.labels.get(mine) == now.labels.get(theirs)
        # Only a unit with the spikes of a unit before has another number: that one's.
        assert mine == theirs or ((found.unit == mine) == (before.unit == mine)).all()
    assert set(found.ids) - set(found.unit.tolist()) <= set(now.ids)


@settings(max_examples=200, deadline=None)
@given(histories())
def test_a_split_that_is_merged_again_changes_nothing(history: tuple[Membership, list[Action], Membership]) -> None:
    _, _, now = history
    for unit in now.ids:
        n = int((now.unit == unit).sum())
        if n > 1:
            parts = Split(unit, np.arange(n) % 2, (now.next_unit, now.next_unit + 1))
            again = after(now, [parts, Merge((now.next_unit, now.next_unit + 1), unit)])
            np.testing.assert_array_equal(again.unit, now.unit)
            assert (again.ids, again.labels) == (now.ids, now.labels)


def test_a_label_stays_with_a_split_and_with_a_merge_of_units_that_agree() -> None:
    labelled = after(FOUR, [SetLabel(0, Label.GOOD), SetLabel(1, Label.GOOD), SetLabel(2, Label.NOISE)])
    assert after(labelled, [Split(0, np.array([0, 1, 1]))]).labels == {1: "good", 2: "noise", 4: "good", 5: "good"}
    assert after(labelled, [Merge((0, 1))]).labels == {2: "noise", 4: "good"}
    assert after(labelled, [Merge((0, 2))]).labels == {1: "good"}


def test_numbers_are_not_used_twice_unless_they_are_asked_for() -> None:
    removed = after(FOUR, [Remove(3), Split(0, np.array([0, 1, 1]))])
    assert removed.ids == (1, 2, 4, 5)
    assert after(FOUR, [Merge((0, 1), 7), Merge((2, 3))]).ids == (7, 8)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Merge((0, 9)), "no unit 9"),
        (Merge((1, 1)), "two units"),
        (Merge((0, 1), 2), "no other unit has"),
        (Split(0, np.array([0, 1])), "has 3 spikes"),
        (Split(0, np.array([0, 0, 0])), "two parts"),
        (Split(0, np.array([0, 2, 2])), "two parts"),
        (Split(0, np.array([0, 1, 1]), (5,)), "2 numbers"),
        (Split(0, np.array([0, 1, 1]), (1, 5)), "no other unit has"),
        (SetLabel(8, Label.GOOD), "no unit 8"),
        (Remove(-1), "no unit -1"),
    ],
)
def test_an_action_that_does_not_fit_is_a_sentence(wrong: Action, says: str) -> None:
    with pytest.raises(InputError, match=says):
        after(FOUR, [wrong])
