"""What is worth a look: halves of a neuron, two neurons in a unit, and not the others."""

from __future__ import annotations

import numpy as np
from refractory_neurons import neurons

from spikesieve.app.session import Session
from spikesieve.curation.history import Entry, History, Reject, Step
from spikesieve.model import Label
from spikesieve.views.result import Result
from spikesieve.views.scatter import coordinates, inside
from spikesieve.views.suggestions import unit_suggestion


def session(result: Result) -> Session:
    return Session(result, History.of(result.units), lambda entry: None)


def test_halves_of_a_neuron_are_suggested_until_they_are_rejected() -> None:
    shown = session(neurons([0, 1], halves=True))
    merges = [one for one in shown.queue.all() if one.kind == "merge"]
    assert [one.units for one in merges] == [(0, 1)]
    assert "refractory" in merges[0].evidence
    shown.take(Step("reject", (), (Reject((1, 0)),)), "person")
    assert not [one for one in shown.queue.all() if one.kind == "merge"]


def test_two_neurons_in_a_unit_are_suggested_with_the_lasso_that_parts_them() -> None:
    result = neurons([0, 0])
    rows = result.units.rows[0]
    row = session(result).facts(0).row
    found = unit_suggestion(result, row, rows)
    assert found is not None
    assert (found.kind, found.units) == ("split", (0,))
    assert found.lasso is not None
    chosen = inside(*coordinates(result, rows, found.lasso.kind), np.array(found.lasso.corners))
    assert result.amplitude is not None
    is_second = result.amplitude[rows] > 90
    assert abs((chosen == is_second).mean() - 0.5) > 0.49  # the lasso is around the smaller cloud


def test_good_units_are_not_worth_a_look() -> None:
    shown = session(neurons([0, 1, 2]))
    assert {shown.label(unit) for unit in shown.units.ids} == {Label.GOOD}
    assert shown.queue.all() == []


def test_a_label_by_hand_ends_the_doubt() -> None:
    shown = session(neurons([0, 0]))
    assert [one.units for one in shown.queue.all()] == [(0,)]
    entry = Entry(1, "", "", Step("reject", (), (Reject((0,)),)))
    assert session_with(shown, entry).queue.all() == []


def session_with(shown: Session, entry: Entry) -> Session:
    return Session(shown.result, shown.history.then(entry))
